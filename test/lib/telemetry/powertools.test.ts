import { InvokeStore, InvokeStoreBase } from '@aws/lambda-invoke-store';
import { afterEach, expect, test, vi } from 'vitest';

import { withLogFields } from '../../../lib/telemetry/log-fields.ts';
import { createPowertoolsTelemetry } from '../../../lib/telemetry/powertools.ts';
import type { BufferedTelemetry } from '../../../lib/telemetry/telemetry.ts';

afterEach(() => vi.restoreAllMocks());

/** The lines that `use` leaves on stdout and stderr. */
function written(use: (telemetry: BufferedTelemetry) => void): string[] {
  const lines: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  }
  use(createPowertoolsTelemetry('my-broker', 'alarmed'));
  vi.restoreAllMocks();
  return lines;
}

test('what is measured is written at the flush, once, a line each', () => {
  const measure = (telemetry: BufferedTelemetry): void => {
    telemetry.metric('MinterTick', 1, {});
    telemetry.metric('TokenMinted', 1, { client: 'mocha' });
  };
  expect(written(measure)).toEqual([]);
  const lines = written((telemetry) => {
    measure(telemetry);
    telemetry.flush();
    telemetry.flush();
  });
  expect(lines).toEqual([
    expect.stringMatching(/^\{"_aws":.*"MinterTick":1\}\n$/),
    '{"service":"my-broker","client":"mocha","TokenMinted":1}\n',
  ]);
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
  const telemetry = createPowertoolsTelemetry('my-broker', 'alarmed');
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
  const telemetry = createPowertoolsTelemetry('my-broker', 'alarmed', 'worker');
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
