import { afterEach, expect, test } from 'vitest';

import { quantile } from '../simulation/rolling-window.ts';
import { type MintingScene, openMintingScene } from './minting-scene.ts';

/** What one bad member costs the others: of the minter's part. Of the workers': `test/simulation/waf.test.ts`. */

/** Tokens of ten minutes are renewed after seven and end after ten: what shuts out renewals shows by then. */
const MINUTES = 12;
const NOTHING = { secondsWithoutToken: 0, secondsAtRest: 0 };

let scene: MintingScene;
afterEach(() => scene.stop());
const open = async (healthy: number): Promise<MintingScene> => {
  scene = await openMintingScene({ healthy, seed: 1 });
  return scene;
};
const names = (what: string, howMany: number): string[] =>
  Array.from({ length: howMany }, (_, index) => `${what}-${index}`);
const workers = (how: 'saturated' | 'low-priority') =>
  Array.from({ length: 10 }, () => () => scene.saturates(how === 'saturated' ? 'normal' : 'low'));

test('of 30 clients 10 whose API rejects every token cost the others none, beside saturated workers and an inspector that never stops', async () => {
  const { world, isRejected, inspects } = await open(20);
  const rejected = names('rejected', 10);
  for (const client of rejected) world.secrets.put(client);
  const lost = await scene.run(MINUTES, [
    ...workers('saturated'),
    ...rejected.map((client) => () => isRejected(client)),
    inspects,
  ]);
  expect(lost).toEqual(NOTHING);
  for (const client of rejected) expect(world.server.mints(client)).toBeGreaterThan(5);
});

test.each([
  // Idle workers are what these are to the minter, and less.
  ['low-priority', 5_000],
  ['saturated', 25_000],
] as const)(
  'beside ten failing clients and %s workers a revoked token is replaced within %i ms (p99)',
  async (how, mostMs) => {
    const { healthy, clock, served, getToken, refuse, wants, isOver } = await open(20);
    const failing = names('failing', 10);
    for (const [index, client] of failing.entries()) {
      refuse(client, () =>
        index % 2 === 0
          ? Response.json({ error: 'access_denied' }, { status: 403 })
          : new Response('not found', { status: 404 }),
      );
    }
    const tookMs: number[] = [];
    async function revoke(client: string): Promise<void> {
      const rejected = (await served(client))?.fingerprint;
      const atMs = clock.now();
      await getToken(client, { rejected, waitUntilMs: atMs + 60_000 });
      tookMs.push(clock.now() - atMs);
    }
    // Fifteen a minute, more than twice of what the minter's own stream carries.
    async function revokeAll(): Promise<void> {
      await clock.sleep(120_000);
      const all: Promise<void>[] = [];
      for (; !isOver(); await clock.sleep(4_000)) {
        all.push(revoke(healthy[all.length % healthy.length] as string));
      }
      await Promise.all(all);
    }
    await scene.run(8, [...workers(how), revokeAll, ...failing.map((client) => () => wants(client))]);
    expect(tookMs.length).toBeGreaterThan(80);
    expect(quantile(tookMs, 0.99)).toBeLessThanOrEqual(mostMs);
  },
);

test.each([1, 3, 10])(
  'a wrong tokenUrl of %i clients, answered 403 by a WAF, stops no other mint and no worker',
  async (wrong) => {
    const { world, refuse } = await open(20);
    const broken = names('wrong', wrong);
    for (const client of broken) {
      refuse(
        client,
        () => new Response('<html>', { status: 403, headers: { 'content-type': 'text/html' } }),
        100,
      );
    }
    expect(await scene.run(MINUTES, [])).toEqual(NOTHING);
    expect(broken.every((client) => world.server.mints(client) > 1)).toBe(true);
  },
);

test.each([
  [20, 30],
  [200, 120],
])(
  '%i new partners have tokens within %i s of the tick that finds them, beside saturated workers',
  async (partners, seconds) => {
    const { world, clock, served } = await open(0);
    const fresh = names('partner', partners);
    const tickMs = clock.now() + 2 * world.settings.tickMs;
    let withToken = 0;
    async function join(): Promise<void> {
      await clock.sleep(tickMs - 1_000 - clock.now());
      for (const client of fresh) world.secrets.put(client);
      await clock.sleep(tickMs + 1_000 * seconds - clock.now());
      for (const client of fresh) if (await served(client)) withToken += 1;
    }
    await scene.run(5, [...workers('saturated'), join]);
    expect(world.server.calls[0]?.atMs).toBeGreaterThanOrEqual(tickMs);
    expect(withToken).toBe(partners);
  },
);
