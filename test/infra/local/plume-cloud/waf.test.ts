import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createRollingWindow } from '../../../../infra/local/plume-cloud/rolling-window.ts';
import { createWaf } from '../../../../infra/local/plume-cloud/waf.ts';

const WINDOW_MS = 100;

/** Gaps of zero, of the window and around it are the interesting ones. */
const arrivals = fc
  .array(fc.oneof(fc.nat(30), fc.constantFrom(0, 99, 100, 101)), { maxLength: 400 })
  .map((gaps) => {
    let atMs = 0;
    return gaps.map((gap) => (atMs += gap));
  });

test('the rolling window counts exactly what a naive count does', () => {
  fc.assert(
    fc.property(arrivals, (times) => {
      const window = createRollingWindow(WINDOW_MS);
      times.forEach((atMs, index) => {
        const naive = times.slice(0, index + 1).filter((time) => time > atMs - WINDOW_MS).length;
        expect(window.add(atMs)).toBe(naive);
      });
    }),
  );
});

test('a long run does not keep the calls that have left the window', () => {
  const window = createRollingWindow(WINDOW_MS);
  for (let atMs = 0; atMs < 20_000; atMs += 1) window.add(atMs);
  expect(window.count(19_999)).toBe(WINDOW_MS);
  expect(window.count(50_000)).toBe(0);
});

describe('release', () => {
  test('rolling: accepted calls never exceed the limit in any window, and none is refused without need', () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 20 }), (times, limit) => {
        let atMs = 0;
        const waf = createWaf({ limit, windowMs: WINDOW_MS, release: 'rolling' }, () => atMs);
        const accepted: number[] = [];
        for (atMs of times) {
          const inWindow = accepted.filter((time) => time > atMs - WINDOW_MS).length;
          const { refused } = waf.judge('a');
          expect(refused).toBe(inWindow >= limit);
          if (!refused) accepted.push(atMs);
        }
      }),
    );
  });

  test('new-frame: refuses a whole window after the first refusal, then allows the full number again', () => {
    let atMs = 0;
    const waf = createWaf({ limit: 3, windowMs: WINDOW_MS, release: 'new-frame' }, () => atMs);
    const judge = (time: number) => {
      atMs = time;
      return waf.judge('a').refused;
    };
    expect([0, 10, 20].map(judge)).toEqual([false, false, false]);
    expect([30, 105, 129].map(judge)).toEqual([true, true, true]);
    expect([130, 130, 130, 131].map(judge)).toEqual([false, false, false, true]);
  });
});

test('addresses are counted apart; a block concerns all of them', () => {
  let atMs = 0;
  const waf = createWaf({ limit: 1, windowMs: WINDOW_MS, release: 'new-frame' }, () => atMs);
  expect(waf.judge('a')).toEqual({ refused: false, inWindow: 1 });
  expect(waf.judge('b')).toEqual({ refused: false, inWindow: 1 });
  expect(waf.judge('a')).toEqual({ refused: true, inWindow: 2 });
  waf.block(500);
  expect(waf.judge('c').refused).toBe(true);
  atMs = 500;
  expect(waf.judge('c').refused).toBe(false);
});
