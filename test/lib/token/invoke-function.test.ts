import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';

import { type LocalLambda, startLambda } from '../../../infra/local/emulators/lambda/lambda.ts';
import {
  type LoopbackServer,
  readBody,
  sendJson,
  startLoopbackServer,
} from '../../../infra/local/emulators/loopback-server.ts';
import { systemClock } from '../../../lib/platform/clock.ts';
import {
  createInvokeFunction,
  type InvokeFunction,
  type InvokeFunctionDependencies,
} from '../../../lib/token/invoke-function.ts';

const SECRETS = { secretAccessKey: 'the-secret-key', sessionToken: 'the-session-token' };
const credentials = { accessKeyId: 'AKIDEXAMPLE', ...SECRETS };
const client = new DynamoDBClient({ region: 'eu-central-1', credentials });
const ARN = 'arn:aws:lambda:eu-central-1:000000000000:function:sample:$LATEST';

afterAll(() => client.destroy());

function invoker(
  endpoint: string | undefined,
  overrides: Partial<InvokeFunctionDependencies> = {},
): InvokeFunction {
  return createInvokeFunction({
    dynamodb: client,
    endpoint,
    fetch,
    clock: systemClock,
    repeatWithinMs: 0,
    traceId: () => undefined,
    random: () => 0,
    ...overrides,
  });
}
const soon = () => AbortSignal.timeout(5_000);

describe('at the local Lambda', () => {
  let lambda: LocalLambda;
  let invoke: InvokeFunction;

  beforeAll(async () => {
    lambda = await startLambda(() => {});
    const bundleUrl = new URL('../../infra/local/emulators/functions/sample.ts', import.meta.url).href;
    lambda.add({ name: 'sample', bundleUrl, environment: {}, timeoutMs: 700, memoryMb: 256, concurrency: 1 });
    invoke = invoker(lambda.url);
  });
  afterAll(() => lambda.stop());

  test.each(['sample', ARN])('answers with what the function %s returned', async (name) => {
    expect(await invoke(name, { a: 1 }, soon())).toMatchObject({ event: { a: 1 }, functionName: 'sample' });
  });

  test('an error of the function is an error, and so is its time-out', async () => {
    await expect(invoke('sample', { fail: true }, soon())).rejects.toThrow('the function failed');
    await expect(invoke('sample', { hang: true }, soon())).rejects.toThrow('the function failed');
  });

  test('a refusal is named', async () => {
    await expect(invoke('nobody', {}, soon())).rejects.toThrow('404 ResourceNotFoundException');
    const busy = invoke('sample', { sleepMs: 300 }, soon());
    await expect(invoke('sample', {}, soon())).rejects.toThrow('429 TooManyRequestsException');
    await busy;
  });

  test('whoever gives up gets the reason', async () => {
    const signal = AbortSignal.timeout(50);
    const error = await invoke('sample', { hang: true }, signal).catch((thrown: unknown) => thrown);
    expect(error).toBe(signal.reason);
  });
});

test('nothing of an error holds what was sent', async () => {
  const server = await startLoopbackServer(async () => {});
  await server.stop();
  const error = await invoker(server.url)('sample', { client: 'mocha' }, soon()).catch(
    (thrown: Error) => thrown,
  );
  expect(error).toMatchObject({ message: 'Lambda cannot be reached: ECONNREFUSED' });
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(
    /the-secret-key|the-session-token|mocha/,
  );
});

test('a redirect is a refusal: nobody else gets what was signed', async () => {
  const server = await startLoopbackServer(async (_request, response) => {
    response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end();
  });
  await expect(invoker(server.url)('sample', {}, soon())).rejects.toThrow('307');
  await server.stop();
});

