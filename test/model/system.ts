import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Clock } from '../../lib/platform/clock.ts';
import { allSettled } from '../fixtures/virtual-time/time.ts';
import type { Model } from './explore.ts';
import type { Item } from './expressions.ts';
import type { Faults } from './faults.ts';
import { clientOf, type Input, ModelTable } from './table.ts';

/** One instance of a system: the code under test runs on its client and its clock. */
export interface Instance {
  readonly name: string;
  readonly dynamodb: DynamoDBClient;
  readonly clock: Clock;
  /** Anything that takes a while besides the table: it may be answered late, or never. */
  request<Result>(what: string, arrive: () => Result): Promise<Result>;
  /** Adds to what has happened. */
  note(event: object): void;
}

export interface Part {
  /** How far its clock is ahead. */
  readonly skewMs?: number;
  run(instance: Instance): Promise<unknown>;
}

export interface SystemOptions<Event> {
  readonly parts: readonly Part[];
  readonly items: readonly Item[];
  readonly faults: Faults;
  readonly startMs: number;
  /** A request arrives within this time. Its answer may come at any time. */
  readonly delayMs: number;
  readonly freezeMs: number;
  /** What a deletion deletes. */
  readonly key: string;
  /** What is wrong, if anything is; asked after each step. At one moment, what instances do may come before what arrives. */
  check(events: readonly (Event & { readonly instance: string })[]): string | undefined;
}

interface Request {
  readonly what: string;
  readonly arrive: () => unknown;
  readonly sentAtMs: number;
  readonly settle: { resolve(value: unknown): void; reject(error: unknown): void };
  /** Absent: on its way. */
  answer?: { readonly value: unknown } | { readonly error: unknown };
}

interface Sleeper {
  readonly atMs: number;
  wake(): void;
}

const NAMES = ['a', 'b', 'c', 'd'];
/** A client costs as much as forty states; whose turn it is answers it. */
let running: System<unknown> | undefined;
const clients = NAMES.map((name) =>
  clientOf((command, input) => {
    if (running === undefined) throw new Error('no system is running');
    return running.send(name, command, input);
  }),
);

/** Instances of the code under test, one table, one time. Whatever could happen next is a choice. */
export class System<Event> implements Model {
  readonly #options: SystemOptions<Event>;
  readonly #table: ModelTable;
  readonly #left: { -readonly [Fault in keyof Faults]: number };
  readonly #events: (Event & { readonly instance: string })[] = [];
  readonly #requests = new Map<string, Request[]>();
  readonly #sleepers = new Map<string, Set<Sleeper>>();
  readonly #dead = new Set<string>();
  readonly #ended = new Set<string>();
  /** What each instance has been told, and when: the code does the same if it is told the same. */
  readonly #told = new Map<string, string>();
  #nowMs: number;
  #failure: string | undefined;

  private constructor(options: SystemOptions<Event>) {
    this.#options = options;
    this.#table = new ModelTable(options.items);
    this.#left = { ...options.faults };
    this.#nowMs = options.startMs;
  }

  static async start<Event>(options: SystemOptions<Event>): Promise<System<Event>> {
    const system = new System<Event>(options);
    running = system as System<unknown>;
    for (const [index, part] of options.parts.entries()) system.#begin(index, part);
    await allSettled();
    return system;
  }

  #begin(index: number, { run, skewMs = 0 }: Part): void {
    const name = NAMES[index] as string;
    this.#requests.set(name, []);
    this.#sleepers.set(name, new Set());
    this.#told.set(name, '');
    const instance: Instance = {
      name,
      dynamodb: clients[index] as DynamoDBClient,
      clock: { now: () => this.#nowMs + skewMs, sleep: (ms, signal) => this.#sleep(name, ms, signal) },
      request: (what, arrive) => this.#request(name, what, arrive),
      note: (event) => this.#events.push({ ...(event as Event), instance: name }),
    };
    run(instance).then(
      () => this.#ended.add(name),
      (error: unknown) => {
        this.#failure ??= `${name} failed: ${error}`;
      },
    );
  }

  send(name: string, command: string, input: Input): Promise<object> {
    return this.#request(name, command, () => this.#table.answer(command, input));
  }

