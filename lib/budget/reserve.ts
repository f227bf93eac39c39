import type { BudgetStream } from '../contract.ts';
import { type Ask, type NoStep, nextStep, type Step } from './next-step.ts';
import type { StreamSettings } from './settings.ts';
import type { CounterReply, CounterState, TicketCounter } from './ticket-counter.ts';
import { type Ticket, ticketsFrom } from './tickets.ts';

/** What came of a reservation. */
export type Reservation =
  | {
      readonly kind: 'granted';
      readonly by: 'take' | 'skip' | 'probe';
      readonly tickets: readonly Ticket[];
    }
  | NoStep;

export interface ReservationRequest {
  readonly counter: TicketCounter;
  /** Of this moment: time passes between the writes. @throws {BudgetClockUnreliableError} */
  readonly ask: () => Ask;
  /** The counter as it was last seen, if that was lately. */
  readonly seen: CounterState | undefined;
  /** Whether taking applied lately, and not skipping: then it is tried first, although the counter was behind when it was seen. */
  readonly isBusy: boolean;
  /** Called with every reply. */
  readonly onReply: (reply: CounterReply) => void;
}

/** Each write after the first means that another caller was granted something in between. */
const MAX_WRITES = 5;

/** Reserves a block of tickets: one write if the last seen counter is about right. */
export async function reserve(request: ReservationRequest): Promise<Reservation> {
  const { counter, isBusy, onReply } = request;
  let seen = request.seen;
  for (let writes = 0; ; writes += 1) {
    const ask = request.ask();
    const step = nextStep(seen, ask, writes === 0 && isBusy);
    if (step.kind === 'full' || step.kind === 'blocked' || step.kind === 'conflict') return step;
    if (writes === MAX_WRITES) return { kind: 'full', nextMs: seen?.nextMs ?? ask.nowMs };
    const reply = await write(counter, ask.name, step);
    onReply(reply);
    seen = reply.state;
    if (!reply.applied || step.kind === 'init') continue;
    return { kind: 'granted', by: step.kind, tickets: ticketsOf(step, seen, ask.stream) };
  }
}

type Write = Exclude<Step, NoStep>;

function write(counter: TicketCounter, name: BudgetStream, step: Write): Promise<CounterReply> {
  switch (step.kind) {
    case 'take':
      return counter.take(name, step);
    case 'skip':
      return counter.skip(name, step);
    case 'init':
      return counter.init(name, step);
    case 'probe':
      return counter.probe(name, step);
  }
}

function ticketsOf(
  step: Exclude<Write, { kind: 'init' }>,
  { nextMs = 0 }: CounterState,
  stream: StreamSettings,
): readonly Ticket[] {
  if (step.kind !== 'probe') return ticketsFrom(nextMs - step.block * stream.intervalMs, step.block, stream);
  return ticketsFrom(nextMs - stream.intervalMs, 1, stream).map((ticket) => ({
    validFromMs: ticket.validFromMs,
    // After that another instance may probe.
    expiresAtMs: Math.min(ticket.expiresAtMs, step.next.blockedUntilMs),
    probe: step.opening,
  }));
}