describe('the signature', () => {
  const seen: { request: IncomingMessage; body: string }[] = [];
  let server: LoopbackServer;
  beforeAll(async () => {
    server = await startLoopbackServer(async (request, response) => {
      seen.push({ request, body: (await readBody(request)).toString() });
      sendJson(response, 200, {});
    });
  });
  afterAll(() => server.stop());

  test("is what Lambda computes, as it is of Lambda's own client", async () => {
    const official = new LambdaClient({ region: 'eu-central-1', credentials, endpoint: server.url });
    await official.send(new InvokeCommand({ FunctionName: ARN, Payload: '{"a":1}' }));
    official.destroy();
    await invoker(server.url)(ARN, { a: 1 }, soon());
    const [theirs, ours] = seen.splice(0);
    for (const { request, body } of [theirs!, ours!]) {
      expect(signatureOf(request)).toBe(sign(request, body));
      expect(request.headers['x-amz-security-token']).toBe(credentials.sessionToken);
      expect(signedHeadersOf(request)).toEqual(
        expect.arrayContaining(['content-type', 'host', 'x-amz-date', 'x-amz-security-token']),
      );
    }
    expect(ours?.request.url).toBe(theirs?.request.url);
    expect(ours?.body).toBe(theirs?.body);
  });

  test.each([
    'sample',
    'sample:live',
    'sample:7',
    '123456789012:function:sample',
    'arn:aws:lambda:eu-central-1:123456789012:function:sample',
    'arn:aws:lambda:eu-central-1:123456789012:function:sample:live',
    ARN,
  ])("goes to the path of Lambda's own client, below that of the endpoint: %s", async (name) => {
    for (const path of ['', '/', '/proxy', '/proxy/lambda']) {
      const official = new LambdaClient({
        region: 'eu-central-1',
        credentials,
        endpoint: `${server.url}${path}`,
      });
      await official.send(new InvokeCommand({ FunctionName: name, Payload: '{}' }));
      official.destroy();
      await invoker(`${server.url}${path}`)(name, {}, soon());
      const [theirs, ours] = seen.splice(0);
      expect(ours?.request.url).toBe(theirs?.request.url);
      if (ours !== undefined) expect(signatureOf(ours.request)).toBe(sign(ours.request, ours.body));
    }
  });

  test("carries the invocation's trace, unsigned, as Lambda's own client does", async () => {
    const trace = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1';
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'worker');
    vi.stubEnv('_X_AMZN_TRACE_ID', trace);
    const official = new LambdaClient({ region: 'eu-central-1', credentials, endpoint: server.url });
    await official.send(new InvokeCommand({ FunctionName: ARN, Payload: '{}' }));
    official.destroy();
    vi.unstubAllEnvs();
    await invoker(server.url, { traceId: () => trace })(ARN, {}, soon());
    for (const { request } of seen.splice(0)) {
      expect(request.headers['x-amzn-trace-id']).toBe(trace);
      expect(signedHeadersOf(request)).not.toContain('x-amzn-trace-id');
    }
  });

  test('is of the corrected clock', async () => {
    const skewed = new DynamoDBClient({ region: 'eu-central-1', credentials, systemClockOffset: 60_000 });
    const clock = { ...systemClock, now: () => Date.UTC(2026, 0, 1) };
    await invoker(server.url, { clock, dynamodb: skewed })('sample', {}, soon());
    expect(seen.pop()?.request.headers['x-amz-date']).toBe('20260101T000100Z');
  });
});

describe('a second attempt', () => {
  const refusals: number[] = [];
  const seenAtMs: number[] = [];
  let server: LoopbackServer;
  beforeAll(async () => {
    server = await startLoopbackServer(async (request, response) => {
      seenAtMs.push(Date.now());
      const status = refusals.shift();
      if (status === 0) return void request.socket.destroy();
      sendJson(response, status ?? 200, { ok: true });
    });
  });
  afterAll(() => server.stop());
  afterEach(() => {
    refusals.length = 0;
    seenAtMs.length = 0;
  });
  const invoke = (repeatWithinMs = 5_000, clock = systemClock) =>
    invoker(server.url, { repeatWithinMs, clock })('sample', {}, soon());

  test.each([429, 500, 502, 503, 504, 0])(
    'follows %i (0: a lost connection), and there is no third',
    async (status) => {
      refusals.push(status);
      expect(await invoke()).toEqual({ ok: true });
      expect(seenAtMs).toHaveLength(2);
      refusals.push(status, status);
      await expect(invoke()).rejects.toThrow(/^Lambda (refused|cannot be reached)/);
      expect(seenAtMs).toHaveLength(4);
    },
  );

  test.each([400, 403, 404, 413])('does not follow %i, which stays', async (status) => {
    refusals.push(status);
    await expect(invoke()).rejects.toThrow(`${status}`);
    expect(seenAtMs).toHaveLength(1);
  });

  test('is not made once the claim is nearly over', async () => {
    refusals.push(503);
    // Each look at the clock takes three seconds: at the beginning, for the signature, after the refusal.
    let nowMs = 0;
    const clock = { sleep: systemClock.sleep, now: () => (nowMs += 3_000) };
    await expect(invoke(6_099, clock)).rejects.toThrow('503');
    expect(seenAtMs).toHaveLength(1);
    refusals.push(503);
    expect(await invoke(6_100, clock)).toEqual({ ok: true });
  });

  test('is given up with the reason of the signal while it waits', async () => {
    refusals.push(503);
    const abort = new AbortController();
    const clock = {
      now: systemClock.now,
      sleep: (ms: number, signal?: AbortSignal) => {
        abort.abort(new Error('enough'));
        return systemClock.sleep(ms, signal);
      },
    };
    const invoke = invoker(server.url, { repeatWithinMs: 5_000, clock });
    await expect(invoke('sample', {}, abort.signal)).rejects.toThrow('enough');
    expect(seenAtMs).toHaveLength(1);
  });
});

