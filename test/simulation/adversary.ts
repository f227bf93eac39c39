import { createMemoryTicketCounter } from '../../infra/testing/memory-ticket-counter.ts';
import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createMintBudget } from '../../lib/budget/mint-budget.ts';
import type { BudgetSettings } from '../../lib/budget/settings.ts';
import { boundOf } from '../../lib/budget/tickets.ts';
import type { BudgetStream } from '../../lib/contract.ts';
import type { Clock } from '../../lib/platform/clock.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { createVirtualTime, type VirtualTime } from '../fixtures/virtual-time/time.ts';
import { rollingWindow } from './rolling-window.ts';

/**
 * Callers that conspire against one window and break no rule. Before it, slow clocks hoard tickets and send as late as
 * they may, over a slow network; in it everyone sends; at its end fast clocks send as early as they may. Each caller
 * is an instance of its own with one call.
 *
 * @returns the bound of the stream, and the largest window that the WAF saw
 */
export async function conspire(
  settings: BudgetSettings,
  stream: BudgetStream,
): Promise<{ readonly bound: number; readonly largest: number; readonly arrivalsMs: readonly number[] }> {
  const { clockAllowanceMs, networkDelayMs, windowMs } = settings;
  const { intervalMs, ticketLifeMs, horizonMs } = settings[stream];
  const counter = createMemoryTicketCounter();
  const time = createVirtualTime(1_700_000_000_000);
  const firstMs = time.now() + horizonMs;
  await counter.init(stream, { nextMs: firstMs });

  /** All that could arrive before this moment waits for it. */
  const windowStartMs = firstMs + ticketLifeMs + clockAllowanceMs + networkDelayMs;
  const lastMs = windowStartMs + windowMs + clockAllowanceMs;
  const arrivalsMs: number[] = [];

  for (let ticketMs = firstMs; ticketMs <= lastMs; ticketMs += intervalMs) {
    const early = ticketMs > windowStartMs - networkDelayMs - clockAllowanceMs;
    const skewMs = early ? clockAllowanceMs : -clockAllowanceMs;
    const sendAtMs = Math.max(ticketMs - skewMs, windowStartMs - networkDelayMs);
    // Tickets go in the order of asking: a quarter of the horizon ahead the counter is busy on any clock, and not full.
    await time.run(ticketMs - horizonMs / 4);
    const dependencies = {
      settings,
      counter,
      clock: patientClock(time, skewMs, sendAtMs),
      telemetry: silentTelemetry,
    };
    const patienceMs = (): number => ticketMs - skewMs - time.now();
    const book =
      stream === 'worker'
        ? createCallBudget(dependencies).openBook({ patienceMs })
        : createMintBudget(dependencies).openBook({ kind: 'renewal', patienceMs });
    void book.attempt(() => {
      const arrivesMs = Math.max(time.now(), windowStartMs);
      if (arrivesMs - time.now() > networkDelayMs) throw new Error('the adversary broke a rule');
      arrivalsMs.push(arrivesMs);
      return true;
    });
  }
  await time.run(lastMs + ticketLifeMs + clockAllowanceMs);
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
