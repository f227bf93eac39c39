import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import {
  type AttributeValue,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { LOG_QUERIES } from '../../infra/aws/log-queries.ts';
import { VERBS } from '../../infra/command/verbs.ts';
import { LOCAL_SDK_CONFIG } from '../../infra/local/emulators/local.ts';
import { type Deployment, startDeployment } from '../../infra/local/run/deployment.ts';
import { createEventLog } from '../../infra/local/run/events.ts';
import { SCALED_PROFILE } from '../../infra/local/run/profile.ts';
import { JOB_ATTRIBUTES, TABLE } from '../../lib/contract.ts';
import { command as callCommand, commandOnTerminal, type Ended } from '../fixtures/command.ts';
import { shellBlocks } from '../fixtures/shell-blocks.ts';

/** The operator's command as people call it, against a local deployment. */

const events = createEventLog(Date.now);
let deployment: Deployment;
let server: Server;
let dynamodb: DynamoDBClient;
let table: string;
const { name: budget } = SCALED_PROFILE.budget;
/** What the functions have logged. */
const lines: Readonly<Record<string, unknown>>[] = [];
const WAIT = { timeout: 60_000, interval: 200 };

beforeAll(async () => {
  events.subscribe((event) => {
    if (event.kind === 'log') lines.push(JSON.parse(event.line));
  });
  deployment = await startDeployment({
    profile: SCALED_PROFILE,
    workers: 2,
    events,
    now: Date.now,
    dynamodbUrl: undefined,
  });
  server = createServer((_, response) => response.end(JSON.stringify(deployment.outputs)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  dynamodb = new DynamoDBClient({ ...LOCAL_SDK_CONFIG, endpoint: deployment.table.url });
  const { TableNames } = await dynamodb.send(new ListTablesCommand());
  table = TableNames?.[0] ?? '';
}, 120_000);

afterAll(async () => {
  dynamodb?.destroy();
  server?.close();
  await deployment?.stop();
});

const endpoint = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function command(...args: readonly string[]): Promise<Ended> {
  return callCommand(...args, '--endpoint', endpoint());
}

/** The JSON of a command that succeeds. */
async function answerOf(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await command(...args, '--json', '--yes');
  expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
  return JSON.parse(stdout);
}

async function item(key: string): Promise<Record<string, AttributeValue> | undefined> {
  const { Item } = await dynamodb.send(
    new GetItemCommand({ TableName: table, Key: { [TABLE.partitionKey]: { S: key } }, ConsistentRead: true }),
  );
  return Item;
}

async function setMoment(stream: 'worker' | 'minter', name: string, ms: number): Promise<void> {
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: table,
      Key: { [TABLE.partitionKey]: { S: TABLE.budgetKey(budget, stream) } },
      UpdateExpression: `SET ${name} = :ms`,
      ExpressionAttributeValues: { ':ms': { N: String(ms) } },
    }),
  );
}

async function sendJob(): Promise<void> {
  await deployment.sqs.send(
    new SendMessageCommand({
      QueueUrl: deployment.queues.jobs,
      MessageBody: JSON.stringify({ method: 'GET', path: '/api/v1/devices' }),
    }),
  );
}

const fingerprintOf = async (client: string) => (await item(TABLE.tokenKey(client)))?.fingerprint?.S;

test('status tells tokens, budget and breakers, as JSON for scripts and as tables for people', async () => {
  await vi.waitFor(async () => expect(await fingerprintOf('mocha')).toBeDefined(), WAIT);
  const status = await answerOf('status');
  expect(status.clients).toEqual(
    expect.arrayContaining([expect.objectContaining({ client: 'mocha', state: 'served' })]),
  );
  expect(status.budgets).toMatchObject([{ budget, streams: [{ stream: 'worker' }, { stream: 'minter' }] }]);
  const { streams } = status.budgets[0];
  for (const stream of streams)
    expect(stream).toMatchObject({ perSecond: expect.any(Number), settingsInUse: expect.any(Array) });
  // The first token was minted with a ticket of one of them: a new counter's first is of later.
  expect(streams).toContainEqual(
    expect.objectContaining({
      settingsInUse: [expect.stringMatching(/^\d+(\/\d+){6}$/)],
      couldStartInMs: { one: expect.any(Number), ten: expect.any(Number) },
    }),
  );
  const { stdout } = await command('status');
  expect(stdout).toMatch(/^Tokens\n {2}client +state/);
  expect(stdout).toMatch(/\n {2}budget +stream +breaker/);
  expect(JSON.stringify(status)).not.toContain((await item(TABLE.tokenKey('mocha')))?.accessToken?.S);
});

test('mint replaces the token of a healthy client', async () => {
  const before = await fingerprintOf('latte');
  await vi.waitFor(async () => {
    const answer = await answerOf('mint', 'latte', '--reason', 'a drill');
    expect(answer).toMatchObject({ client: 'latte', status: expect.stringMatching(/minted|current/) });
    expect(await fingerprintOf('latte')).not.toBe(before);
  }, WAIT);
});

