import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { isMetric, type MetricChoice, type MetricName } from '../../lib/contract.ts';
import { startVirtualSystem } from '../fixtures/virtual-time/system.ts';

/** Metrics that are sent within an hour of a kind, each of which is billed for it. */
export interface MetricHours {
  /** Nothing calls. */
  readonly quiet: number;
  /** The reference worker makes calls. */
  readonly busy: number;
  /** The authorization server is unavailable, and the WAF blocks the address. */
  readonly bad: number;
}

const MINUTE = 60_000;

/**
 * Hours of the whole broker on virtual time, with one client. Hours of a kind send the same metrics: a token is minted every 27
 * minutes.
 */
export async function countMetricHours(): Promise<Readonly<Record<MetricChoice, MetricHours>>> {
  const system = await startVirtualSystem({
    budget: DEFAULT_BUDGET_SETTINGS,
    clients: [{ name: 'mocha', lifetimeSeconds: 1800 }],
    workers: 1,
  });
  try {
    const { time, events, jobs, cloud } = system;
    const sent = { alarmed: new Set<string>(), all: new Set<string>() };
    events.subscribe((event) => {
      if (event.kind !== 'metric') return;
      for (const choice of ['alarmed', 'all'] as const)
        if (isMetric(event.metric as MetricName, event.labels, choice))
          sent[choice].add(JSON.stringify([event.metric, event.dimensions]));
    });
    async function hour(): Promise<Record<MetricChoice, number>> {
      sent.alarmed.clear();
      sent.all.clear();
      await time.run(time.now() + 60 * MINUTE);
      return { alarmed: sent.alarmed.size, all: sent.all.size };
    }
    const submit = (): void => {
      for (let minute = 0; minute < 60; minute += 10)
        time.at(time.now() + minute * MINUTE, () =>
          jobs.send({ body: JSON.stringify({ method: 'GET', path: '/v1/locations' }) }),
        );
    };
    // The first ticks find the client.
    await time.run(time.now() + 5 * MINUTE);
    const quiet = await hour();
    submit();
    const busy = await hour();
    submit();
    cloud.setOutage('unavailable');
    cloud.block(60 * MINUTE);
    const bad = await hour();
    const of = (choice: MetricChoice): MetricHours => ({
      quiet: quiet[choice],
      busy: busy[choice],
      bad: bad[choice],
    });
    return { alarmed: of('alarmed'), all: of('all') };
  } finally {
    await system.stop();
  }
}
