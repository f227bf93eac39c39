import { createMemoryTicketCounter } from '../../infra/testing/memory-ticket-counter.ts';
import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createMintBudget } from '../../lib/budget/mint-budget.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { type BudgetStream, MINTER_TIMEOUT_MS, type Priority } from '../../lib/contract.ts';
import { isPlumeError } from '../../lib/errors.ts';
import { type AccessToken, isServable } from '../../lib/token/access-token.ts';
import { createTokenReader, type WantedToken } from '../../lib/token/read-token.ts';
import { startTable } from '../fixtures/table.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { createWorld, type ServerCall } from '../fixtures/virtual-time/minter.ts';
import { createVirtualTime, START_MS, virtualClock } from '../fixtures/virtual-time/time.ts';
import { createRandom } from '../simulation/random.ts';

/** What the minter's time-out leaves of a tick: two of them may overlap. */
const TICK_MS = MINTER_TIMEOUT_MS - 2_000;
const API_MS = 350;
const AUTHORIZATION_SERVER_MS = 300;
const TOKEN_LIFETIME_SECONDS = 600;
/** How often somebody looks whether a client has a token. */
const LOOK_MS = 1_000;
const PATIENCE_MS = 20_000;
/** By then all healthy clients have their first token. */
const FIRST_MINTS_MS = 120_000;

export type MintingScene = Awaited<ReturnType<typeof openMintingScene>>;

/**
 * The minter with its real budget, healthy clients whose loss is measured, and what a test adds of bad members, on virtual
 * time and a table of its own. Each tick may last as long as in AWS, so ticks overlap.
 */
export async function openMintingScene(options: { readonly healthy: number; readonly seed: number }) {
  const table = await startTable();
  const time = createVirtualTime(START_MS, table.settled);
  const clock = virtualClock(time);
  const { next: random } = createRandom(options.seed);
  const world = createWorld(table, {
    random,
    clock: { ...clock, advance: time.skip },
  });
  const counter = createMemoryTicketCounter();
  counter.moveTo('minter', START_MS - DEFAULT_BUDGET_SETTINGS.minter.burstMs);
  counter.moveTo('worker', START_MS);
  const parts = { settings: DEFAULT_BUDGET_SETTINGS, counter, clock, telemetry: silentTelemetry, random };
  const budget = createMintBudget(parts);
  const healthy = Array.from({ length: options.healthy }, (_, index) => `healthy-${index}`);
  for (const client of healthy) world.secrets.put(client);
  world.server.lifetimeSeconds = () => TOKEN_LIFETIME_SECONDS;
  /** In the place of a grant, by client. */
  const answers = new Map<string, { readonly answer: () => Response; readonly afterMs: number }>();
  world.server.trouble = async ({ client }: ServerCall) => {
    const { answer, afterMs = AUTHORIZATION_SERVER_MS } = answers.get(client) ?? {};
    await clock.sleep(afterMs);
    return answer?.();
  };
  const reader = () =>
    createTokenReader({
      store: world.store,
      requests: world.mintRequests,
      askMinter: (client, rejected) => world.request(client, rejected, { budget }),
      settings: world.settings,
      clock,
      telemetry: silentTelemetry,
      random,
    });
  let endMs = START_MS;
  const isOver = (): boolean => clock.now() >= endMs;

  /** An invocation after the other, each told when to come back. */
  async function again(invocation: () => Promise<unknown>, pauseMs = API_MS): Promise<void> {
    while (!isOver()) {
      const failed = await invocation().then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failed !== undefined && !isPlumeError(failed)) throw failed;
      await clock.sleep(Math.max((failed?.retryAtMs ?? 0) - clock.now(), pauseMs));
    }
  }

  const scene = {
    clock,
    world,
    counter,
    healthy,
    isOver,
    /** @returns the client's token, or undefined if none may be served now */
    async served(client: string): Promise<AccessToken | undefined> {
      const token = await world.token(client);
      return token && isServable(token, clock.now(), world.settings) ? token : undefined;
    },
    /** A client that the authorization server answers in another way than with a token. */
    refuse(client: string, answer: () => Response, afterMs = AUTHORIZATION_SERVER_MS): void {
      world.secrets.put(client);
      answers.set(client, { answer, afterMs });
    },
    /** A new execution environment of a worker gets its token. */
    getToken: (client: string, wanted: WantedToken) => reader().get(client, wanted),
    /** A worker whose API answers every call with 401. */
    async isRejected(client: string): Promise<void> {
      const tokens = reader();
      let rejected: string | undefined;
      await again(async () => {
        const { token } = await tokens.get(client, { rejected, waitUntilMs: clock.now() + PATIENCE_MS });
        rejected = token.fingerprint;
      });
    },
    /** A worker that wants a token of a client for which none can be had. */
    async wants(client: string): Promise<void> {
      const tokens = reader();
      await again(() => tokens.get(client, { waitUntilMs: clock.now() }), 10_000);
    },
    /** Introspects client after client. */
    async inspects(): Promise<void> {
      const inspector = createMintBudget({ ...parts, tellsBreaker: false });
      await again(async () => {
        const book = inspector.openBook({ kind: 'inspection', patienceMs: () => PATIENCE_MS });
        await book.attempt(() => clock.sleep(AUTHORIZATION_SERVER_MS)).finally(() => book.close());
      }, 1);
    },
    /** An instance that always wants another call. */
    async saturates(priority: Priority = 'normal'): Promise<void> {
      const calls = createCallBudget(parts);
      await again(async () => {
        const book = calls.openBook({ calls: 10, priority, patienceMs: () => PATIENCE_MS });
        try {
          for (let call = 0; call < 10; call += 1) await book.attempt(() => clock.sleep(API_MS));
        } finally {
          book.close();
        }
      });
    },
    /**
     * @param members what goes on beside the ticks
     * @returns what the healthy lost after the first minutes, and for how long calls of either stream rested
     */
    async run(
      minutes: number,
      members: readonly (() => Promise<void>)[],
    ): Promise<{ readonly secondsWithoutToken: number; readonly secondsAtRest: number }> {
      endMs = START_MS + minutes * 60_000;
      let looksWithoutToken = 0;
      let looksAtRest = 0;
      const known = new Map<string, AccessToken | undefined>();
      async function look(): Promise<void> {
        await clock.sleep(FIRST_MINTS_MS);
        for (; !isOver(); await clock.sleep(LOOK_MS)) {
          for (const client of healthy) {
            const token = known.get(client);
            if (token && isServable(token, clock.now(), world.settings)) continue;
            const served = await scene.served(client);
            known.set(client, served);
            if (served === undefined) looksWithoutToken += 1;
          }
          for (const stream of ['worker', 'minter'] satisfies BudgetStream[]) {
            if ((await counter.read(stream)).breaker.blockedUntilMs !== undefined) looksAtRest += 1;
          }
        }
      }
      const ticks: Promise<unknown>[] = [];
      async function tick(): Promise<void> {
        for (; !isOver(); await clock.sleep(world.settings.tickMs)) {
          ticks.push(world.tick({ budget }, clock.now() + TICK_MS));
        }
        await Promise.all(ticks);
      }
      const all = Promise.all([look(), tick(), ...members.map((member) => member())]);
      await Promise.all([time.run(endMs + 10 * 60_000), all]);
      return {
        secondsWithoutToken: (looksWithoutToken * LOOK_MS) / 1_000,
        secondsAtRest: (looksAtRest * LOOK_MS) / 1_000,
      };
    },
    stop: table.stop,
  };
  return scene;
}
