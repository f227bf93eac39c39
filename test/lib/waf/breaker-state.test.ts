import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  afterAnswer,
  afterRefusal,
  type BreakerState,
  believed,
  isResting,
  phaseOf,
  restMs,
} from '../../../lib/waf/breaker-state.ts';

/** The state after refusals of calls that were sent, and answered, at these moments. */
function refusedAt(moments: readonly number[], state: BreakerState = {}): BreakerState {
  return moments.reduce((seen, nowMs) => afterRefusal(seen, { sentAtMs: nowMs, nowMs }) ?? seen, state);
}
const OPEN = refusedAt([1_000, 2_000, 3_000, 4_000]);

describe('a closed breaker', () => {
  test.each([
    ['three in a row', [1_000, 2_000, 9_000]],
    ['four in a row within less than two seconds', [1_000, 1_500, 2_000, 2_999]],
  ])('is not opened by %s', (_, moments) => {
    expect(refusedAt(moments).blockedUntilMs).toBeUndefined();
  });

  test('is opened for a second by four in a row over two seconds', () => {
    expect(refusedAt([1_000, 1_500, 2_000, 3_000])).toEqual({
      suspectSinceMs: 1_000,
      refusedAtMs: 3_000,
      blockedUntilMs: 4_000,
      openings: 1,
    });
  });

  test('counts calls that are refused together once: those sent before the last refusal', () => {
    const one = refusedAt([1_000]);
    for (const sentAtMs of [0, 999, 1_000]) {
      expect(afterRefusal(one, { sentAtMs, nowMs: 5_000 })).toBeUndefined();
    }
    expect(afterRefusal(one, { sentAtMs: 1_001, nowMs: 5_000 })).toMatchObject({ refusals: 2 });
  });

  test('is cleared of its suspicion by any other answer to a call that was sent after the last refusal', () => {
    const suspect = refusedAt([1_000, 2_000, 3_000]);
    expect(afterAnswer(suspect, { sentAtMs: 3_000, nowMs: 4_000 })).toBeUndefined();
    expect(afterAnswer(suspect, { sentAtMs: 3_001, nowMs: 4_000 })).toEqual({ clearedAtMs: 4_000 });
  });

  test('stays suspicious after the answer to a probe of an earlier opening, which was sent before', () => {
    const suspect = refusedAt([1_000, 2_000, 3_000]);
    expect(afterAnswer(suspect, { sentAtMs: 500, nowMs: 4_000, probe: 0 })).toBeUndefined();
  });

  test('has nothing to be cleared of while no call was refused', () => {
    expect(afterAnswer({}, { sentAtMs: 1_000, nowMs: 2_000 })).toBeUndefined();
    expect(afterAnswer({ clearedAtMs: 500 }, { sentAtMs: 1_000, nowMs: 2_000 })).toBeUndefined();
  });
});

describe('an open breaker', () => {
  test('rests 1, 2, 4, 8, 16, 32 and then 45 s, for as long as probes are refused', () => {
    let state = OPEN;
    const rests: number[] = [];
    for (let probes = 0; probes < 8; probes += 1) {
      const { blockedUntilMs = 0, refusedAtMs = 0, openings } = state;
      rests.push(blockedUntilMs - refusedAtMs);
      const heard = { sentAtMs: blockedUntilMs, nowMs: blockedUntilMs + 100, probe: openings };
      state = afterRefusal(state, heard) ?? state;
    }
    expect(rests).toEqual([1, 2, 4, 8, 16, 32, 45, 45].map((seconds) => 1_000 * seconds));
    expect(state.suspectSinceMs).toBe(1_000);
  });

  test.each([
    ['a call that held its ticket before', undefined],
    ['the probe of an earlier opening', 0],
  ])('learns nothing from the refusal of %s', (_, probe) => {
    expect(afterRefusal(OPEN, { sentAtMs: 9_000, nowMs: 9_100, probe })).toBeUndefined();
  });

  test('is closed by any other answer to its probe', () => {
    const heard = { sentAtMs: 4_000, nowMs: 5_100, probe: 1 };
    expect(afterAnswer(OPEN, heard)).toEqual({ clearedAtMs: 5_100 });
  });

  test('is closed by an answer to a call that was sent after the last refusal, probe or not', () => {
    expect(afterAnswer(OPEN, { sentAtMs: 4_001, nowMs: 14_000 })).toEqual({ clearedAtMs: 14_000 });
    expect(afterAnswer(OPEN, { sentAtMs: 4_000, nowMs: 14_000 })).toBeUndefined();
  });

  test('of code that counted no openings is ended by one probe, either way', () => {
    const old = { blockedUntilMs: 4_000 };
    expect(afterAnswer(old, { sentAtMs: 5_000, nowMs: 5_100, probe: 0 })).toEqual({ clearedAtMs: 5_100 });
    expect(afterRefusal(old, { sentAtMs: 5_000, nowMs: 5_100, probe: 0 })).toMatchObject({
      blockedUntilMs: 6_100,
      openings: 1,
    });
    expect(afterAnswer(old, { sentAtMs: 5_000, nowMs: 5_100 })).toBeUndefined();
  });
});

