import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FunctionPool } from '../../../../infra/local/emulators/lambda/function-pool.ts';
import { type LocalLambda, startLambda } from '../../../../infra/local/emulators/lambda/lambda.ts';
import { LOCAL_SDK_CONFIG } from '../../../../infra/local/emulators/local.ts';
import type { FunctionEvent } from '../../../../infra/local/run/events.ts';

const events: FunctionEvent[] = [];
let lambda: LocalLambda;
let pool: FunctionPool;
let client: LambdaClient;

beforeAll(async () => {
  lambda = await startLambda((event) => events.push(event));
  const bundleUrl = new URL('./functions/sample.ts', import.meta.url).href;
  const environment = { SAMPLE: 'its own' };
  pool = lambda.add({
    name: 'sample',
    bundleUrl,
    environment,
    timeoutMs: 700,
    memoryMb: 256,
    concurrency: 2,
  });
  lambda.add({
    name: 'broken',
    bundleUrl: 'file:///no/such/bundle.mjs',
    environment,
    timeoutMs: 700,
    memoryMb: 256,
    concurrency: 1,
  });
  client = new LambdaClient({ ...LOCAL_SDK_CONFIG, endpoint: lambda.url, maxAttempts: 1 });
});

afterAll(async () => {
  client.destroy();
  await lambda.stop();
});

async function invoke(event: object, FunctionName = 'sample') {
  const { Payload, ...rest } = await client.send(
    new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }),
  );
  return { ...rest, answer: JSON.parse(Payload?.transformToString() || 'null') };
}

test('answers with what the handler returns, in a context like that of Lambda', async () => {
  const { answer, StatusCode, FunctionError } = await invoke({ a: 1 });
  expect(StatusCode).toBe(200);
  expect(FunctionError).toBeUndefined();
  expect(answer).toMatchObject({ event: { a: 1 }, variable: 'its own', functionName: 'sample' });
  expect(answer.awsRequestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(answer.requestIdOfLogs).toBe(answer.awsRequestId);
  expect(answer.traceId).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/);
  expect(answer.remainingMs).toBeGreaterThan(0);
  expect(answer.remainingMs).toBeLessThanOrEqual(700);
});

test('an idle instance is used again and keeps its memory; instances share none', async () => {
  const first = (await invoke({})).answer.invocations;
  expect((await invoke({})).answer.invocations).toBe(first + 1);
  const [one, two] = await Promise.all([invoke({ sleepMs: 300 }), invoke({ sleepMs: 300 })]);
  expect([one?.answer.invocations, two?.answer.invocations].sort()).toEqual([1, first + 2].sort());
});

test('takes names, partial ARNs and ARNs', async () => {
  const arn = 'arn:aws:lambda:us-east-1:000000000000:function:sample';
  expect((await invoke({}, arn)).answer.functionName).toBe('sample');
  expect((await invoke({}, 'sample:$LATEST')).answer.functionName).toBe('sample');
  await expect(invoke({}, 'nobody')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('beyond its concurrency a function is throttled', async () => {
  const busy = [invoke({ sleepMs: 300 }), invoke({ sleepMs: 300 })];
  await expect.poll(() => pool.busy().length).toBe(2);
  await expect(invoke({})).rejects.toMatchObject({ name: 'TooManyRequestsException' });
  await Promise.all(busy);
});

test('an error of the handler is a function error; the instance lives on', async () => {
  const { FunctionError, answer } = await invoke({ fail: true });
  expect(FunctionError).toBe('Unhandled');
  expect(answer).toMatchObject({ errorType: 'TypeError', errorMessage: 'told to fail' });
  expect((await invoke({})).answer.invocations).toBeGreaterThan(1);
});

test('a time-out, a crash, a kill and a bundle that does not load end the instance', async () => {
  expect((await invoke({ hang: true })).answer).toMatchObject({ errorType: 'Sandbox.Timedout' });
  expect((await invoke({ crash: true })).answer).toMatchObject({ errorType: 'Runtime.ExitError' });
  const killed = invoke({ hang: true });
  await expect.poll(() => pool.busy().length).toBe(1);
  expect(await pool.kill(pool.busy()[0] as string)).toBe(true);
  expect((await killed).answer).toMatchObject({ errorType: 'Runtime.ExitError' });
  expect((await invoke({}, 'broken')).FunctionError).toBe('Unhandled');
  const reasons = events.flatMap((event) => (event.kind === 'instance-stopped' ? [event.reason] : []));
  expect(reasons).toEqual(['timed-out', 'crashed', 'killed', 'crashed']);
  expect((await invoke({})).StatusCode).toBe(200);
});

test('an Event invocation is answered before it ends', async () => {
  const { StatusCode } = await client.send(
    new InvokeCommand({
      FunctionName: 'sample',
      InvocationType: 'Event',
      Payload: '{"print":"from the event"}',
    }),
  );
  expect(StatusCode).toBe(202);
  await expect
    .poll(() => events.some((event) => event.kind === 'log' && event.line === 'from the event'))
    .toBe(true);
});

test('metrics in the embedded format become events', async () => {
  const line = JSON.stringify({
    _aws: {
      Timestamp: 0,
      CloudWatchMetrics: [
        { Namespace: 'N', Dimensions: [['source']], Metrics: [{ Name: 'TokenServed', Unit: 'Count' }] },
      ],
    },
    source: 'memory',
    client: 'mocha',
    TokenServed: [1, 1],
  });
  await invoke({ print: line });
  const labels = { source: 'memory', client: 'mocha' };
  const metric = {
    kind: 'metric',
    namespace: 'N',
    metric: 'TokenServed',
    unit: 'Count',
    value: 1,
    dimensions: { source: 'memory' },
    labels,
  };
  await expect.poll(() => events.filter(({ kind }) => kind === 'metric')).toEqual([metric, metric]);
});
