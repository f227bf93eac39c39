import { setTimeout as sleep } from 'node:timers/promises';

import { PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ClientRow } from '../../functions/inspector/client-row.ts';
import type { FunctionPool } from '../../infra/local/emulators/lambda/function-pool.ts';
import { LOCAL_SDK_CONFIG } from '../../infra/local/emulators/local.ts';
import { startEventSource } from '../../infra/local/emulators/queue/event-source.ts';
import { createQueues, type QueueUrls, startQueueServer } from '../../infra/local/emulators/queue/queues.ts';
import type { RunEvent } from '../../infra/local/run/events.ts';
import { SCALED_PROFILE } from '../../infra/local/run/profile.ts';
import { createReport } from '../../infra/local/run/report.ts';
import { apply, createRunState } from '../../infra/local/run/run-state.ts';
import type { BudgetSettings } from '../../lib/budget/settings.ts';
import { ENV } from '../../lib/contract.ts';
import { DEFAULT_TOKEN_SETTINGS, type TokenSettings } from '../../lib/token/settings.ts';
import { type System, startSystem } from '../fixtures/system/system.ts';
import { createDye } from './dye.ts';
import type { CarelessEvent } from './functions/careless.ts';
import { type HostileClient, hostileClients } from './hostile-clients.ts';
import {
  cut,
  grant,
  type HostileCloud,
  halfBody,
  html,
  json,
  redirect,
  startHostileCloud,
  tenMegabytes,
} from './hostile-cloud.ts';
import { createWiretap, type TapFault } from './wiretap.ts';

/**
 * Nothing leaks. The real bundles go through every failure there is with secrets that carry a dye; whatever is written
 * anywhere is searched for it. There is no tracer in the functions, hence no traces to search.
 */

/** Client secrets, the header made of them, and the functions' own AWS credentials: they turn up nowhere. */
const secret = createDye();
/** Access tokens: nowhere but in the attribute that is their place. */
const token = createDye();
/** Contents of jobs and of the API's answers: in messages, since they are what messages are for, and nowhere else. */
const content = createDye();

/** Everything that was written, and where. */
const written: { readonly channel: string; readonly text: string }[] = [];
const record = (channel: string, text: string): void => {
  written.push({ channel, text });
};
/** Of one test. */
const events: RunEvent[] = [];
const state = createRunState(SCALED_PROFILE.budget.windowMs);

const stream = { intervalMs: 1, ticketLifeMs: 5_000, burstMs: 1_000, horizonMs: 200 };
const budget: BudgetSettings = {
  name: 'canary',
  limit: 1_000_000,
  windowMs: 60_000,
  clockAllowanceMs: 50,
  networkDelayMs: 500,
  wafRule: 'not-json',
  worker: stream,
  minter: stream,
};
const settings: TokenSettings = {
  ...DEFAULT_TOKEN_SETTINGS,
  graceMs: 1_000,
  youngTokenMs: 0,
  forcedMintFloorMs: 1,
  requestTimeoutMs: 5_000,
  backoffBaseMs: 60_000,
  backoffMaxMs: 60_000,
};

let system: System;
let cloud: HostileCloud;
let tap: ReturnType<typeof createWiretap>;
let sqs: SQSClient;
let queues: QueueUrls;
let minter: FunctionPool;
let hostile: HostileClient[];

