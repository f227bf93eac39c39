import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { AlarmDefinition } from '../../../../infra/local/emulators/cloudwatch/alarm.ts';
import { createMetricStore } from '../../../../infra/local/emulators/cloudwatch/metric-store.ts';
import { createAlarmRecord } from '../../../../infra/local/page/alarm-record.ts';
import { createGraphRecord } from '../../../../infra/local/page/graph-record.ts';
import { createTokenRecord } from '../../../../infra/local/page/token-record.ts';
import { createWindowRecord } from '../../../../infra/local/page/window-record.ts';
import { createRollingWindow } from '../../../../infra/local/plume-cloud/rolling-window.ts';
import type { RunEvent } from '../../../../infra/local/run/events.ts';

const START = 1_000_000;

describe('the window', () => {
  const callsAt = (times: readonly number[], address = 'a') => {
    const window = createRollingWindow(1_000);
    return times.map((atMs) => ({
      kind: 'call' as const,
      atMs: START + atMs,
      address,
      inWindow: window.add(START + atMs),
      refused: false,
    }));
  };

  test('has the count of each call, and of silence after it', () => {
    const record = createWindowRecord({ limit: 5, windowMs: 1_000 }, START);
    for (const call of callsAt([0, 100, 100, 900])) record.add(call);
    for (const call of callsAt([500], 'b')) record.add(call);
    const a = { address: 'a', atMs: [0, 100, 100, 900, 1_500], calls: [1, 2, 3, 4, 1] };
    const b = { address: 'b', atMs: [500, 1_500], calls: [1, 0] };
    expect(record.view(START + 1_500)).toEqual({ limit: 5, windowMs: 1_000, addresses: [a, b] });
    expect(record.view(START + 1_600).addresses).toEqual([a, b]);
  });

  test('never loses a peak, however many calls there are', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 4_500, maxLength: 9_000 });
    fc.assert(
      fc.property(gaps, (all) => {
        let atMs = 0;
        const calls = callsAt(all.map((gap) => (atMs += gap)));
        const record = createWindowRecord({ limit: 5, windowMs: 1_000 }, START);
        for (const call of calls) record.add(call);
        const [points] = record.view(START + atMs).addresses;
        expect(points?.calls.length).toBeLessThanOrEqual(4_000);
        expect(Math.max(...(points?.calls ?? []))).toBe(Math.max(...calls.map(({ inWindow }) => inWindow)));
        expect(points?.atMs).toEqual([...(points?.atMs ?? [])].sort((one, other) => one - other));
      }),
      { numRuns: 20 },
    );
  });
});

test("a token's life: minted, used, revoked, rejected", () => {
  const record = createTokenRecord(500, START);
  const answer = (atMs: number, refusal?: 'revoked'): RunEvent => ({
    kind: 'answer',
    atMs: START + atMs,
    endpoint: 'api',
    status: refusal ? 401 : 200,
    fingerprint: 'f1',
    refusal,
  });
  const issued = { kind: 'token-issued', client: 'mocha', issuedAtMs: START } as const;
  record.add({ ...issued, atMs: START + 10, fingerprint: 'f1', expiresAtMs: START + 6_000 });
  record.add(answer(100));
  record.add(answer(200));
  record.add({ kind: 'token-revoked', atMs: START + 250, client: 'mocha', fingerprint: 'f1' });
  record.add(answer(300, 'revoked'));
  record.add(answer(400, 'revoked'));
  expect(record.view()).toEqual([
    {
      client: 'mocha',
      fingerprint: 'f1',
      mintedMs: 10,
      servableUntilMs: 5_500,
      expiresMs: 6_000,
      usedUntilMs: 200,
      revokedMs: 250,
      rejectedMs: 300,
    },
  ]);
  for (let index = 0; index < 300; index += 1)
    record.add({ ...issued, atMs: START + 10, fingerprint: `g${index}`, expiresAtMs: START + 6_000 });
  expect(record.view()).toHaveLength(200);
});

const metric = { namespace: 'N', name: 'M', dimensions: {} };
const query = { metric, statistic: 'Sum', periodSeconds: 60 };
/** A minute of CloudWatch is 600 ms here. */
const scale = { startedAtMs: START, secondMs: 10 };

test('a graph has a point for each complete period, and one for the current', () => {
  const store = createMetricStore();
  const record = createGraphRecord(
    { kind: 'graph', title: 'T', lines: [{ label: 'L', query }], marks: [{ value: 1, label: 'one' }] },
    store,
    scale,
  );
  // Periods begin where CloudWatch's do: at multiples of their length since 1970.
  const first = Math.floor(START / 600) * 600 - START;
  store.put(metric, 1, START + 10);
  store.put(metric, 2, START + 700);
  expect(record(START + 750)).toMatchObject({
    atMs: [first, first + 600],
    lines: [{ label: 'L', values: [1, 2] }],
    levels: [{ value: 1, label: 'one' }],
  });
  store.put(metric, 5, START + 760);
  expect(record(START + 2_000)).toMatchObject({ lines: [{ values: [1, 7, null, null, null] }] });
});

test('an alarm is told with the times at which it was raised; what was before the run is not missing', () => {
  const alarm: AlarmDefinition = {
    name: 'token-broker-TicksMissing',
    description: 'No ticks.',
    query,
    comparison: 'LessThanThreshold',
    threshold: 1,
    evaluationPeriods: 2,
    datapointsToAlarm: 2,
    treatMissingData: 'breaching',
  };
  const store = createMetricStore();
  const record = createAlarmRecord(alarm, store, scale);
  expect(record(START + 10)).toMatchObject({ name: 'TicksMissing', state: 'INSUFFICIENT_DATA', raised: [] });
  store.put(metric, 1, START + 300);
  expect(record(START + 900)).toMatchObject({ state: 'OK', raised: [] });
  expect(record(START + 2_600)).toMatchObject({ state: 'ALARM', raised: [{ fromMs: 2_600 }] });
  store.put(metric, 1, START + 2_700);
  expect(record(START + 3_400)).toMatchObject({ state: 'OK', raised: [{ fromMs: 2_600, toMs: 3_400 }] });
});
