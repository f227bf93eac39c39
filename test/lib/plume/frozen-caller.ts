import { createMemoryTicketCounter } from '../../../infra/testing/memory-ticket-counter.ts';
import { createCallBudget } from '../../../lib/budget/call-budget.ts';
import type { Permit, TicketBook } from '../../../lib/budget/ticket-book.ts';
import { systemClock } from '../../../lib/platform/clock.ts';
import { ABUNDANT_BUDGET } from '../../fixtures/abundant-budget.ts';
import { createMemoryBroker } from '../../fixtures/memory.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';

/** A process of its own, to be frozen: calls the API at the URL that it is given once, and tells the ticket of each attempt. */

const settings = {
  ...ABUNDANT_BUDGET,
  worker: { intervalMs: 50, ticketLifeMs: 1_000, burstMs: 0, horizonMs: 5_000 },
};
const counter = createMemoryTicketCounter();
counter.moveTo('worker', Date.now());
const budget = createCallBudget({
  settings,
  counter,
  clock: systemClock,
  telemetry: silentTelemetry,
});

function telling(book: TicketBook): TicketBook {
  const attempt = ((send: (permit: Permit) => unknown, ...rest: never[]) =>
    book.attempt(
      (permit) => {
        process.send?.({ ticket: permit.ticket });
        return send(permit);
      },
      ...rest,
    )) as TicketBook['attempt'];
  return { ...book, attempt };
}

const broker = await createMemoryBroker(process.argv[2] ?? '', async () => 'token');
const session = broker
  .caller({
    budget: { ...budget, openBook: (options) => telling(budget.openBook(options)) },
    clock: systemClock,
    fetch,
    timeoutMs: 120_000,
  })
  .open({ client: 'mocha', patienceMs: () => 60_000, endsInMs: Number.POSITIVE_INFINITY });
const end = await session.fetch('/v1').then(
  ({ status }) => ({ status }),
  (error: unknown) => ({ error: String(error) }),
);
await session.close();
process.send?.(end);
process.disconnect();