beforeAll(async () => {
  tap = createWiretap(record);
  system = await startSystem({
    functions: ['minter', 'inspector', 'worker', 'careless'],
    token: settings,
    budget,
    tap: tap.start,
  });
  system.events.subscribe((event) => {
    events.push(event);
    apply(state, event);
    record(event.kind === 'log' ? `output of ${event.name}` : 'events', JSON.stringify(event));
    // As it was written, without the escapes of JSON.
    if (event.kind === 'log') record(`output of ${event.name}`, event.line);
  });
  cloud = await startHostileCloud(token, record);
  system.defer(() => cloud.stop());

  const queueServer = await startQueueServer();
  system.defer(() => queueServer.stop());
  sqs = new SQSClient({ ...LOCAL_SDK_CONFIG, endpoint: queueServer.url });
  system.defer(async () => sqs.destroy());
  queues = await createQueues(sqs, queueServer.url, { visibilitySeconds: 1, maxReceiveCount: 2 });
  const tapped = await tap.start('sqs', queueServer.url);
  system.defer(() => tapped.stop());
  const through = (url: string) => `${tapped.url}${new URL(url).pathname}`;

  const aws = { AWS_SECRET_ACCESS_KEY: secret.secret(), AWS_SESSION_TOKEN: secret.secret() };
  const withSecrets = { ...system.withSecrets(), ...aws };
  const caller = { ...system.environment({ apiUrl: cloud.url }), ...aws };
  minter = system.add('minter', { environment: withSecrets });
  system.add('minter', {
    as: 'checking-minter',
    environment: {
      ...system.withSecrets({ tokenLife: { ...settings, introspectEveryMs: 1 } }),
      ...aws,
    },
  });
  system.add('inspector', { environment: withSecrets });
  system.add('careless', { environment: caller, concurrency: 4 });
  const worker = system.add('worker', {
    environment: {
      ...caller,
      AWS_ENDPOINT_URL_SQS: tapped.url,
      [ENV.clients]: 'mocha',
      [ENV.jobQueueUrl]: through(queues.jobs),
      [ENV.resultQueueUrl]: through(queues.results),
      [ENV.deadLetterQueueUrl]: through(queues.deadLetters),
    },
  });
  const source = startEventSource({
    sqs,
    queueUrl: queues.jobs,
    pool: {
      ...worker,
      async invoke(payload) {
        const result = await worker.invoke(payload);
        record('answer of worker', JSON.stringify(result));
        return result;
      },
    },
    batchSize: 10,
    maxConcurrency: 2,
    record: system.events.record,
  });
  system.defer(() => source.stop());

  hostile = hostileClients(secret, token, cloud.tokenUrl);
  for (const { client, answer, ...rest } of hostile) {
    if (answer !== undefined) cloud.tokenAnswers.set(client, answer);
    await createSecret(client, rest.secret);
  }
  for (const client of ['mocha', 'opaque', 'checked']) await createSecret(client);
  cloud.tokenAnswers.set('opaque', grant(token, { opaque: true }));
});
afterAll(() => system.stop());
beforeEach(() => {
  events.length = 0;
});

async function createSecret(client: string, value?: string): Promise<void> {
  const authorization = `Basic ${Buffer.from(`id:${secret.secret()}`).toString('base64')}`;
  const scope = 'partnerId:mocha-partner role:partnerIdAdmin';
  const wellFormed = { authorization, tokenUrl: cloud.tokenUrl(client), scope };
  await system.createSecret(client, value ?? JSON.stringify(wellFormed));
}

const careless = (client: string, mode: CarelessEvent['mode'] = 'await', say?: string) =>
  system.invoke('careless', { client, mode, ...(say !== undefined && { say }) });

/** That a mint failed with that code. */
const failed = (client: string, code: string): boolean =>
  events.some(
    (event) =>
      event.kind === 'metric' &&
      event.metric === 'MintFailed' &&
      event.labels.client === client &&
      event.labels.code === code,
  );
const said = (name: string, text: string): boolean =>
  events.some((event) => event.kind === 'log' && event.name === name && event.line.includes(text));