test('pause and slow stand in the order item with their reason, and resume ends both', async () => {
  await answerOf('pause', budget, '--minutes', '30', '--reason', 'maintenance', '--minter');
  await answerOf('slow', budget, '--share', '0.25', '--minutes', '60', '--reason', 'incident');
  const { budgets } = await answerOf('status');
  expect(budgets).toMatchObject([
    {
      paused: { reason: 'maintenance', minter: true, by: 'local' },
      slowed: { share: 0.25, reason: 'incident' },
    },
  ]);
  expect(await answerOf('resume', budget)).toEqual({ budget, ended: ['pause', 'slow'] });
  expect((await answerOf('status')).budgets[0]).not.toHaveProperty('paused');
});

test('nothing changes where nobody can be asked and --yes is missing', async () => {
  const { exitCode, stdout, stderr } = await command('pause', budget, '--minutes', '30', '--reason', 'x');
  expect([exitCode, stdout]).toEqual([3, '']);
  expect(stderr).toContain('the local run at http://127.0.0.1');
  expect(stderr).toContain('with --yes');
  expect((await item(TABLE.orderKey(budget)))?.pause).toBeUndefined();
});

test('on a terminal a change is made when it is confirmed, and not otherwise', async () => {
  const slow = [
    'slow',
    budget,
    '--share',
    '0.5',
    '--minutes',
    '5',
    '--reason',
    'x',
    '--endpoint',
    endpoint(),
  ];
  const refused = await commandOnTerminal('n\n', ...slow);
  expect([refused.exitCode, refused.stdout]).toEqual([3, '']);
  expect(refused.stderr).toContain('the local run at http://127.0.0.1');
  expect((await answerOf('status')).budgets[0]).not.toHaveProperty('slowed');
  expect(await commandOnTerminal('y\n', ...slow)).toMatchObject({ exitCode: 0 });
  expect((await answerOf('status')).budgets).toMatchObject([{ slowed: { share: 0.5 } }]);
  expect(await answerOf('resume', budget)).toEqual({ budget, ended: ['slow'] });
});

test('lift makes an open breaker half-open, and tells warm instances', async () => {
  await setMoment('worker', 'blockedUntilMs', Date.now() + 40_000);
  expect(await answerOf('lift', budget)).toEqual({ budget, halfOpen: ['worker'] });
  expect(Number((await item(TABLE.budgetKey(budget, 'worker')))?.blockedUntilMs?.N)).toBeLessThanOrEqual(
    Date.now() + 1_000,
  );
  expect((await item(TABLE.orderKey(budget)))?.liftedAtMs?.N).toMatch(/^\d+$/);
});

test('heal deletes a counter that nobody can have moved so far, and no other', async () => {
  const refused = await command('heal', budget, '--yes');
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain('plausible or absent');
  await setMoment('worker', 'nextMs', Date.now() + 1e9);
  expect((await answerOf('status')).budgets[0].streams[0]).toMatchObject({ implausible: true });
  expect(await answerOf('heal', budget)).toEqual({ budget, healed: ['worker'] });
});

test('a replayed job starts with no failures and a new age, and keeps its id', async () => {
  const { JobQueueUrl = '', DeadLetterQueueUrl = '' } = deployment.outputs.outputs;
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  await deployment.sqs.send(
    new SendMessageCommand({
      QueueUrl: DeadLetterQueueUrl,
      MessageBody: JSON.stringify({ method: 'GET', path: '/api/v1/devices' }),
      MessageAttributes: {
        [JOB_ATTRIBUTES.jobId]: text('job-1'),
        [JOB_ATTRIBUTES.failures]: { DataType: 'Number', StringValue: '4' },
        [JOB_ATTRIBUTES.submittedAtMs]: {
          DataType: 'Number',
          StringValue: String(Date.now() - 5 * 86_400_000),
        },
        [JOB_ATTRIBUTES.code]: text('job_failed'),
      },
    }),
  );
  expect(await answerOf('replay', '--rate', '50')).toEqual({ replayed: 1 });
  expect(JobQueueUrl).not.toBe('');
  await vi.waitFor(async () => {
    const { Messages = [] } = await deployment.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: deployment.queues.results, WaitTimeSeconds: 1 }),
    );
    expect(Messages.map(({ Body = '' }) => JSON.parse(Body))).toMatchObject([{ id: 'job-1', status: 200 }]);
  }, WAIT);
});

test("the chapter's commands, as they are written, print JSON where a script runs them", async () => {
  const [block = ''] = shellBlocks('infra/aws/operate.md', '## In an incident');
  expect(block.match(/^npm run operate -- /gm)?.length).toBe(Object.keys(VERBS).length - 1);
  const program = `"${process.execPath}" infra/command/main.ts`;
  const asScript = `npm() { shift 3; ${program} "$@" --endpoint ${endpoint()} --json --yes || echo '{"failed":"'$1'"}'; }`;
  const written = block.replaceAll(' --stack "$stack"', '');
  expect(written).not.toContain('$stack');
  const { stdout } = await promisify(execFile)('bash', ['-c', `${asScript}\n${written}`]);
  const answers = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(answers).toMatchObject([
    { clients: expect.any(Array), budgets: expect.any(Array) },
    { budget: 'default', pausedUntil: expect.any(String) },
    { budget: 'default', share: 0.25 },
    { budget: 'default', ended: ['pause', 'slow'] },
    { budget: 'default', halfOpen: [] },
    // There is nothing wrong with the counters, and the client is still there.
    { failed: 'heal' },
    { client: 'mocha', status: expect.any(String) },
    { failed: 'forget' },
    { replayed: 0 },
  ]);
});

