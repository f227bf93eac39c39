import { setTimeout as sleep } from 'node:timers/promises';

import { DeleteItemCommand, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
} from '@aws-sdk/client-secrets-manager';

import type { FunctionName } from '../../infra/bundling.ts';
import { authorizationOf, type CloudClient, scopeOf } from '../../infra/local/plume-cloud/clients.ts';
import { type BudgetStream, DEFAULT_SECRET_PREFIX, type MinterEvent, TABLE } from '../../lib/contract.ts';
import type { DeployedStack } from '../fixtures/system/deployed-stack.ts';

export interface Story {
  readonly stack: DeployedStack;
  /** The worker's client, and another one. */
  readonly mocha: CloudClient;
  readonly latte: CloudClient;
  /** Which queues the worker has sent to, by name, in that order. */
  readonly sentTo: () => readonly string[];
  /** The budget's name. */
  readonly budget: string;
  readonly queues: { readonly jobs: string; readonly results: string; readonly deadLetters: string };
}

/**
 * Makes every function send every kind of request: new, broken and removed secrets, a revoked token, jobs that are done,
 * postponed and dead-lettered, introspection, a WAF block and its end. Each step is repeated until it has had its effect, so
 * the requests are made however slow the machine is.
 */
export async function tellStory({ stack, mocha, latte, sentTo, queues, budget }: Story): Promise<void> {
  const { functions, cloud, secretsManager } = stack;

  async function invoke(name: FunctionName, event: unknown): Promise<unknown> {
    const result = await functions[name].invoke(JSON.stringify(event));
    if (!result.ok) throw new Error(`${name} failed: ${JSON.stringify(result.error)}`);
    return JSON.parse(result.payload);
  }
  const tick = () => invoke('minter', { kind: 'tick' } satisfies MinterEvent);
  const inspect = (event: object) => invoke('inspector', event);
  const order = (event: object) => invoke('operator', { ...event, by: 'on-call', reason: 'a test' });

  const nameOf = ({ name }: CloudClient): string => `${DEFAULT_SECRET_PREFIX}/${name}`;
  const secretOf = (client: CloudClient, clientSecret = client.clientSecret): string =>
    JSON.stringify({
      authorization: authorizationOf({ ...client, clientSecret }),
      tokenUrl: cloud.tokenUrl,
      scope: scopeOf(client),
    });

  const addressed = (pk: string) => ({
    TableName: stack.tableName,
    Key: { [TABLE.partitionKey]: { S: pk } },
  });
  const item = async (pk: string) =>
    (await stack.dynamodb.send(new GetItemCommand({ ...addressed(pk), ConsistentRead: true }))).Item;
  const fingerprint = async ({ name }: CloudClient) => (await item(TABLE.tokenKey(name)))?.fingerprint?.S;
  const errorCode = async ({ name }: CloudClient) => (await item(TABLE.mintKey(name)))?.errorCode?.S;

  const moveCounter = async (nextMs: number) => {
    await stack.dynamodb.send(
      new UpdateItemCommand({
        ...addressed(TABLE.budgetKey(budget, 'worker')),
        UpdateExpression: 'SET nextMs = :next',
        ExpressionAttributeValues: { ':next': { N: String(nextMs) } },
      }),
    );
  };

  let jobs = 0;
  /** @returns the queue that the worker sent the job's outcome to, by name */
  async function work(job: unknown): Promise<string | undefined> {
    const before = sentTo().length;
    const messageId = `job-${++jobs}`;
    const attributes = { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) };
    const record = {
      messageId,
      receiptHandle: messageId,
      body: JSON.stringify(job),
      attributes,
      messageAttributes: {},
    };
    await invoke('worker', { Records: [record] });
    return sentTo()[before];
  }
  const call = { method: 'GET', path: '/v1/locations' };

  // New clients.
  await tick();
  for (const client of [mocha, latte])
    await secretsManager.send(
      new CreateSecretCommand({ Name: nameOf(client), SecretString: secretOf(client) }),
    );
  await until(
    'tokens for new clients',
    tick,
    async () => (await fingerprint(mocha)) !== undefined && (await fingerprint(latte)) !== undefined,
  );

  // Jobs: a valid one and an invalid one.
  await until(
    'a job that is done',
    () => work(call),
    (queue) => queue === queues.results,
  );
  await until(
    'a job for the dead letters',
    () => work({ method: 'DANCE' }),
    (queue) => queue === queues.deadLetters,
  );

  // Introspection by the inspector and by a tick.
  await inspect({});
  await until(
    'the state of the budget by the inspector',
    () => inspect({ budget: true }),
    (status) => JSON.stringify(status).includes('"perSecond"'),
  );
  await until(
    'an introspection by the inspector',
    () => inspect({ client: mocha.name, introspect: true }),
    (report) => JSON.stringify(report).includes('"active":true'),
  );
  await until(
    'an introspection by the minter',
    tick,
    async () => (await item(TABLE.mintKey(mocha.name)))?.checkedAtMs !== undefined,
  );

  // An operator looks, gives each order, and takes it back.
  await order({ status: true });
  await order({ pause: budget, minutes: 1 });
  await order({ slow: budget, share: 0.5, minutes: 1 });
  await order({ resume: budget });
  await order({ lift: budget });
  await order({ mint: mocha.name });
  await moveCounter(Date.now() + 1e10);
  await order({ heal: budget });

  // 401: the worker reports the token, and the minter replaces it.
  const rejected = await fingerprint(mocha);
  cloud.revoke(mocha.name);
  await until(
    'a job that is done with another token',
    () => work(call),
    async (queue) => queue === queues.results && (await fingerprint(mocha)) !== rejected,
  );

  // The caller function: a call, and one whose token is rejected.
  const callByEvent = () => invoke('caller', call) as Promise<{ status: number }>;
  await until('a call by event', callByEvent, ({ status }) => status === 200);
  const rejectedAgain = await fingerprint(mocha);
  cloud.revoke(mocha.name);
  await until(
    'a call by event with another token',
    callByEvent,
    async ({ status }) => status === 200 && (await fingerprint(mocha)) !== rejectedAgain,
  );

  // No token in the table nor in memory: the worker asks the minter.
  await stack.dynamodb.send(new DeleteItemCommand(addressed(TABLE.tokenKey(mocha.name))));
  await functions.worker.stop();
  await until(
    'a job that is done without a token to begin with',
    () => work(call),
    (queue) => queue === queues.results,
  );

  // A wrong secret.
  await secretsManager.send(
    new PutSecretValueCommand({ SecretId: nameOf(latte), SecretString: secretOf(latte, 'wrong') }),
  );
  await until(
    'credentials that are refused',
    tick,
    async () => (await errorCode(latte)) === 'invalid_client',
  );

  // A secret that is gone, and that the list of secrets has lacked for long.
  await secretsManager.send(
    new PutSecretValueCommand({ SecretId: nameOf(latte), SecretString: secretOf(latte) }),
  );
  await until('credentials that are taken again', tick, async () => (await errorCode(latte)) === undefined);
  await secretsManager.send(
    new DeleteSecretCommand({ SecretId: nameOf(latte), ForceDeleteWithoutRecovery: true }),
  );
  await stack.dynamodb.send(
    new UpdateItemCommand({
      ...addressed(TABLE.listingKey),
      UpdateExpression: 'SET allBegunAtMs = :long, missingSinceMs = :missing',
      ExpressionAttributeValues: {
        ':long': { N: '0' },
        ':missing': { M: { [latte.name]: { N: '0' } } },
      },
    }),
  );
  await until(
    'a client that is forgotten',
    tick,
    async () => (await item(TABLE.mintKey(latte.name))) === undefined,
  );

  await order({ forget: latte.name });

  // The WAF blocks the address: the worker's breaker opens, and closes after the block; the others are refused too.
  const counter = (stream: BudgetStream) => item(TABLE.budgetKey(budget, stream));
  cloud.block(3_600_000);
  await until(
    'a job that is postponed',
    () => work(call),
    (queue) => queue === queues.jobs,
  );
  await until(
    'an open breaker',
    () => work(call),
    async () => (await counter('worker'))?.blockedUntilMs !== undefined,
  );
  await until(
    'a block that the inspector meets',
    () => inspect({ client: mocha.name, introspect: true }),
    (report) => JSON.stringify(report).includes('waf_blocked'),
  );
  await secretsManager.send(
    new PutSecretValueCommand({ SecretId: nameOf(mocha), SecretString: secretOf(mocha) }),
  );
  await until(
    'a block that the minter meets',
    tick,
    async () => (await counter('minter'))?.refusedAtMs !== undefined,
  );
  cloud.block(0);
  await until(
    'a job that is done after the block',
    () => work(call),
    (queue) => queue === queues.results,
  );
}

/** Repeats a step until it has had its effect. */
async function until<Result>(
  what: string,
  step: () => Promise<Result>,
  isThere: (result: Result) => boolean | Promise<boolean>,
): Promise<void> {
  let last!: Result;
  for (let round = 0; round < 120; round++) {
    last = await step();
    if (await isThere(last)) return;
    await sleep(250);
  }
  throw new Error(`${what}: it did not come about: ${JSON.stringify(last)}`);
}
