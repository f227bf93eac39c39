import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type LocalLambda, startLambda } from '../../../infra/local/emulators/lambda/lambda.ts';
import {
  type LoopbackServer,
  readBody,
  sendJson,
  startLoopbackServer,
} from '../../../infra/local/emulators/loopback-server.ts';
import { createInvokeFunction, type InvokeFunction } from '../../../lib/token/invoke-function.ts';

const SECRETS = { secretAccessKey: 'the-secret-key', sessionToken: 'the-session-token' };
const credentials = { accessKeyId: 'AKIDEXAMPLE', ...SECRETS };
const client = new DynamoDBClient({ region: 'eu-central-1', credentials });
const ARN = 'arn:aws:lambda:eu-central-1:000000000000:function:sample:$LATEST';

afterAll(() => client.destroy());

function invoker(endpoint: string | undefined, now = Date.now, dynamo = client): InvokeFunction {
  return createInvokeFunction({ client: dynamo, endpoint, fetch, now });
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

  test('is of the corrected clock', async () => {
    const skewed = new DynamoDBClient({ region: 'eu-central-1', credentials, systemClockOffset: 60_000 });
    await invoker(server.url, () => Date.UTC(2026, 0, 1), skewed)('sample', {}, soon());
    expect(seen.pop()?.request.headers['x-amz-date']).toBe('20260101T000100Z');
  });
});

describe("the endpoint is that of Lambda's own client", () => {
  const REGIONS = [
    'us-east-1',
    'eu-central-1',
    'cn-north-1',
    'us-gov-west-1',
    'us-iso-east-1',
    'eusc-de-east-1',
  ];
  const variants = REGIONS.flatMap((region) =>
    [false, true].flatMap((useFipsEndpoint) =>
      [false, true].map((useDualstackEndpoint) => ({ region, useFipsEndpoint, useDualstackEndpoint })),
    ),
  );

  test.each(variants)('%o', async ({ region, useFipsEndpoint, useDualstackEndpoint }) => {
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
    const dynamo = new DynamoDBClient({ region, credentials, useFipsEndpoint, useDualstackEndpoint });
    let asked = '';
    const fetch: typeof globalThis.fetch = async (url) => {
      asked = String(url);
      return Response.json({});
    };
    await createInvokeFunction({ client: dynamo, endpoint: undefined, fetch, now: Date.now })(
      'f',
      {},
      soon(),
    );
    expect(asked).toBe(`${expected}/2015-03-31/functions/f/invocations`);
  });
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
