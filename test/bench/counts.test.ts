import { expect, test } from 'vitest';

import { countMinter, countStack } from './cost-counts.ts';
import { benchHerd } from './herd.ts';
import { CONTENDERS, recover } from './recover.ts';
import { benchScale } from './scale.ts';

/** The benches with small numbers: what they count. How fast anything is depends on the machine, and is not looked at. */

test.concurrent('herd: one token request for all callers, against one for each', async () => {
  const [virtual, real] = await benchHerd.run(['--callers', '1,12', '--latency', '50', '--rounds', '1']);
  expect(virtual?.rows.map(([callers, tokenRequests]) => [callers, tokenRequests])).toEqual([
    [1, 1],
    [12, 1],
  ]);
  // On virtual time nothing depends on the machine.
  const [, , reads, writes, , times] = virtual?.rows[1] ?? [];
  expect(Number(reads)).toBeLessThan(6);
  expect(Number(writes)).toBeLessThan(2);
  expect(Number(times)).toBeLessThanOrEqual(3);
  expect(virtual?.notes?.join()).not.toContain('Not met');
  const requests = real?.rows.filter(([, callers]) => callers === 12).map(([, , token]) => token);
  expect(requests).toEqual([1, 12, 12, 12]);
});

test.concurrent('scale: requests of a tick grow with what is due, not with the clients', async () => {
  const flags = ['--clients', '10,60', '--due', '2', '--percent', '5', '--workers', '2', '--minutes', '3'];
  const [constant, share, workers] = await benchScale.run(flags);
  expect(constant?.notes?.join()).not.toContain('Not met');
  for (const [, due, table, secrets, token] of constant?.rows ?? []) {
    expect([due, token]).toEqual([2, 2]);
    // Its place in the list, the index, and five for each mint; a page of the list, and a secret for each.
    expect(Number(table)).toBeLessThan(3 + 5 * 2 + 1);
    expect(Number(secrets)).toBeLessThan(1 + 2 + 1);
  }
  expect(share?.rows.map(([, due]) => due)).toEqual([1, 3]);
  for (const [, due, table] of share?.rows ?? []) {
    expect(Number(table)).toBeGreaterThanOrEqual(3 + 5 * Number(due));
    // Less than one more for each tick: on a busy machine the SDK repeats a request now and then, and that is counted too.
    expect(Number(table)).toBeLessThan(3 + 5 * Number(due) + 1);
  }
  const [, tickets, library] = workers?.rows[0] ?? [];
  expect(Number(tickets)).toBeLessThan(Number(library));
});

test.concurrent('cost: what is counted', async () => {
  expect(await countMinter()).toEqual({ tick: { reads: 2, writes: 1 }, mint: { reads: 2, writes: 4 } });
  expect(countStack()).toEqual({ alarms: expect.any(Number), dashboards: 1, keys: 1, minterGigabytes: 0.5 });
});

// By itself: it runs in real time, and the others keep this process busy for seconds.
test('recover: one mint and no call that fails, against calls that fail', async () => {
  const options = { instances: 2, callers: 2, latencyMs: 50, revokedAfterMs: 800, lastsMs: 2_500 };
  const [broker, naive] = await Promise.all(
    CONTENDERS.filter((_, index) => index !== 1).map(
      async (create) => (await recover(create, { ...options, lifetimeSeconds: 12 }))[1],
    ),
  );
  expect(broker).toMatchObject({ failed: 0, mints: 1 });
  expect(broker?.rejected).toBeGreaterThanOrEqual(2);
  expect(naive?.failed).toBeGreaterThan(2);
  expect(naive?.backMs).toBeUndefined();
});