test.each([
  [undefined, 'closed'],
  [9_999, 'half-open'],
  [10_000, 'half-open'],
  [10_001, 'open'],
  [59_000, 'open'],
  [59_001, 'half-open'],
  [8.64e15, 'half-open'],
])('a block until %s is, at 10 s and believed for 49 s, %s', (blockedUntilMs, phase) => {
  expect(phaseOf({ blockedUntilMs }, 10_000, 49_000)).toBe(phase);
});

test.each([
  ['never blocked', undefined, false],
  ['blocked for the longest pause from now', 45_000, true],
  ['blocked for longer than any pause', 45_001, false],
  ['blocked until two minutes ago, so that callers may still probe', -120_000, true],
  ['blocked until before that', -120_001, false],
])(
  'a stream that is %s counts as blocked, for one that looks now and then: %i ms from now: %s',
  (_, fromNow, expected) => {
    const nowMs = 1_000_000_000;
    const blockedUntilMs = fromNow === undefined ? undefined : nowMs + fromNow;
    expect(isResting({ blockedUntilMs }, nowMs)).toBe(expected);
  },
);

test('moments are believed that are ahead by no more than clocks may differ', () => {
  const state = { suspectSinceMs: 14_000, refusedAtMs: 14_000, clearedAtMs: 14_001 };
  expect(believed(state, 10_000, 4_000)).toEqual({ suspectSinceMs: 14_000, refusedAtMs: 14_000 });
});

test('moments of the future are not believed: no refusal hides others, and none counts against a job', () => {
  const state = { refusals: 3, suspectSinceMs: 99_000, refusedAtMs: 99_000, clearedAtMs: 99_000 };
  const sane = believed(state, 10_000, 4_000);
  expect(sane).toMatchObject({ refusedAtMs: undefined, clearedAtMs: undefined });
  expect(afterRefusal(sane, { sentAtMs: 9_900, nowMs: 10_000 })).toMatchObject({ refusedAtMs: 10_000 });
});

test('no story of honest calls writes a rest that is longer than the longest', () => {
  const event = fc.record({
    kind: fc.constantFrom('refused', 'answered'),
    afterMs: fc.integer({ min: 1, max: 60_000 }),
    tookMs: fc.integer({ min: 0, max: 15_000 }),
    probes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event), (events) => {
      let state: BreakerState = {};
      let nowMs = 0;
      for (const { kind, afterMs, tookMs, probes } of events) {
        nowMs += afterMs;
        const heard = { sentAtMs: nowMs - tookMs, nowMs, probe: probes ? state.openings : undefined };
        const next = kind === 'refused' ? afterRefusal(state, heard) : afterAnswer(state, heard);
        if (next === undefined) continue;
        state = next;
        const { blockedUntilMs = nowMs, openings = 1, refusedAtMs = 0 } = state;
        expect(blockedUntilMs - nowMs).toBeLessThanOrEqual(45_000);
        if (state.blockedUntilMs !== undefined) expect(blockedUntilMs - refusedAtMs).toBe(restMs(openings));
      }
    }),
  );
});