  #request<Result>(name: string, what: string, arrive: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      const settle = { resolve: resolve as (value: unknown) => void, reject };
      this.#requests.get(name)?.push({ what, arrive, sentAtMs: this.#nowMs, settle });
    });
  }

  #sleep(name: string, ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleepers = this.#sleepers.get(name);
      const sleeper = { atMs: this.#nowMs + ms, wake: resolve };
      sleepers?.add(sleeper);
      signal?.addEventListener(
        'abort',
        () => {
          sleepers?.delete(sleeper);
          reject(signal.reason);
        },
        { once: true },
      );
    });
  }

  /**
   * All that can happen, but for what only changes the order of things that do not touch each other:
   *
   * - Once no delay and no freeze is left, time does not pass while anything is under way. So an instance that only waits for
   *   answers goes first: an answer, its loss and a death touch their own instance alone, no other choice touches it, and one
   *   of them must happen before time passes.
   * - A death changes nothing before its instance would be told something; the requests of the dead arrive all the same.
   * - A deletion changes nothing before a request arrives.
   */
  choices(): readonly string[] {
    const { delays, freezes, deletions } = this.#left;
    const isBusy = this.#isBusy();
    const isTimely = delays === 0 && freezes === 0;
    const names = [...this.#requests.keys()];
    const first = isTimely && isBusy ? names.find((name) => this.#waitsForAnswersOnly(name)) : undefined;
    if (first !== undefined) return this.#choicesOf(first, true);

    const wakes = this.#canPass(this.#wakesAtMs() - this.#nowMs);
    const choices = names.flatMap((name) => this.#choicesOf(name, isBusy ? !isTimely : wakes));
    const { delayMs, freezeMs, key } = this.#options;
    if (deletions > 0 && this.#onTheirWay().length > 0 && this.#table.has(key))
      choices.push('the item is deleted');
    if (wakes && (!isBusy || delays > 0)) choices.push('time passes until the next wakes');
    if (isBusy && delays > 0 && this.#canPass(delayMs)) choices.push('time passes');
    if ((isBusy || wakes) && freezes > 0 && this.#canPass(freezeMs)) choices.push('everything freezes');
    return choices;
  }

  #choicesOf(name: string, canDie: boolean): string[] {
    const choices: string[] = [];
    const isDead = this.#dead.has(name);
    for (const [index, { answer, what }] of (this.#requests.get(name) ?? []).entries()) {
      if (answer === undefined) choices.push(`${name} ${index} arrives: ${what}`);
      else {
        choices.push(`${name} ${index} is answered`);
        if (this.#left.lostAnswers > 0) choices.push(`${name} ${index} is sent again: its answer was lost`);
      }
    }
    if (canDie && this.#left.deaths > 0 && !isDead && !this.#ended.has(name)) choices.push(`${name} dies`);
    return choices;
  }

  #waitsForAnswersOnly(name: string): boolean {
    const requests = this.#requests.get(name) ?? [];
    return requests.length > 0 && requests.every(({ answer }) => answer !== undefined);
  }

  async take(choice: string): Promise<void> {
    running = this as System<unknown>;
    const [name = '', second = ''] = choice.split(' ');
    const requests = this.#requests.get(name);
    const request = requests?.[Number(second)];
    if (choice === 'the item is deleted') {
      this.#left.deletions -= 1;
      this.#table.delete(this.#options.key);
    } else if (choice === 'time passes until the next wakes') {
      if (this.#isBusy()) this.#left.delays -= 1;
      this.#pass(this.#wakesAtMs() - this.#nowMs);
    } else if (choice === 'time passes') {
      this.#left.delays -= 1;
      this.#pass(this.#options.delayMs);
    } else if (choice === 'everything freezes') {
      this.#left.freezes -= 1;
      this.#pass(this.#options.freezeMs);
    } else if (second === 'dies') {
      this.#left.deaths -= 1;
      this.#dead.add(name);
      this.#sleepers.get(name)?.clear();
      this.#requests.set(
        name,
        (requests ?? []).filter(({ answer }) => answer === undefined),
      );
    } else if (request === undefined) throw new Error(`${choice} cannot happen`);
    else if (request.answer === undefined) {
      request.answer = attempt(request.arrive);
      if (this.#dead.has(name)) requests?.splice(Number(second), 1);
    } else if (choice.endsWith('lost')) {
      this.#left.lostAnswers -= 1;
      delete request.answer;
    } else {
      requests?.splice(Number(second), 1);
      this.#tell(name, `${second}:${JSON.stringify(request.answer)}`);
      if ('value' in request.answer) request.settle.resolve(request.answer.value);
      else request.settle.reject(request.answer.error);
    }
    await allSettled();
  }

  #isBusy(): boolean {
    return [...this.#requests.values()].some((requests) => requests.length > 0);
  }

  #onTheirWay(): readonly Request[] {
    return [...this.#requests.values()].flat().filter(({ answer }) => answer === undefined);
  }

  #canPass(ms: number): boolean {
    return (
      ms < Number.POSITIVE_INFINITY &&
      this.#onTheirWay().every(({ sentAtMs }) => this.#nowMs + ms - sentAtMs <= this.#options.delayMs)
    );
  }

  #wakesAtMs(): number {
    const moments = [...this.#sleepers.values()].flatMap((sleepers) => [...sleepers].map(({ atMs }) => atMs));
    return Math.max(this.#nowMs, Math.min(...moments, Number.POSITIVE_INFINITY));
  }

  /** All who wake at one moment wake together: what they do then is a choice again. */
  #pass(ms: number): void {
    this.#nowMs += ms;
    for (const [name, sleepers] of this.#sleepers) {
      for (const sleeper of [...sleepers].filter(({ atMs }) => atMs <= this.#nowMs)) {
        sleepers.delete(sleeper);
        this.#tell(name, 'awake');
        sleeper.wake();
      }
    }
  }

  #tell(name: string, what: string): void {
    this.#told.set(name, `${this.#told.get(name)}|${this.#nowMs}:${what}`);
  }

  state(): string {
    const onTheirWay = [...this.#requests].map(([name, requests]) => [
      name,
      this.#dead.has(name),
      requests.map(({ answer, sentAtMs }) => answer ?? sentAtMs),
    ]);
    return JSON.stringify([this.#nowMs, this.#table.state(), this.#left, [...this.#told], onTheirWay]);
  }

  violation(): string | undefined {
    const wrong = this.#failure ?? this.#options.check(this.#events);
    if (wrong !== undefined) return wrong;
    if (this.choices().length > 0) return undefined;
    const stuck = [...this.#requests.keys()].filter(
      (name) => !this.#dead.has(name) && !this.#ended.has(name),
    );
    return stuck.length > 0 ? `${stuck} wait for nothing` : undefined;
  }
}

function attempt(arrive: () => unknown): NonNullable<Request['answer']> {
  try {
    return { value: arrive() };
  } catch (error) {
    return { error };
  }
}
