import { createMemoryTicketCounter } from '../../../infra/testing/memory-ticket-counter.ts';
import { type CallBudget, createCallBudget } from '../../../lib/budget/call-budget.ts';
import { type BudgetSettings, DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import type { TicketCounter } from '../../../lib/budget/ticket-counter.ts';
import type { BudgetStream } from '../../../lib/contract.ts';
import type { Clock } from '../../../lib/platform/clock.ts';
import type { Telemetry } from '../../../lib/telemetry/telemetry.ts';
import { createVirtualTime, virtualClock } from '../../simulation/virtual-time.ts';

export const START_MS = 1_700_000_000_000;

/** A budget on virtual time, whose counter writes down what it is asked, with the counter's line already begun. */
export async function openScene(options: { settings?: Partial<BudgetSettings>; begun?: boolean } = {}) {
  const settings = { ...DEFAULT_BUDGET_SETTINGS, ...options.settings };
  const time = createVirtualTime(START_MS);
  const memory = createMemoryTicketCounter();
  const asked: string[] = [];
  const metrics: [string, number][] = [];
  const counter: TicketCounter = {
    read: (...step) => note('read', memory.read(...step)),
    take: (...step) => note('take', memory.take(...step)),
    skip: (...step) => note('skip', memory.skip(...step)),
    init: (...step) => note('init', memory.init(...step)),
    block: (...step) => note('block', memory.block(...step)),
  };
  const note = async <Reply>(what: string, reply: Promise<Reply>): Promise<Reply> => {
    asked.push(what);
    if (scene.away) throw new Error('secret text of another library');
    return reply;
  };
  const telemetry: Telemetry = {
    metric: (name, value) => metrics.push([name, value]),
    log: () => {},
  };
  if (options.begun !== false) await memory.init('worker', { nextMs: START_MS - 60_000, nowMs: START_MS });

  const scene = {
    settings,
    time,
    memory,
    asked,
    metrics,
    /** The engine cannot be reached. */
    away: false,
    instance: (clock: Clock = virtualClock(time), stream: BudgetStream = 'worker'): CallBudget =>
      createCallBudget({ settings, stream, counter, clock, telemetry, random: () => 0.5 }),
    /** Virtual time since the start. */
    elapsed: () => time.now() - START_MS,
    sum: (metric: string) =>
      metrics.filter(([name]) => name === metric).reduce((total, [, value]) => total + value, 0),
  };
  return scene;
}

/** Follows a promise whose time has not come. */
export function watch<T>(promise: Promise<T>): { value?: T; error?: unknown; settled: boolean } {
  const seen: { value?: T; error?: unknown; settled: boolean } = { settled: false };
  promise.then(
    (value) => Object.assign(seen, { value, settled: true }),
    (error: unknown) => Object.assign(seen, { error, settled: true }),
  );
  return seen;
}
