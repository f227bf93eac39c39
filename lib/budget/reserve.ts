import type { BudgetStream } from '../contract.ts';
import { type Ask, nextStep, type Step } from './next-step.ts';
import type { CounterReply, CounterState, TicketCounter } from './ticket-counter.ts';
import { type Ticket, ticketsFrom } from './tickets.ts';

/** What came of a reservation. */
export type Reservation =
  | { readonly kind: 'granted'; readonly tickets: readonly Ticket[] }
  | Extract<Step, { kind: 'full' | 'blocked' }>;

export interface ReservationRequest {
  readonly counter: TicketCounter;
  readonly stream: BudgetStream;
  /** Of this moment: time passes between the writes. @throws {BudgetClockUnreliableError} */
  readonly ask: () => Ask;
  /** The counter as it was last seen, if that was lately. */
  readonly seen: CounterState | undefined;
  /** Whether it was ahead of the clock then: so it may be still, whatever has been taken since. */
  readonly wasAhead: boolean;
  /** Told of every reply. */
  readonly onReply: (reply: CounterReply) => void;
}

/** Each write after the first means that another caller was granted something in between. */
const MAX_WRITES = 5;

/** Reserves a block of tickets: one write if the last seen counter is about right. */
export async function reserve(request: ReservationRequest): Promise<Reservation> {
  const { counter, stream, wasAhead, onReply } = request;
  let seen = request.seen;
  for (let writes = 0; ; writes += 1) {
    const ask = request.ask();
    const step = nextStep(seen, ask, writes === 0 && wasAhead);
    if (step.kind === 'full' || step.kind === 'blocked') return step;
    if (writes === MAX_WRITES) return { kind: 'full', nextMs: seen?.nextMs ?? ask.nowMs };
    const reply = await write(counter, stream, { step, ask });
    onReply(reply);
    seen = reply.state;
    const tickets = reply.applied ? ticketsOf(step, ask, seen) : [];
    if (tickets.length > 0) return { kind: 'granted', tickets };
  }
}

type Write = Exclude<Step, { kind: 'full' | 'blocked' }>;

function write(
  counter: TicketCounter,
  name: BudgetStream,
  { step, ask }: { step: Write; ask: Ask },
): Promise<CounterReply> {
  const { intervalMs } = ask.stream;
  switch (step.kind) {
    case 'take':
      return counter.take(name, {
        advanceMs: step.block * intervalMs,
        floorMs: step.floorMs,
        ceilMs: step.ceilMs,
      });
    case 'skip':
      return counter.skip(name, {
        nextMs: step.floorMs + step.block * intervalMs,
        floorMs: step.floorMs,
      });
    case 'init':
      return counter.init(name, { nextMs: ask.safeStartMs });
    case 'probe':
      return counter.probe(name, step);
  }
}

function ticketsOf(step: Write, { stream }: Ask, { nextMs = 0 }: CounterState): readonly Ticket[] {
  switch (step.kind) {
    case 'take':
    case 'skip':
      return ticketsFrom(nextMs - step.block * stream.intervalMs, step.block, stream);
    case 'init':
      return [];
    case 'probe':
      return ticketsFrom(nextMs - stream.intervalMs, 1, stream).map((ticket) => ({
        validFromMs: ticket.validFromMs,
        // After that another instance may probe.
        expiresAtMs: Math.min(ticket.expiresAtMs, step.next.blockedUntilMs),
        probe: step.opening,
      }));
  }
}
