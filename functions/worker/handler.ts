import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';

import { ConfigError } from '../../lib/errors.ts';
import { createPlume } from '../../lib/middleware/create-plume.ts';
import { SDK_CONFIG } from '../../lib/platform/sdk-config.ts';
import { readWorkerSettings } from '../../lib/settings.ts';
import { createLambdaTelemetry } from '../../lib/telemetry/lambda-telemetry.ts';
import { processBatch } from './process-batch.ts';
import { createQueues } from './queues.ts';
import { readJobSettings } from './settings.ts';

/** A reference worker: one SQS message is one call of Plume's API, its answer goes to a result queue. */

const { clients, urls, logsDone, priority } = readJobSettings(process.env);
const { service, metrics, budget } = readWorkerSettings(process.env);
const telemetry = createLambdaTelemetry({ service, metrics }, process.env);
const dependencies = {
  rules: { clients, resultQueues: new Set(urls.namedResults.keys()) },
  plumes: new Map(clients.map((client) => [client, createPlume({ client, priority })])),
  queues: createQueues({ sqs: new SQSClient(SDK_CONFIG), urls }),
  now: Date.now,
  telemetry,
  windowMs: budget.windowMs,
  logsDone,
  random: Math.random,
};

export async function handler({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  if (!Array.isArray(Records))
    throw new ConfigError('the worker takes the events of an SQS queue: { "Records": [ … ] }');
  const response = await processBatch(Records, context, dependencies);
  telemetry.flush();
  return response;
}
