import { InvokeStore, InvokeStoreBase } from '@aws/lambda-invoke-store';
import { afterEach, expect, test, vi } from 'vitest';

import type { LambdaEnvironment } from '../../../lib/telemetry/invocation.ts';
import { createLambdaTelemetry } from '../../../lib/telemetry/lambda-telemetry.ts';
import { withLogFields } from '../../../lib/telemetry/log-fields.ts';
import type { BufferedTelemetry } from '../../../lib/telemetry/telemetry.ts';

const BROKER = { service: 'my-broker', metrics: 'alarmed' } as const;

afterEach(() => vi.restoreAllMocks());

/** The lines that `use` leaves on stdout and stderr. */
function written(use: (telemetry: BufferedTelemetry) => void, environment: LambdaEnvironment = {}): string[] {
  const lines: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  }
  use(createLambdaTelemetry(BROKER, environment));
  vi.restoreAllMocks();
  return lines;
}

test('what is measured is written at the flush, once, a line each', () => {
  const measure = (telemetry: BufferedTelemetry): void => {
    telemetry.metric('ClientsFailing', 1, {});
    telemetry.metric('TokenMinted', 1, { client: 'mocha' });
  };
  expect(written(measure)).toEqual([]);
  const lines = written((telemetry) => {
    measure(telemetry);
    telemetry.flush();
    telemetry.flush();
  });
  expect(lines).toEqual([
    expect.stringMatching(/^\{"_aws":.*"ClientsFailing":1\}\n$/),
    '{"service":"my-broker","client":"mocha","TokenMinted":1}\n',
  ]);
});

test('a log line has the shape that Powertools gives it, and the trace of its invocation', () => {
  const trace = {
    _X_AMZN_TRACE_ID: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0',
  };
  const [line = ''] = written((telemetry) => telemetry.log('warn', 'a message', { client: 'mocha' }), {
    AWS_LAMBDA_FUNCTION_NAME: 'worker',
    ...trace,
  });
  expect(JSON.parse(line)).toEqual({
    level: 'WARN',
    message: 'a message',
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    service: 'my-broker',
    function: 'worker',
    xray_trace_id: '1-5759e988-bd862e3fe1be46a994272793',
    client: 'mocha',
  });
  expect(line.endsWith('}\n')).toBe(true);
});

test.each([
  [undefined, ['info', 'warn', 'error']],
  ['TRACE', ['debug', 'info', 'warn', 'error']],
  ['DEBUG', ['debug', 'info', 'warn', 'error']],
  ['WARN', ['warn', 'error']],
  ['FATAL', []],
])("at Lambda's log level %s the lines of %j are written", (level, expected) => {
  const lines = written(
    (telemetry) => {
      for (const each of ['debug', 'info', 'warn', 'error'] as const) telemetry.log(each, each);
    },
    { AWS_LAMBDA_LOG_LEVEL: level },
  );
  expect(lines.map((line) => JSON.parse(line).message)).toEqual(expected);
});

test('a secret that a mistake brought into a log line is taken out of it', () => {
  const [line] = written((telemetry) =>
    telemetry.log('error', 'a mistake', { authorization: 'Basic MARKERMARKER', note: 'Bearer MARKERMARKER' }),
  );
  expect(line).toContain('[redacted]');
  expect(line).not.toContain('MARKER');
});

test('a log line says which invocation it is of, also where several run at once, and outside of any says nothing', async () => {
  // As Lambda's runtime does where an environment serves several invocations.
  const invocations = await InvokeStore.getInstanceAsync(true);
  const { REQUEST_ID } = InvokeStoreBase.PROTECTED_KEYS;
  const lines: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  const telemetry = createLambdaTelemetry(BROKER, {});
  const invoke = (id: string) =>
    invocations.run({ [REQUEST_ID]: id }, async () => {
      telemetry.log('info', id);
      await Promise.resolve();
      telemetry.log('info', id);
    });
  await Promise.all([invoke('first'), invoke('second')]);
  telemetry.log('info', 'outside');
  vi.restoreAllMocks();
  const ids = lines.map((line) => JSON.parse(line)).map(({ message, requestId }) => [message, requestId]);
  expect(ids).toEqual([
    ['first', 'first'],
    ['second', 'second'],
    ['first', 'first'],
    ['second', 'second'],
    ['outside', undefined],
  ]);
});

test('every line says its function, and what the work around it adds', () => {
  const stream = vi.spyOn(process.stdout, 'write');
  const lines: string[] = [];
  stream.mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  const telemetry = createLambdaTelemetry(BROKER, { AWS_LAMBDA_FUNCTION_NAME: 'worker' });
  telemetry.log('info', 'outside');
  withLogFields({ jobId: 'j1' }, () => {
    telemetry.log('info', 'inside', { client: 'mocha' });
    withLogFields({ part: 2 }, () => telemetry.log('info', 'deeper'));
  });
  vi.restoreAllMocks();
  const fields = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(fields.map((line) => [line.function, line.jobId, line.part, line.client])).toEqual([
    ['worker', undefined, undefined, undefined],
    ['worker', 'j1', undefined, 'mocha'],
    ['worker', 'j1', 2, undefined],
  ]);
});
