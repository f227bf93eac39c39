import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Arith, type Context, init } from 'z3-solver';

import { type BudgetSettings, budgetSettings } from '../../lib/budget/settings.ts';
import { boundOf, spanMs } from '../../lib/budget/tickets.ts';

/**
 * The step of the proof from tickets to arrivals, for all settings at once. The formula is that of `lib/budget`: its weights
 * are read off the function itself, which must be linear.
 */

let z3: Context<'z3'>;
let end: () => void;
beforeAll(async () => {
  const { Context, em } = await init();
  z3 = Context('z3');
  end = () => em.PThread.terminateAllThreads();
});
afterAll(() => end());

/** What a span is made of. */
const PARTS = ['windowMs', 'ticketLifeMs', 'clockAllowanceMs', 'networkDelayMs'] as const;
type Parts = Readonly<Record<(typeof PARTS)[number], number>>;

function settingsOf({ ticketLifeMs, ...rest }: Parts, intervalMs = 1): BudgetSettings {
  return budgetSettings({ ...rest, worker: { ticketLifeMs, intervalMs } });
}

function libSpanMs(parts: Parts): number {
  const settings = settingsOf(parts);
  return spanMs(settings.worker, settings);
}

const ZERO: Parts = { windowMs: 0, ticketLifeMs: 0, clockAllowanceMs: 0, networkDelayMs: 0 };
const WEIGHTS = PARTS.map((part) => libSpanMs({ ...ZERO, [part]: 1 }));
const parts = fc.record({
  windowMs: fc.nat(),
  ticketLifeMs: fc.nat(),
  clockAllowanceMs: fc.nat(),
  networkDelayMs: fc.nat(),
});

test("the span of lib/budget is the sum of the window, the ticket's life, the clocks' errors and the network's delay", () => {
  fc.assert(
    fc.property(parts, (given) => {
      const sum = PARTS.reduce((total, part, index) => total + (WEIGHTS[index] ?? 0) * given[part], 0);
      expect(libSpanMs(given)).toBe(sum);
    }),
  );
});

test('the bound of lib/budget is one call more than there are intervals in the span', () => {
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 1_000_000 }), (given, intervalMs) => {
      const settings = settingsOf(given, intervalMs);
      const spanOfSettings = spanMs(settings.worker, settings);
      expect(boundOf(settings.worker, settings)).toBe(Math.floor(spanOfSettings / intervalMs) + 1);
    }),
  );
});

test('two calls that reach the WAF in one window have tickets that are no further apart than the span', async () => {
  expect(await twoCallsFurtherApartThan(0)).toBe('unsat');
});

test('a span that is one millisecond shorter would not do', async () => {
  expect(await twoCallsFurtherApartThan(-1)).toBe('sat');
});

test('tickets an interval apart: a span has room for one per interval and one more', async () => {
  const [count, spanOfTickets, interval, whole] = z3Ints('count', 'span', 'interval', 'whole');
  const solver = new z3.Solver();
  solver.add(interval.ge(1), spanOfTickets.ge(0), count.ge(1), whole.ge(0));
  // `whole` is floor(span / interval).
  solver.add(whole.mul(interval).le(spanOfTickets), whole.add(1).mul(interval).gt(spanOfTickets));
  solver.add(count.sub(1).mul(interval).le(spanOfTickets));
  solver.add(count.gt(whole.add(1)));
  expect(await solver.check()).toBe('unsat');
});

/** Whether there are settings and two calls in one window whose tickets are further apart than the span and `moreMs`. */
async function twoCallsFurtherApartThan(moreMs: number): Promise<string> {
  const [windowMs, life, skew, delay] = z3Ints(...PARTS);
  const solver = new z3.Solver();
  for (const part of [windowMs, life, skew, delay]) solver.add(part.ge(0));
  const call = (name: string): { ticket: Arith<'z3'>; arrival: Arith<'z3'> } => {
    const [ticket, error, sent, arrival] = z3Ints(`${name}-ticket`, `${name}-error`, `${name}-sent`, name);
    // The caller checks by its own clock, which is off by up to the allowance.
    solver.add(error.ge(skew.neg()), error.le(skew));
    solver.add(sent.add(error).ge(ticket), sent.add(error).le(ticket.add(life)));
    solver.add(arrival.ge(sent), arrival.le(sent.add(delay)));
    return { ticket, arrival };
  };
  const [first, second] = [call('first'), call('second')];
  solver.add(second.arrival.sub(first.arrival).le(windowMs), first.arrival.sub(second.arrival).le(windowMs));
  const span = [windowMs, life, skew, delay].reduce(
    (sum, part, index) => sum.add(part.mul(WEIGHTS[index] ?? 0)),
    z3.Int.val(0) as Arith<'z3'>,
  );
  solver.add(second.ticket.sub(first.ticket).gt(span.add(moreMs)));
  return solver.check();
}

function z3Ints(...names: readonly string[]): [Arith<'z3'>, Arith<'z3'>, Arith<'z3'>, Arith<'z3'>] {
  const [a, b, c, d] = names.map((name) => z3.Int.const(name));
  return [a, b, c, d] as [Arith<'z3'>, Arith<'z3'>, Arith<'z3'>, Arith<'z3'>];
}