test('a dye is found as it is, in base64 of every kind, percent-encoded, in hex, and twice encoded', () => {
  const dye = createDye();
  const text = dye.secret();
  const base64 = ['', 'a', 'ab'].map((before) => Buffer.from(`${before}${text}`).toString('base64'));
  const found = [
    text,
    text.slice(20),
    text.slice(0, -20),
    ...base64,
    ...base64.map((form) => Buffer.from(form).toString('base64url')),
    ...base64.map(encodeURIComponent),
    Buffer.from(text).toString('base64url'),
    Buffer.from(text).toString('hex'),
    encodeURIComponent(encodeURIComponent(text)),
    JSON.stringify({ text: JSON.stringify({ text }) }),
  ];
  expect(found.map((form) => dye.isIn(form))).toEqual(found.map(() => true));
  expect(dye.isIn(createDye().secret(10_000))).toBe(false);
});

test('somebody listens on every channel', async () => {
  const probe = createDye();
  await careless('mocha', 'await', probe.word);
  await sqs.send(new SendMessageCommand({ QueueUrl: queues.jobs, MessageBody: probe.word }));
  await until(() => written.some(({ channel, text }) => channel === 'sqs request' && probe.isIn(text)));
  const Item = { pk: { S: 'probe' }, probe: { S: probe.word } };
  await system.dynamodb.send(new PutItemCommand({ TableName: system.tableName, Item }));
  const heard = [...written, ...(await leftovers())].filter(({ text }) => probe.isIn(text));
  expect(new Set(heard.map(({ channel }) => channel))).toEqual(
    new Set([
      'lambda request',
      'lambda answer',
      'output of careless',
      'sqs request',
      'dead letters',
      'table',
    ]),
  );
});

describe('no token can be had', () => {
  test('because of secrets and answers of every kind, for workers', async () => {
    // Four at a time, as many as there are instances.
    const waiting = [...hostile];
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { client, code } = next;
        const { failed: hasFailed, answer } = await careless(client);
        expect(hasFailed, client).toBe(true);
        expect(answer, client).toMatchObject({ errorType: 'TokenUnavailableError' });
        await until(() => failed(client, code), `${client} fails with ${code}`);
      }
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
  });

  test('because of the same, at ticks, which come from the list of secrets and from introspection', async () => {
    await createSecret('found-by-a-tick', `authorization=${secret.secret()}`);
    await createSecret('a/secret-of-no-client', secret.secret());
    await system.invoke('checking-minter', { kind: 'request', client: 'checked' });
    for (const answer of [
      html(503),
      json(401, echoed, echoedHeaders),
      halfBody,
      json(200, () => ({ active: false })),
    ]) {
      cloud.introspectionAnswers.set('checked', answer);
      await sleep(5);
      expect((await system.invoke('checking-minter', { kind: 'tick' })).failed).toBe(false);
    }
    await until(() => said('checking-minter', 'a token could not be introspected'));
    await until(() => said('checking-minter', 'revoked a token'));
    await until(() => failed('found-by-a-tick', 'secret_malformed'));
    await until(() => said('checking-minter', 'plume/m2m/a/secret-of-no-client'));
  });

  test('because the minter is asked the wrong thing', async () => {
    const word = secret.secret();
    for (const event of [
      { kind: word },
      { kind: 'request', client: word },
      { kind: 'request', client: 'mocha', rejected: token.secret() },
      token.secret(),
    ]) {
      // What was asked is the asker's to keep: it stands in this request, which nobody writes down.
      const result = await minter.invoke(JSON.stringify(event));
      record('answer of minter', JSON.stringify(result));
      expect(result).toMatchObject({ ok: false, error: { errorType: 'ConfigError' } });
    }
    await until(() => said('minter', 'the minter failed'));
  });

  test('because the minter dies in the middle of a request', async () => {
    await createSecret('crash');
    cloud.tokenAnswers.set('crash', (given, response) => {
      const [instance = ''] = minter.busy();
      void minter.kill(instance);
      halfBody(given, response);
    });
    expect(await careless('crash')).toMatchObject({ failed: true });
    await until(() => said('careless', 'the minter could not be asked'));
    expect(events.some((event) => event.kind === 'instance-stopped' && event.reason === 'killed')).toBe(true);
  });

  test('because a part of AWS is away, refuses, or breaks off', async () => {
    const faults: TapFault[] = [
      { kind: 'away' },
      { kind: 'half' },
      { kind: 'refusing', word: secret.secret() },
    ];
    for (const [index, fault] of faults.entries()) {
      const client = `away-${index}`;
      await createSecret(client);
      for (const endpoint of ['lambda', 'secrets-manager', 'dynamodb'] as const) {
        await tap.failing(endpoint, fault, async () => {
          // Past the endpoint that fails, since a caller in here needs an answer.
          const asked = [careless(client), careless('mocha'), system.invoke('minter', { kind: 'tick' })];
          await Promise.allSettled([...asked, system.invoke('inspector', {})]);
        });
      }
    }
    await until(() => failed('away-0', 'secret_unavailable'));
    await until(() => said('careless', 'token_store_unavailable') || said('careless', 'budget_unavailable'));
  });
});

