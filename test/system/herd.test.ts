import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PlumeCloud } from '../../infra/local/plume-cloud/plume-cloud.ts';
import type { RunEvent } from '../../infra/local/run/events.ts';
import { createHistory } from '../../infra/local/run/history.ts';
import { addPlumeCloud } from '../fixtures/system/plume-cloud.ts';
import { type System, startSystem } from '../fixtures/system/system.ts';
import type { CallerEvent } from './functions/many-calls.ts';

/** Eight instances in threads of their own, with 63 callers each. */
const INSTANCES = 8;
const CALLS = 63;
const CALLERS = INSTANCES * CALLS;
const FLOOR_MS = 1_500;

let system: System;
let cloud: PlumeCloud;
let events: RunEvent[];
const history = createHistory();

beforeAll(async () => {
  system = await startSystem({
    functions: ['minter', 'many-calls'],
    token: { youngTokenMs: 50, forcedMintFloorMs: FLOOR_MS },
  });
  cloud = (await addPlumeCloud(system)).cloud;
  system.add('minter', { environment: system.withSecrets() });
  const environment = system.environment({ apiUrl: cloud.apiUrl });
  system.add('many-calls', { environment, concurrency: INSTANCES });
  system.events.subscribe((event) => events.push(event));
  system.events.subscribe(history.add);
  events = [];
  // Loads the instances, so that the herd starts at one moment and finds the minter awake.
  await Promise.all([herd(0), system.invoke('minter', { kind: 'request', client: 'nobody' })]);
});
afterAll(() => system.stop());
beforeEach(() => {
  events = [];
});

/** How the calls of all instances ended. */
async function herd(calls = CALLS): Promise<Record<string, number>> {
  const event: CallerEvent = { calls, startAtMs: Date.now() + 300 };
  const answers = await Promise.all(
    Array.from({ length: INSTANCES }, () => system.invoke('many-calls', event)),
  );
  const sums: Record<string, number> = {};
  for (const { failed, answer } of answers) {
    expect(failed, JSON.stringify(answer)).toBe(false);
    for (const [end, count] of Object.entries(answer as Record<string, number>)) {
      sums[end] = (sums[end] ?? 0) + count;
    }
  }
  return sums;
}

const answersOf = (endpoint: 'token' | 'api', status?: number) =>
  events.filter(
    (event) =>
      event.kind === 'answer' &&
      event.endpoint === endpoint &&
      (status === undefined || event.status === status),
  );

test('an empty table and 504 callers in 8 instances: one token request, every call succeeds', async () => {
  expect(await herd()).toEqual({ 200: CALLERS });
  expect(answersOf('token')).toHaveLength(1);
  expect(answersOf('api')).toHaveLength(CALLERS);
  const instances = events.flatMap((event) =>
    event.kind === 'invocation-started' && event.name === 'many-calls' ? [event.instance] : [],
  );
  expect(new Set(instances).size).toBe(INSTANCES);
});

test('a live token revoked under 504 callers: one more token request, every call succeeds after one retry', async () => {
  expect(cloud.revoke('mocha')).toHaveLength(1);
  expect(await herd()).toEqual({ 200: CALLERS });
  expect(answersOf('token')).toHaveLength(1);
  const rejected = answersOf('api', 401).length;
  expect(rejected).toBeGreaterThanOrEqual(INSTANCES);
  expect(rejected).toBeLessThanOrEqual(CALLERS);
  expect(answersOf('api')).toHaveLength(CALLERS + rejected);
});

test('an API that rejects every token under 504 callers: at most one forced mint per floor', async () => {
  cloud.setRejectAll(true);
  const startedMs = performance.now();
  const ends = await herd();
  const passedMs = performance.now() - startedMs;
  cloud.setRejectAll(false);
  const mints = events.filter(({ kind }) => kind === 'token-issued').length;
  expect(mints).toBeGreaterThanOrEqual(1);
  expect(mints).toBeLessThanOrEqual(1 + passedMs / FLOOR_MS);
  // A second token rejected is the answer of the API.
  expect(ends).toEqual({ 401: CALLERS });
  expect(answersOf('api').length).toBeLessThanOrEqual(2 * CALLERS);
});

test('in all that happened, every grant of tickets is disjoint and in order, and every mint was needed', () => {
  expect(history.errors()).toEqual([]);
  expect(history.grants()).toBeGreaterThan(INSTANCES);
});
