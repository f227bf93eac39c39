import { describe, expect, test } from 'vitest';

import type { Random } from './random.ts';
import { type StoryEnd, type StoryJob, tellWafStory } from './waf-story.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Of calls that are refused for what they hold now and then: `PLUME_TEST_HOURS=10` runs ten. */
const HOURS = Number(process.env.PLUME_TEST_HOURS ?? 1);
/** A job of about ten calls, as the simulation's. */
const tens = (random: Random): StoryJob => ({ calls: Math.min(40, 1 + Math.floor(random.exponential(9.5))) });
const refusedCalls = ({ calls }: StoryEnd): number => calls.filter(({ refused }) => refused).length;
const passedBetween = ({ calls }: StoryEnd, fromMs: number, toMs: number): number =>
  calls.filter(({ atMs, refused }) => !refused && atMs >= fromMs && atMs < toMs).length;
/** The longest time without a call that passed. */
const longestGapMs = ({ calls }: StoryEnd, fromMs: number): number => {
  const passed = calls.filter(({ atMs, refused }) => !refused && atMs >= fromMs).map(({ atMs }) => atMs);
  return Math.max(...passed.map((atMs, index) => atMs - (passed[index - 1] ?? atMs)));
};

describe.each([
  [1, 35],
  [10, 35],
  [100, 130],
])('a block of the address under %i saturating workers', (workers, most) => {
  // Longer by up to a whole rest: the end of a block falls anywhere into one.
  test.each([0, 7, 15, 23, 31, 39, 44])('of five minutes and %i s', async (seconds) => {
    const fromMs = MINUTE_MS;
    const toMs = 6 * MINUTE_MS + 1_000 * seconds;
    const end = await tellWafStory({
      workers,
      seed: 1 + seconds,
      durationMs: toMs + 2 * MINUTE_MS,
      nextJob: tens,
      refuses: (atMs) => atMs >= fromMs && atMs < toMs,
    });
    expect(refusedCalls(end)).toBeLessThanOrEqual(most);
    const first = end.calls.find(({ atMs }) => atMs >= toMs);
    expect((first?.atMs ?? Infinity) - toMs).toBeLessThanOrEqual(MINUTE_MS);
    // The rate is back a minute later.
    const perSecond = passedBetween(end, toMs + MINUTE_MS, toMs + 2 * MINUTE_MS) / 60;
    expect(perSecond).toBeGreaterThan(workers === 1 ? 2 : 5.5);
  });
});

describe('a call that the WAF refuses for what it holds, beside ten saturating workers', () => {
  /** Poison is tried again at the earliest moment, and dead-lettered when its fifth refusal counts. */
  const poisonJobs = (howMany: number) => {
    const jobs = Array.from({ length: howMany }, (_, index) => ({
      atMs: (index * HOUR_MS) / howMany,
      tries: 6,
    }));
    return (_: Random, nowMs: number): StoryJob => {
      const poison = jobs.find(({ atMs, tries }) => atMs <= nowMs && tries > 0);
      if (poison === undefined) return { calls: 1 };
      poison.atMs = nowMs + 30_000;
      poison.tries -= 1;
      return { calls: 1, isPoison: true };
    };
  };

  test.each([1, 20])('as %i jobs in an hour, each tried six times: no other call rests', async (howMany) => {
    const next = poisonJobs(howMany);
    let nowMs = 0;
    const end = await tellWafStory({
      workers: 10,
      seed: 3,
      durationMs: HOUR_MS,
      nextJob: (random) => next(random, nowMs),
      refuses: (atMs, { isPoison }) => {
        nowMs = atMs;
        return isPoison === true;
      },
    });
    expect(refusedCalls(end)).toBeGreaterThanOrEqual(6 * howMany - 3);
    expect(end.openMs).toBe(0);
    expect(longestGapMs(end, MINUTE_MS)).toBeLessThan(2_000);
  });

  test.each([
    ['1 %', 0.01, 30_000],
    ['5 %', 0.05, Infinity],
  ])('as %s of all calls', async (_, share, mostOpenMs) => {
    const end = await tellWafStory({
      workers: 10,
      seed: 1,
      durationMs: HOURS * HOUR_MS,
      nextJob: (random) => ({ calls: 1, isPoison: random.chance(share) }),
      refuses: (_atMs, { isPoison }) => isPoison === true,
    });
    expect(refusedCalls(end)).toBeGreaterThan(0.8 * share * end.calls.length);
    expect(end.openMs).toBeLessThanOrEqual(mostOpenMs * HOURS);
    // All but what was refused is done: of 5.88 a second.
    expect(end.done / HOURS / 3_600).toBeGreaterThan(0.97 * 5.88 * (1 - share));
  });

  test('while the API takes ten seconds for an answer: no other call rests', async () => {
    const next = poisonJobs(1);
    let nowMs = 0;
    const end = await tellWafStory({
      workers: 100,
      seed: 5,
      durationMs: HOUR_MS / 4,
      nextJob: (random) => next(random, nowMs),
      refuses: (atMs, { isPoison }) => {
        nowMs = atMs;
        return isPoison === true;
      },
      apiMs: () => 10_000,
    });
    expect(refusedCalls(end)).toBe(6);
    expect(end.openMs).toBe(0);
  });
});