const echoed = ({ authorization, form }: { authorization: string; form: URLSearchParams }) => ({
  error: 'invalid_client',
  error_description: `${authorization} ${form}`,
});
const echoedHeaders = ({ authorization }: { authorization: string }) => ({
  'www-authenticate': `Basic realm="${authorization}"`,
});

describe('the inspector', () => {
  test.each([
    [
      'is told that a token is active',
      json(200, ({ form }) => ({ active: true, username: form.get('token') })),
    ],
    ['is told that it is not', json(200, () => ({ active: false }))],
    ['is refused', json(401, echoed, echoedHeaders)],
    ['finds the server out of order', html(503)],
    ['gets half an answer', halfBody],
    ['gets ten megabytes', tenMegabytes],
    ['is sent elsewhere', redirect],
    ['is cut off', cut],
  ])('%s', async (_, answer) => {
    await system.invoke('minter', { kind: 'request', client: 'mocha' });
    cloud.introspectionAnswers.set('mocha', answer);
    const report = await system.invoke('inspector', { client: 'mocha', introspect: true });
    expect(report).toMatchObject({
      failed: false,
      answer: [{ state: 'served' }],
    });
    const [{ active, introspectionError }] = report.answer as [ClientRow];
    expect(active ?? introspectionError).not.toBeNull();
  });

  test('reports on all clients, and on those that have no secret or a bad one', async () => {
    for (const event of [
      {},
      { client: 'nobody', introspect: true },
      { client: 'not-json', introspect: true },
    ]) {
      expect((await system.invoke('inspector', event)).failed).toBe(false);
    }
  });
});

