import type { BudgetStream } from '../contract.ts';
import { longestLineMs } from './lines.ts';
import type { BudgetSettings, StreamSettings } from './settings.ts';
import { boundOf } from './tickets.ts';

/**
 * Functions of two deployments may share a counter, with settings that differ. Each keeps its own interval and ticket life, and
 * none the other's: together they have the shorter interval and the longer life, and the bound of that. So the counter's item
 * says with which settings tickets were taken lately, and a caller whose settings exceed the limit together with those gets none.
 *
 * Pure; times in milliseconds.
 */

/** What the counter's item says of it. */
export interface Mixture {
  /** The names of the settings in use, with a space between; absent in an item of code that did not write them. */
  readonly names?: string | undefined;
  /** By name: when a ticket was last taken with them. */
  readonly usedAtMs: Readonly<Record<string, number>>;
}

/** What a reservation writes of it, if the item still says what was seen. */
export interface MixtureStep {
  /** The names that were seen. */
  readonly seen: string | undefined;
  /** The names from now on. */
  readonly names: string;
  /** Whose tickets are taken. */
  readonly own: string;
  readonly usedAtMs: number;
  /** Names that were not used for so long that no window holds tickets of theirs and new ones. */
  readonly dropped: readonly string[];
}

export interface Conflict {
  /** Settings that are in use and exceed the limit together with the caller's. */
  readonly others: readonly string[];
  /** When their last ticket is out of every window. */
  readonly untilMs: number;
}

/** What counts for the bound, in this order: of the workers' stream, of the minter's, and the limit. */
type Numbers = readonly [
  intervalMs: number,
  ticketLifeMs: number,
  longestLineMs: number,
  minterIntervalMs: number,
  minterTicketLifeMs: number,
  minterLongestLineMs: number,
  limit: number,
];

/** The name of settings, such as `170/15000/30000/10000/100000/10000/2000`. */
export function settingsName(settings: BudgetSettings): string {
  const { worker, minter, limit } = settings;
  const numbers: Numbers = [
    worker.intervalMs,
    worker.ticketLifeMs,
    longestLineMs('worker', settings),
    minter.intervalMs,
    minter.ticketLifeMs,
    longestLineMs('minter', settings),
    limit,
  ];
  return numbers.join('/');
}

/**
 * @param mixture as it was last seen; undefined if it is not known: then the caller's settings are taken for the only ones, which
 *   the write finds out
 * @returns what the caller's reservation writes, or why it gets no ticket
 */
export function mixtureStep(
  mixture: Mixture | undefined,
  { stream, settings, nowMs }: { stream: BudgetStream; settings: BudgetSettings; nowMs: number },
): MixtureStep | Conflict {
  const own = settingsName(settings);
  if (mixture === undefined) return { seen: own, names: own, own, usedAtMs: nowMs, dropped: [] };
  const { names, usedAtMs } = mixture;
  const listed = names?.split(' ').filter(Boolean) ?? [];
  const endOf = (name: string): number => (usedAtMs[name] ?? nowMs) + aliveMs(name, stream, settings);
  const others = listed.filter((name) => name !== own && endOf(name) > nowMs);
  const isAdmitted = listed.includes(own) && endOf(own) > nowMs;
  if (!isAdmitted && boundTogether([own, ...others], settings) > limitTogether([own, ...others])) {
    return { others, untilMs: Math.max(...others.map(endOf)) };
  }
  const next = [own, ...others].sort();
  return {
    seen: names,
    names: next.join(' '),
    own,
    usedAtMs: nowMs,
    dropped: listed.filter((name) => !next.includes(name)),
  };
}

/** For how long after it was taken a ticket may share a window with one that is taken now. */
function aliveMs(name: string, stream: BudgetStream, settings: BudgetSettings): number {
  const { windowMs, clockAllowanceMs, networkDelayMs } = settings;
  const numbers = numbersOf(name);
  const [ticketLifeMs, lineMs] = stream === 'worker' ? [numbers[1], numbers[2]] : [numbers[4], numbers[5]];
  return windowMs + lineMs + ticketLifeMs + 4 * clockAllowanceMs + networkDelayMs;
}

/** Settings that were written by something else count as the worst: nothing goes together with them. */
function numbersOf(name: string): Numbers {
  const numbers = name.split('/').map(Number);
  const isName =
    numbers.length === 7 && numbers.every((number) => Number.isSafeInteger(number) && number > 0);
  return isName ? (numbers as unknown as Numbers) : [1, 0, 0, 1, 0, 0, 0];
}

function boundTogether(names: readonly string[], settings: BudgetSettings): number {
  const all = names.map(numbersOf);
  const of = (index: keyof Numbers & number, pick: (...values: number[]) => number): number =>
    pick(...all.map((numbers) => numbers[index] as number));
  const stream = (base: StreamSettings, interval: 0 | 3): StreamSettings => ({
    ...base,
    intervalMs: of(interval, Math.min),
    ticketLifeMs: of((interval + 1) as 1 | 4, Math.max),
  });
  return boundOf(stream(settings.worker, 0), settings) + boundOf(stream(settings.minter, 3), settings);
}

function limitTogether(names: readonly string[]): number {
  return Math.min(...names.map((name) => numbersOf(name)[6]));
}
