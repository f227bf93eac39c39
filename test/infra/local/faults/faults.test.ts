import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FaultContext } from '../../../../infra/local/faults/fault.ts';
import { createFaultDesk, FAULTS } from '../../../../infra/local/faults/fault-desk.ts';
import { createEventLog, type FaultName, type RunEvent } from '../../../../infra/local/run/events.ts';
import { apply, createRunState } from '../../../../infra/local/run/run-state.ts';
import { FAST_PROFILE } from '../../../fixtures/fast-profile.ts';

/** A desk in a deployment that does nothing by itself: it only remembers what the faults have done to it. */
function createScene() {
  const events = createEventLog(() => performance.now());
  const seen: RunEvent[] = [];
  events.subscribe((event) => seen.push(event));
  const over = new AbortController();
  const load = { factor: 1 };
  const causes = { outage: false, away: false, secret: 'right', rotation: 'accepted', removed: false };
  const deployment = {
    cloud: {
      revoke: () => ['f1'],
      setOutage: (mode?: string) => {
        causes.outage = mode !== undefined;
      },
      block: () => {},
      setSecret: () => {
        causes.rotation = 'accepted';
      },
    },
    table: {
      setAway: (isAway: boolean) => {
        causes.away = isAway;
      },
    },
    secrets: {
      store: async (_client: string, which: string) => {
        causes.secret = which;
      },
      rotate: async () => {
        causes.rotation = 'unknown';
        return 'new';
      },
      remove: async () => {
        causes.removed = true;
      },
      restore: async () => {
        causes.removed = false;
      },
    },
    operator: { invoke: async () => ({ ok: true, payload: '{}' }) },
    worker: { name: 'worker', pool: { busy: () => ['i1'], kill: async () => true } },
  } as unknown as FaultContext['deployment'];
  const desk = createFaultDesk({
    events,
    deployment,
    profile: FAST_PROFILE,
    load,
    isDone: () => false,
    openJobs: () => ['j1'],
    signal: over.signal,
  });
  return { desk, events, seen, over, load, causes };
}

const NAMES = FAULTS.map(({ name }) => name);
const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('the desk', () => {
  test('takes a fault once at a time, and none when it is closed', async () => {
    const { desk, over } = createScene();
    const first = desk.inject('table-away');
    expect(desk.inject('table-away')).toBeUndefined();
    expect([desk.takes('table-away'), desk.takes('secret-broken'), desk.isIdle()]).toEqual([
      false,
      true,
      false,
    ]);
    desk.close();
    expect(desk.inject('secret-broken')).toBeUndefined();
    expect(desk.inject('no-fault' as FaultName)).toBeUndefined();
    over.abort();
    await first;
    expect(desk.isIdle()).toBe(true);
  });

  test('tells begin and recovery, with the time in between', async () => {
    const { desk, events, seen } = createScene();
    const accepted = (fingerprint: string) =>
      events.record({ kind: 'answer', endpoint: 'api', status: 200, fingerprint });
    const revoked = desk.inject('token-revoked');
    accepted('f1');
    await tick();
    accepted('f1');
    await tick();
    expect(desk.isIdle()).toBe(false);
    accepted('f2');
    await revoked;
    expect(seen.filter(({ kind }) => kind !== 'answer')).toMatchObject([
      { kind: 'fault', fault: 'token-revoked' },
      { kind: 'recovered', fault: 'token-revoked', afterMs: expect.any(Number) },
    ]);
  });
});

describe('whenever a run ends, the causes of all faults are gone, and nothing counts as recovered', () => {
  /** What could happen next, and bring a fault one step on. */
  const events = fc.array(
    fc.constantFrom<Parameters<ReturnType<typeof createEventLog>['record']>[0]>(
      { kind: 'answer', endpoint: 'token', status: 503 },
      { kind: 'answer', endpoint: 'token', status: 401 },
      { kind: 'call', address: 'a', inWindow: 1, refused: true },
      { kind: 'invocation-started', name: 'worker', instance: 'i1', id: 'r1' },
      { kind: 'batch-failed', jobs: ['j1'], error: 'Runtime.ExitError' },
    ),
    { maxLength: 6 },
  );

  test.each(NAMES)('%s', async (name) => {
    await fc.assert(
      fc.asyncProperty(events, async (steps) => {
        const { desk, events, seen, over, load, causes } = createScene();
        const injected = desk.inject(name);
        for (const step of steps) {
          events.record(step);
          await tick();
        }
        over.abort();
        await injected;
        expect({ ...causes, factor: load.factor }).toEqual({
          outage: false,
          away: false,
          secret: 'right',
          rotation: 'accepted',
          removed: false,
          factor: 1,
        });
        expect(seen.filter(({ kind }) => kind === 'recovered')).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });
});

test('calls that an ordered block refuses are not the broker’s failure; others are, before and after it', () => {
  const state = createRunState(1_000);
  const refuse = (atMs: number) =>
    apply(state, { kind: 'call', atMs, address: 'a', inWindow: 1, refused: true });
  const fault = 'address-blocked';
  refuse(0);
  apply(state, { kind: 'fault', atMs: 1, fault, detail: '' });
  refuse(2);
  apply(state, { kind: 'fault-over', atMs: 3, fault });
  refuse(4);
  apply(state, { kind: 'recovered', atMs: 5, fault, afterMs: 2 });
  refuse(6);
  expect(state.wafBlocked).toBe(3);
  expect(state.faults).toEqual([{ fault, detail: '', atMs: 1, overAtMs: 3, recoveredAfterMs: 2 }]);
});
