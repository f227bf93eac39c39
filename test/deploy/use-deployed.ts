import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';

import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSEvent } from 'aws-lambda';

import { authorizationOf, type CloudClient, scopeOf } from '../../infra/local/plume-cloud/clients.ts';
import { startPlumeCloud } from '../../infra/local/plume-cloud/plume-cloud.ts';
import { ENV, type MinterEvent } from '../../lib/contract.ts';
import type { CallerEvent } from '../system/functions/many-calls.ts';
import type { DeployedFunction } from './deployed.ts';
import { atEndpoint, brokerOf, startLocalFunctions } from './local-functions.ts';
import type { Secret } from './secret.ts';

const CLIENT: CloudClient = {
  name: 'mocha',
  lifetimeSeconds: 600,
  partner: 'mocha-partner',
  clientId: `0oa${randomBytes(8).toString('hex')}`,
  clientSecret: randomBytes(48).toString('base64url'),
};

/** More often than the stage's schedule, so that the check is short. */
const TICK_MS = 15_000;
const MAX_TICKS = 12;

export interface Deployment {
  /** Of the stack. */
  readonly functions: readonly DeployedFunction[];
  /** A function of another app, which uses the broker: `test/system/functions/many-calls.ts`. */
  readonly caller: DeployedFunction;
  readonly secret: Secret;
}

/**
 * A tick mints, the inspector sees the token, a job on the stack's queue has its result on the other, and a function of
 * another app makes a call.
 */
export async function useDeployed({ functions, caller, secret }: Deployment): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const cloud = await startPlumeCloud({
    clients: [CLIENT],
    waf: { limit: 2000, windowMs: 300_000, release: 'new-frame' },
    latencyMs: 5,
    record: () => {},
    now: Date.now,
  });
  stack.defer(() => cloud.stop());
  await secret.put({
    authorization: authorizationOf(CLIENT),
    tokenUrl: cloud.tokenUrl,
    scope: scopeOf(CLIENT),
  });

  const local = await startLocalFunctions([...functions, caller], cloud);
  stack.defer(() => local.stop());
  const { invoke } = local;
  // Emulators may lack a stack's outputs. The worker knows the rest by its environment.
  const worker = functions.find(({ environment }) => environment[ENV.jobQueueUrl] !== undefined);
  assert.ok(worker, 'the stack has a worker');
  const { [ENV.jobQueueUrl]: jobs = '', [ENV.resultQueueUrl]: results = '' } = worker.environment;
  const minterName = brokerOf(worker.environment).minter.split(':').at(-1) ?? '';
  const inspectorName = functions.find(({ name }) => name.includes('Inspector'))?.name ?? '';

  // A new budget hands out its first ticket for a moment that may lie past the end of the first ticks.
  let state: unknown;
  for (let tick = 1; tick <= MAX_TICKS && state !== 'served'; tick++) {
    if (tick > 1) await setTimeout(TICK_MS);
    const summary = await invoke(minterName, { kind: 'tick' } satisfies MinterEvent);
    console.error(`tick ${tick}: ${JSON.stringify(summary)}`);
    const rows = (await invoke(inspectorName, {})) as { client: string; state: string }[];
    state = rows.find(({ client }) => client === CLIENT.name)?.state;
  }
  assert.equal(state, 'served', `the token of ${CLIENT.name} is served after ${MAX_TICKS} ticks`);

  const sqs = new SQSClient({});
  stack.defer(() => sqs.destroy());
  const event = await submit(sqs, atEndpoint(jobs));
  assert.deepEqual(await invoke(worker.name, event), { batchItemFailures: [] });
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: atEndpoint(results), WaitTimeSeconds: 5 }),
  );
  const received = Messages.map(({ Body = '{}' }) => JSON.parse(Body) as { id: string; status: number });
  assert.deepEqual(
    received.map(({ id, status }) => ({ id, status })),
    [{ id: event.Records[0]?.messageId, status: 200 }],
  );

  // Emulators know a table by its name alone, which is how functions of its own account are told of it.
  assert.doesNotMatch(brokerOf(caller.environment).table, /^arn:/);
  assert.deepEqual(await invoke(caller.name, { calls: 1, startAtMs: 0 } satisfies CallerEvent), { 200: 1 });
}

/** Sends a job and receives it as an event source does. */
async function submit(sqs: SQSClient, queueUrl: string): Promise<SQSEvent> {
  const body = JSON.stringify({ method: 'GET', path: '/api/v1/locations' });
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      WaitTimeSeconds: 5,
      MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
    }),
  );
  return {
    Records: Messages.map(({ MessageId, ReceiptHandle, Body, Attributes }) => ({
      messageId: MessageId ?? '',
      receiptHandle: ReceiptHandle ?? '',
      body: Body ?? '',
      attributes: Attributes as unknown as SQSEvent['Records'][number]['attributes'],
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: '',
      awsRegion: '',
    })),
  };
}
