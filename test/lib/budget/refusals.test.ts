import { expect, test } from 'vitest';

import { createRefusals } from '../../../lib/budget/refusals.ts';

const NOW_MS = 1_000_000;
const LONGEST_MS = 300_000;
const LINE = { aheadMs: 20_000, maxBlock: 10, spreadMs: 20_000, maxSpreadMs: 80_000 };
const REACH_MS = 18_000;

/** Every random delay is half of its spread. */
function openRefusals() {
  const refusals = createRefusals({ longestMs: LONGEST_MS, random: () => 0.5 });
  return {
    ...refusals,
    refuse: (nextMs = NOW_MS + REACH_MS) =>
      refusals.refuse({ nowMs: NOW_MS, reachMs: REACH_MS, nextMs, line: LINE }) - NOW_MS,
    standing: (nowMs = NOW_MS, reachMs = REACH_MS) => refusals.standing(nowMs, reachMs, LINE),
  };
}

test.each([
  ['as soon as the counter is near enough', NOW_MS + REACH_MS + 700, 700],
  ['from now on, if it is near enough already', NOW_MS - 5_000, 0],
  ['after the longest time, however far ahead it is: it may have been deleted', 1e14, LONGEST_MS],
])('a refused caller asks again %s, and half of the spread later', (_, nextMs, soonMs) => {
  expect(openRefusals().refuse(nextMs)).toBe(soonMs + 10_000);
});

test('the spread grows by half with each refusal, up to that of the line', () => {
  const { refuse } = openRefusals();
  const delays = Array.from({ length: 6 }, () => refuse() / 1_000);
  expect(delays.map((delay) => Math.round(delay))).toEqual([10, 14, 20, 28, 40, 40]);
});

test('the spread shrinks with each grant, and below the first it does not', () => {
  const { refuse, grant } = openRefusals();
  grant();
  grant();
  expect(refuse()).toBe(10_000);
  expect(Math.round(refuse() / 1_000)).toBe(14);
  grant();
  grant();
  expect(refuse()).toBe(10_000);
});

test('after any number of refusals nine grants make the spread that of the first', () => {
  const { refuse, grant } = openRefusals();
  for (let refusals = 0; refusals < 50; refusals += 1) refuse();
  for (let grants = 0; grants < 9; grants += 1) grant();
  expect(refuse()).toBe(10_000);
});

test('a refusal stands for callers that reach no further, until its moment or a grant', () => {
  const { refuse, standing, grant } = openRefusals();
  expect(standing()).toBeUndefined();
  const retryAtMs = NOW_MS + refuse();
  expect(standing()).toBe(retryAtMs + 10_000);
  expect(standing(retryAtMs - 1)).toBe(retryAtMs + 10_000);
  expect(standing(retryAtMs)).toBeUndefined();
  expect(standing(NOW_MS, REACH_MS - 1)).toBe(retryAtMs + 10_000);
  expect(standing(NOW_MS, REACH_MS + 1)).toBeUndefined();
  grant();
  expect(standing()).toBeUndefined();
});