describe('a worker', () => {
  test('whose handler prints all that it can reach, and has bugs', async () => {
    for (const client of ['mocha', 'opaque']) {
      expect(await careless(client)).toMatchObject({ failed: false, answer: { status: 200 } });
      expect(await careless(client, 'forget')).toMatchObject({ failed: false });
      expect(await careless(client, 'crash')).toMatchObject({ failed: true });
      await careless(client, 'reject');
      // The instance answers first, and then it dies.
      await sleep(200);
    }
    cloud.revoke('mocha');
    expect(await careless('mocha')).toMatchObject({ answer: { status: 200 } });
    await until(() => said('careless', 'the API rejected the access token'));
  });

  test('with every answer of the API, and with poison', async () => {
    const body = () => ({ [content.word]: 1 });
    const withToken = ({ authorization }: { authorization: string }) => ({ echo: authorization });
    const headers = ({ authorization }: { authorization: string }) => ({ 'x-echo': authorization });
    const answers = {
      fine: json(200, body),
      refused: json(403, body, headers),
      unauthorized: json(401, withToken, headers),
      broken: json(500, withToken, headers),
      throttled: json(429, withToken, headers),
      'html-500': html(500),
      half: halfBody,
      redirect,
      cut,
      huge: tenMegabytes,
    };
    for (const [name, answer] of Object.entries(answers)) cloud.apiAnswers.set(name, answer);
    const poison = [
      content.secret(),
      JSON.stringify([content.secret()]),
      JSON.stringify({ method: content.secret(), path: '/' }),
      JSON.stringify({ method: 'GET', path: `//${content.word}.example/` }),
      JSON.stringify({ method: 'GET', path: '/api/mocha/fine', body: content.secret() }),
      JSON.stringify({ method: 'GET', path: '/', headers: { authorization: content.secret() } }),
      JSON.stringify({ method: 'GET', path: '/', [content.secret()]: 1 }),
      JSON.stringify({ method: 'POST', path: `/${content.secret(8_000)}` }),
    ];
    const jobs = Object.keys(answers).map((name) =>
      JSON.stringify({ method: 'GET', path: `/api/mocha/${name}` }),
    );
    await Promise.all(
      [...jobs, ...poison].map((job) =>
        sqs.send(new SendMessageCommand({ QueueUrl: queues.jobs, MessageBody: job })),
      ),
    );
    const count = (metric: string) =>
      events.filter((event) => event.kind === 'metric' && event.metric === metric);
    const sum = (metric: string) =>
      count(metric).reduce((total, event) => total + (event.kind === 'metric' ? event.value : 0), 0);
    // Six answers judge nothing and are tried again; fine, refused, redirect and huge are results.
    await until(() => sum('JobDone') >= 4 && sum('JobDead') >= poison.length && sum('JobFailed') >= 6);
  });

  test('that asks for JSON, and gets everything else', async () => {
    const withToken = ({ authorization }: { authorization: string }) => ({ echo: authorization });
    const asId = ({ authorization }: { authorization: string }) => ({
      'x-request-id': authorization.replace('Bearer ', ''),
      'retry-after': '0',
    });
    const answers = {
      'json-404': json(404, withToken, asId),
      'json-503': json(503, withToken, asId),
      'json-html': html(200),
      'json-half': halfBody,
      'json-cut': cut,
    };
    for (const [name, answer] of Object.entries(answers)) {
      cloud.apiAnswers.set(name, answer);
      const errorType = /half|cut/.test(name) ? 'ApiUnreachableError' : 'ApiError';
      for (const client of ['mocha', 'opaque']) {
        const event = { client, mode: 'await', json: name };
        expect(await system.invoke('careless', event)).toMatchObject({ failed: true, answer: { errorType } });
      }
    }
    await until(() => said('careless', 'a call failed and is made again'));
  });

  test('that is given something else than messages', async () => {
    expect(await system.invoke('worker', {})).toMatchObject({
      failed: true,
      answer: { errorType: 'ConfigError' },
    });
  });

  test('whose token the API sends back: its answer is passed on without it', async () => {
    const answer = ({ authorization }: { authorization: string }) => ({ echo: authorization });
    cloud.apiAnswers.set('echo', json(200, answer));
    await drain(queues.results);
    const body = JSON.stringify({ method: 'GET', path: '/api/mocha/echo' });
    await sqs.send(new SendMessageCommand({ QueueUrl: queues.jobs, MessageBody: body }));
    const [result = ''] = await drain(queues.results, 1);
    expect(JSON.parse(result)).toMatchObject({ status: 200, body: { echo: 'Bearer [redacted]' } });
  });

  test('and a minter, and workers, that the WAF refuses', async () => {
    await createSecret('waf');
    cloud.tokenAnswers.set('waf', html(403));
    expect(await careless('waf')).toMatchObject({ failed: true });
    cloud.apiAnswers.set('ok', html(403));
    const errors = new Set<string>();
    // Until the breaker is open, and rests for longer than a call waits.
    while (!errors.has('BudgetBlockedError')) {
      const { answer } = await careless('mocha');
      errors.add((answer as { errorType: string }).errorType);
    }
    expect([...errors].sort()).toEqual(['BudgetBlockedError', 'WafBlockedError']);
    cloud.apiAnswers.delete('ok');
  });
});

