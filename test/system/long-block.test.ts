import { expect, test } from 'vitest';

import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { startVirtualSystem } from '../fixtures/virtual-time/system.ts';

/** A WAF block that outlasts every token: at its end each client's mints have failed, and no worker has a token to probe with. */

const MINUTE = 60_000;
const BODY = JSON.stringify({ method: 'GET', path: '/v1/locations' });

test.each([{ lifetimes: [610, 650], startMinute: 7, minutes: 30 }])(
  'calls resume within six minutes of a WAF block of $minutes minutes in which tokens of $lifetimes s ended',
  async ({ lifetimes: [mocha = 0, latte = 0], startMinute, minutes }) => {
    const clients = [
      { name: 'mocha', lifetimeSeconds: mocha },
      { name: 'latte', lifetimeSeconds: latte },
    ];
    const system = await startVirtualSystem({ budget: DEFAULT_BUDGET_SETTINGS, clients, workers: 1 });
    const answers: number[] = [];
    system.events.subscribe((event) => {
      if (event.kind === 'answer' && event.endpoint === 'api') answers.push(event.atMs);
    });
    const play = (ms: number) => system.time.run(system.time.now() + ms);
    const startMs = system.time.now();
    for (let minute = 0; minute < startMinute + minutes + 5; minute += 1)
      system.time.at(startMs + minute * MINUTE, () => system.jobs.send({ body: BODY }));
    await play(startMinute * MINUTE);
    expect(answers.length).toBeGreaterThan(0);

    system.cloud.block(minutes * MINUTE);
    await play(minutes * MINUTE);
    const releasedMs = system.time.now();
    await play(6 * MINUTE);
    await system.stop();
    expect(answers.filter((atMs) => atMs > releasedMs).length).toBeGreaterThan(0);
  },
);