describe('calls resume within a minute of the end of a block although', () => {
  const fromMs = MINUTE_MS;
  const toMs = 4 * MINUTE_MS;
  const block = {
    workers: 10,
    durationMs: toMs + 3 * MINUTE_MS,
    nextJob: tens,
    refuses: (atMs: number) => atMs >= fromMs && atMs < toMs,
  };
  const resumedAfterMs = ({ calls }: StoryEnd): number =>
    (calls.find(({ atMs, refused }) => atMs >= toMs && !refused)?.atMs ?? Infinity) - toMs;

  test.each([1, 2, 3])('each prober dies before its answer (seed %i)', async (seed) => {
    let killed = 0;
    const end = await tellWafStory({
      ...block,
      seed,
      meanwhile({ calls, instances, at }) {
        let seen = 0;
        const look = (): void => {
          for (const { atMs, worker } of calls.slice(seen)) {
            // Of ten workers eight die, each at its own probe.
            if (atMs < fromMs + 20_000 || atMs > toMs || killed === 8) continue;
            instances[worker]?.kill();
            killed += 1;
          }
          seen = calls.length;
        };
        for (let atMs = fromMs; atMs < toMs; atMs += 50) at(atMs, look);
      },
    });
    expect(killed).toBeGreaterThanOrEqual(4);
    expect(resumedAfterMs(end)).toBeLessThanOrEqual(MINUTE_MS);
  });

  test('the item is deleted while the breaker is open', async () => {
    const end = await tellWafStory({
      ...block,
      seed: 4,
      meanwhile: ({ counter, at }) => at(2 * MINUTE_MS, () => counter.remove('worker')),
    });
    // The new counter's breaker is closed, and opens again: a second beginning of the block.
    expect(refusedCalls(end)).toBeLessThanOrEqual(2 * 35);
    expect(resumedAfterMs(end)).toBeLessThanOrEqual(MINUTE_MS);
  });

  test('the table is away when the block ends', async () => {
    const start = 1_700_000_000_000;
    const outage = { fromMs: start + toMs - 30_000, toMs: start + toMs + 30_000 };
    const end = await tellWafStory({ ...block, seed: 6, faults: { lostResponses: 0, outage } });
    expect(resumedAfterMs(end)).toBeLessThanOrEqual(30_000 + MINUTE_MS);
  });

  test('answers to writes are lost, and the writes made again', async () => {
    const end = await tellWafStory({ ...block, seed: 7, faults: { lostResponses: 0.3 } });
    expect(refusedCalls(end)).toBeLessThanOrEqual(35);
    expect(resumedAfterMs(end)).toBeLessThanOrEqual(MINUTE_MS);
  });
});
