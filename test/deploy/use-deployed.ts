import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';

import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSEvent } from 'aws-lambda';

import type { FunctionPool } from '../../infra/local/emulators/lambda/function-pool.ts';
import { startLambda } from '../../infra/local/emulators/lambda/lambda.ts';
import { authorizationOf, type CloudClient, scopeOf } from '../../infra/local/plume-cloud/clients.ts';
import { startPlumeCloud } from '../../infra/local/plume-cloud/plume-cloud.ts';
import { ENV, type MinterEvent } from '../../lib/contract.ts';
import type { WorkerSettings } from '../../lib/settings.ts';
import type { CallerEvent } from '../system/functions/many-calls.ts';
import type { DeployedFunction } from './deployed.ts';
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

const SDK_VARIABLES = ['AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];

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

  const local = await startLambda(() => {});
  stack.defer(() => local.stop());
  const pools = new Map<string, FunctionPool>();
  for (const { environment, ...deployed } of [...functions, caller]) {
    const pool = local.add({
      ...deployed,
      memoryMb: 512,
      concurrency: 1,
      environment: {
        ...Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, atEndpoint(value)])),
        ...pick(process.env, SDK_VARIABLES),
        AWS_ENDPOINT_URL_LAMBDA: local.url,
        // The stage's own API is not there.
        [ENV.broker]: JSON.stringify({ ...brokerOf(environment), apiUrl: cloud.apiUrl }),
      },
    });
    pools.set(deployed.name, pool);
  }
  // Emulators may lack a stack's outputs. The worker knows the rest by its environment.
  const worker = functions.find(({ environment }) => environment[ENV.jobQueueUrl] !== undefined);
  assert.ok(worker, 'the stack has a worker');
  const { [ENV.jobQueueUrl]: jobs = '', [ENV.resultQueueUrl]: results = '' } = worker.environment;
  const minterName = brokerOf(worker.environment).minter.split(':').at(-1) ?? '';
  const inspectorName = functions.find(({ name }) => name.includes('Inspector'))?.name ?? '';
  const invoke = async (name: string, event: unknown): Promise<unknown> => {
    const pool = pools.get(name);
    assert.ok(pool, `the stack has the function ${name}`);
    const result = await pool.invoke(JSON.stringify(event));
    if (!result.ok) throw new Error(`${name} failed: ${JSON.stringify(result.error)}`);
    return JSON.parse(result.payload);
  };

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

function brokerOf(environment: Readonly<Record<string, string>>): WorkerSettings {
  return JSON.parse(environment[ENV.broker] ?? '{}');
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

function pick(from: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (from[name] ? [[name, from[name]]] : [])));
}

/** The URL of a queue names AWS's own host, which the SDK prefers to its endpoint. */
function atEndpoint(value: string): string {
  const { AWS_ENDPOINT_URL = '' } = process.env;
  return value.replace(/^https:\/\/sqs\.[^/]+/, AWS_ENDPOINT_URL.replace(/\/$/, ''));
}
