import { createMemoryTicketCounter } from '../../infra/testing/memory-ticket-counter.ts';
import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createMintBudget } from '../../lib/budget/mint-budget.ts';
import type { BudgetSettings } from '../../lib/budget/settings.ts';
import type { TicketCounter } from '../../lib/budget/ticket-counter.ts';
import { boundOf } from '../../lib/budget/tickets.ts';
import type { BudgetStream } from '../../lib/contract.ts';
import { isPlumeError } from '../../lib/errors.ts';
import type { Clock } from '../../lib/platform/clock.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { createVirtualTime, START_MS, type VirtualTime } from '../fixtures/virtual-time/time.ts';
import { rollingWindow } from './rolling-window.ts';

export interface Conspiracy {
  readonly stream: BudgetStream;
  /** Of the callers from the beginning of the window on. */
  readonly settings: BudgetSettings;
  /** Of those who hoard before it. @default - the same */
  readonly before?: BudgetSettings;
  /** The counter, as those callers see it. @default - as it is */
  readonly through?: (counter: TicketCounter) => TicketCounter;
}

/**
 * Callers that conspire against one window and break no rule. Before it, slow clocks hoard tickets and send as late as
 * they may, over a slow network; in it everyone sends; at its end fast clocks send as early as they may. Each caller
 * is an instance of its own with one call.
 *
 * @returns the bound of the stream, and the largest window that the WAF saw
 */
export async function conspire({
  stream,
  settings,
  before = settings,
  through = (counter) => counter,
}: Conspiracy): Promise<{
  readonly bound: number;
  readonly largest: number;
  readonly arrivalsMs: readonly number[];
}> {
  const { clockAllowanceMs, networkDelayMs, windowMs } = settings;
  const { horizonMs } = settings[stream];
  const memory = createMemoryTicketCounter();
  const counter = through(memory);
  const time = createVirtualTime(START_MS);
  const firstMs = time.now() + horizonMs;
  await memory.init(stream, { nextMs: firstMs });

  /** All that could arrive before this moment waits for it. */
  const windowStartMs = firstMs + before[stream].ticketLifeMs + clockAllowanceMs + networkDelayMs;
  const lastMs = windowStartMs + windowMs + clockAllowanceMs;
  const arrivalsMs: number[] = [];

  for (let ticketMs = firstMs; ticketMs <= lastMs; ) {
    const isLate = ticketMs > windowStartMs - networkDelayMs - clockAllowanceMs;
    const skewMs = isLate ? clockAllowanceMs : -clockAllowanceMs;
    const sendAtMs = Math.max(ticketMs - skewMs, windowStartMs - networkDelayMs);
    const own = isLate ? settings : before;
    // Tickets go in the order of asking: a quarter of the horizon ahead the counter is busy on any clock, and not full.
    await time.run(ticketMs - horizonMs / 4);
    const dependencies = {
      settings: own,
      counter,
      clock: patientClock(time, skewMs, sendAtMs),
      telemetry: silentTelemetry,
    };
    const asksAtMs = ticketMs;
    const patienceMs = (): number => asksAtMs - skewMs - time.now();
    const book =
      stream === 'worker'
        ? createCallBudget(dependencies).openBook({ patienceMs })
        : createMintBudget(dependencies).openBook({ kind: 'renewal', patienceMs });
    const attempt = book.attempt(() => {
      const arrivesMs = Math.max(time.now(), windowStartMs);
      if (arrivesMs - time.now() > networkDelayMs) throw new Error('the adversary broke a rule');
      arrivalsMs.push(arrivesMs);
      return true;
    });
    attempt.catch((error: unknown) => {
      if (!isPlumeError(error)) throw error;
    });
    ticketMs += own[stream].intervalMs;
  }
  await time.run(lastMs + before[stream].ticketLifeMs + clockAllowanceMs);
  const { largest } = rollingWindow(arrivalsMs, windowMs, settings.limit);
  return { bound: boundOf(settings[stream], settings), largest, arrivalsMs };
}

/** Sleeps until the moment that suits the adversary: a frozen instance, as the caller sees it. */
function patientClock(time: VirtualTime, skewMs: number, wakeAtMs: number): Clock {
  return {
    now: () => time.now() + skewMs,
    sleep: () => new Promise((resolve) => time.at(wakeAtMs, resolve)),
  };
}
