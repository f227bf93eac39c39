import { SQSClient } from '@aws-sdk/client-sqs';
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';

import { ConfigError } from '../../lib/errors.ts';
import { plume } from '../../lib/middleware/plume.ts';
import { SDK_CONFIG } from '../../lib/platform/sdk-config.ts';
import { readClient, readWorkerSettings, required } from '../../lib/settings.ts';
import { createPowertoolsTelemetry } from '../../lib/telemetry/powertools.ts';
import { batchResponse } from './batch-response.ts';
import { processJob } from './process-job.ts';
import { createQueues } from './queues.ts';

/** A reference worker: one SQS message is one call of Plume's API, its answer goes to the result queue. */

const client = readClient(process.env);
const telemetry = createPowertoolsTelemetry(readWorkerSettings(process.env).service);
const queues = createQueues({
  sqs: new SQSClient(SDK_CONFIG),
  urls: {
    jobs: required(process.env, 'jobQueueUrl'),
    results: required(process.env, 'resultQueueUrl'),
    deadLetters: required(process.env, 'deadLetterQueueUrl'),
  },
});

export const handler = middy()
  .use(plume<SQSEvent>({ client }))
  .handler(async ({ Records }, context): Promise<SQSBatchResponse> => {
    if (!Array.isArray(Records))
      throw new ConfigError('the worker takes the events of an SQS queue: { "Records": [ … ] }');
    const dependencies = {
      client,
      api: context.plume,
      queues,
      now: Date.now,
      telemetry,
      random: Math.random,
    };
    const ends = await Promise.all(Records.map((record) => processJob(record, dependencies)));
    telemetry.flush();
    return batchResponse(Records, ends);
  });