test('forget refuses while the secret is there, and deletes all that is stored once it is gone', async () => {
  const refused = await command('forget', 'latte', '--yes');
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain('its secret plume/m2m/latte still exists');
  expect(await fingerprintOf('latte')).toBeDefined();
  await deployment.secrets.remove('latte');
  expect(await answerOf('forget', 'latte')).toEqual({ client: 'latte', forgotten: true });
  expect(await item(TABLE.tokenKey('latte'))).toBeUndefined();
  expect(await item(TABLE.mintKey('latte'))).toBeUndefined();
});

test('an invalid command line names the argument and exits with 2', async () => {
  for (const [args, named] of [
    [['stop'], 'unknown verb stop'],
    [['pause'], 'pause needs the name of a budget'],
    [['pause', budget, '--reason', 'x'], 'pause needs --minutes'],
    [['status', '--bogus'], '--bogus'],
  ] as const) {
    const { exitCode, stderr } = await command(...args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(named)]);
  }
});

test('a job can be followed by its id, and by its trace to the mint that it caused', async () => {
  await vi.waitFor(async () => {
    const before = lines.length;
    deployment.cloud.revoke('mocha');
    await sendJob();
    const done = await vi.waitUntil(
      () => lines.slice(before).find(({ message }) => message === 'a job was done'),
      WAIT,
    );
    const ofJob = lines.filter(({ jobId }) => jobId === done.jobId);
    expect(new Set(ofJob.map(({ xray_trace_id }) => xray_trace_id))).toEqual(new Set([done.xray_trace_id]));
    expect(done).toMatchObject({
      function: 'worker',
      end: 'done',
      status: 200,
      requestId: expect.any(String),
    });
    // Unless a tick has replaced the token before the job was taken up.
    const ofCall = lines.filter(({ xray_trace_id }) => xray_trace_id === done.xray_trace_id);
    expect(ofCall.map((line) => [line.function, line.message])).toEqual([
      ['worker', 'the API rejected the access token'],
      ['minter', 'a token was minted'],
      ['worker', 'a job was done'],
    ]);
  }, WAIT);
});

test('the deployed worker obeys a pause: its job goes back to the queue and says why', async () => {
  await answerOf('pause', budget, '--minutes', '30', '--reason', 'maintenance');
  const refused = Promise.withResolvers<void>();
  const unsubscribe = events.subscribe((event) => {
    if (event.kind === 'log' && /"end":"postponed".*"code":"budget_paused"/.test(event.line))
      refused.resolve();
  });
  await sendJob();
  await refused.promise;
  unsubscribe();
});

test('the fields of the saved queries are those of the lines that were logged above', async () => {
  // Its secret is gone.
  await command('mint', 'latte', '--yes');
  const seen = (): Set<string> => new Set(lines.flatMap((line) => fieldsOf(line)));
  // The tick measures it when it ends.
  await vi.waitFor(() => expect(seen()).toContain('MintFailed'), WAIT);
  for (const [name, query] of Object.entries(LOG_QUERIES)) {
    const asked = fieldsAsked(query);
    expect(asked.length, name).toBeGreaterThan(2);
    expect(
      asked.filter((field) => !seen().has(field)),
      name,
    ).toEqual([]);
    // What a query counts, or finds its lines by, stands in one line.
    const together = query.includes('stats')
      ? asked
      : fieldsAsked(query.split('\n')[0]?.split(' and not ')[0] ?? '');
    expect(
      lines.some((line) => together.every((field) => fieldsOf(line).includes(field))),
      name,
    ).toBe(true);
  }
});

/** Names of fields as Logs Insights has them: `error.code`. */
function fieldsOf(line: object, prefix = ''): string[] {
  return Object.entries(line).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null ? fieldsOf(value, `${prefix}${name}.`) : [prefix + name],
  );
}

/** All names of a query but its own words, those of Logs Insights and the columns that it makes. */
function fieldsAsked(query: string): readonly string[] {
  const made = [...query.matchAll(/ as (\w+)/g)].map(([, name = '']) => name);
  const words = /^(filter|fields|stats|sort|as|and|not|asc|desc|ispresent|sum|latest)$/;
  const names = [...query.replaceAll(/'[^']*'| by /g, ' ').matchAll(/(?<![@\w.])[\w.]+/g)].map(
    ([name]) => name,
  );
  return [...new Set(names.filter((name) => !words.test(name) && !made.includes(name)))];
}