test('functions whose environment holds a secret in the wrong place', async () => {
  const wrong = {
    'no-json': { [ENV.broker]: `{"authorization":"${secret.secret()}` },
    unknown: { [ENV.broker]: JSON.stringify({ authorization: secret.secret() }) },
    budget: system.withSecrets({ budget: { ...budget, name: secret.secret() } }),
    token: system.withSecrets({ tokenLife: { ...settings, graceMs: secret.secret() as never } }),
    prefix: system.withSecrets({ secretPrefix: secret.secret() }),
    url: system.environment({ apiUrl: `http://id:${secret.word}@api.example` }),
  };
  for (const [as, variables] of Object.entries(wrong)) {
    const bundle = as === 'url' ? 'careless' : 'minter';
    system.add(bundle, { as, environment: { ...system.withSecrets(), ...variables } });
    expect(await system.invoke(as, { client: 'mocha', mode: 'await' })).toMatchObject({
      failed: true,
      answer: { errorType: 'ConfigError' },
    });
  }
});

/** What lies in the table and the queues at the end. */
async function leftovers(): Promise<{ channel: string; text: string }[]> {
  const { Items = [] } = await system.dynamodb.send(new ScanCommand({ TableName: system.tableName }));
  const items = Items.map(({ accessToken, ...item }) =>
    // The attribute is the token's place in its own item alone.
    item.pk?.S?.startsWith('token#') ? item : { ...item, accessToken },
  );
  return [
    { channel: 'table', text: JSON.stringify(items) },
    ...(await drain(queues.deadLetters)).map((text) => ({ channel: 'dead letters', text })),
  ];
}

test('nothing of it all was written anywhere', async () => {
  const { answer: inspection } = await system.invoke('inspector', {});
  const report = createReport(state, SCALED_PROFILE, {
    startedAtMs: 0,
    endedAtMs: 1,
    interrupted: false,
    jobsInQueue: 0,
    jobsInDeadLetterQueue: 0,
    historyErrors: [],
    grants: 0,
    inspection,
  });
  const all = [...written, ...(await leftovers()), { channel: 'report', text: JSON.stringify(report) }];
  const leaks = (dye: { isIn(text: string): boolean }, but: (channel: string) => boolean = () => false) =>
    all.filter(({ channel, text }) => !but(channel) && dye.isIn(text));

  expect(leaks(secret), 'client secrets').toEqual([]);
  expect(leaks(token), 'access tokens').toEqual([]);
  // A piece of a JWT that is too short to hold the dye.
  expect(all.filter(({ text }) => /eyJ[\w-]{5}/.test(text))).toEqual([]);
  const isMessage = (channel: string) => channel === 'sqs request' || channel === 'dead letters';
  expect(leaks(content, isMessage), 'contents of messages').toEqual([]);
  // The second net has caught nothing: nothing came through the first. In results the worker redacts the token that it sent.
  expect(all.filter(({ channel, text }) => channel !== 'sqs request' && text.includes('[redacted]'))).toEqual(
    [],
  );
});

/** What a function writes arrives a little later than its answer. */
async function until(condition: () => boolean, what?: string): Promise<void> {
  await expect.poll(condition, { ...(what !== undefined && { message: what }), interval: 50 }).toBe(true);
}

/** Takes all messages out of a queue; at least so many. */
async function drain(queueUrl: string, atLeast = 0): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 600,
        WaitTimeSeconds: bodies.length < atLeast ? 5 : 0,
        MessageAttributeNames: ['All'],
      }),
    );
    bodies.push(
      ...Messages.map(({ Body = '', MessageAttributes }) =>
        atLeast > 0 ? Body : `${Body} ${JSON.stringify(MessageAttributes)}`,
      ),
    );
    if (Messages.length === 0) return bodies;
  }
}