describe("the endpoint is that of Lambda's own client", () => {
  /** Every region that the SDK knows: its list is not exported. */
  const partitions = readFileSync(
    'node_modules/@aws-sdk/core/dist-es/submodules/client/util-endpoints/lib/aws/partitions.js',
    'utf8',
  );
  const regions = [...partitions.matchAll(/"([a-z]+(?:-[a-z]+)+-\d+)": \{/g)].map(
    ([, region = '']) => region,
  );
  const variants = [false, true].flatMap((useFipsEndpoint) =>
    [false, true].map((useDualstackEndpoint) => ({ useFipsEndpoint, useDualstackEndpoint })),
  );

  test('there are regions of every partition', () => {
    expect(regions.length).toBeGreaterThan(35);
    expect(regions).toEqual(
      expect.arrayContaining(['us-east-1', 'cn-north-1', 'us-gov-west-1', 'us-iso-east-1', 'eusc-de-east-1']),
    );
  });

  test.each(variants)('%o', async ({ useFipsEndpoint, useDualstackEndpoint }) => {
    for (const region of regions) await compare(region, useFipsEndpoint, useDualstackEndpoint);
  });

  async function compare(
    region: string,
    useFipsEndpoint: boolean,
    useDualstackEndpoint: boolean,
  ): Promise<void> {
    const lambda = new LambdaClient({ region, credentials });
    const parameters = { Region: region, UseFIPS: useFipsEndpoint, UseDualStack: useDualstackEndpoint };
    const expected = (() => {
      try {
        return lambda.config.endpointProvider(parameters).url.origin;
      } catch {
        return undefined;
      }
    })();
    // Some partitions have no such variant.
    if (expected === undefined) return;
    const dynamodb = new DynamoDBClient({ region, credentials, useFipsEndpoint, useDualstackEndpoint });
    let asked = '';
    const fetch: typeof globalThis.fetch = async (url) => {
      asked = String(url);
      return Response.json({});
    };
    await invoker(undefined, { dynamodb, fetch })('f', {}, soon());
    expect(asked).toBe(`${expected}/2015-03-31/functions/f/invocations`);
    lambda.destroy();
    dynamodb.destroy();
  }
});

/** AWS Signature Version 4 of a request as it arrived, from its documentation. */
function sign(request: IncomingMessage, body: string): string {
  const [, scope = ''] = /Credential=[^/]+\/([^,]+)/.exec(request.headers.authorization ?? '') ?? [];
  const [date = '', region = '', service = ''] = scope.split('/');
  expect([region, service]).toEqual(['eu-central-1', 'lambda']);
  const signed = signedHeadersOf(request);
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const canonical = [
    request.method,
    // Every segment once more, though it is encoded: so it is for all services but S3.
    path.split('/').map(encodeURIComponent).join('/'),
    query,
    ...signed.map((name) => `${name}:${request.headers[name]}`),
    '',
    signed.join(';'),
    sha256(body),
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${SECRETS.secretAccessKey}`,
  );
  return hmac(key, toSign).toString('hex');
}

function signatureOf({ headers }: IncomingMessage): string | undefined {
  return /Signature=(\w+)/.exec(headers.authorization ?? '')?.[1];
}

function signedHeadersOf({ headers }: IncomingMessage): string[] {
  return /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1]?.split(';') ?? [];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
