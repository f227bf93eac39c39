import { setTimeout as sleep } from 'node:timers/promises';

import { forward } from '../../infra/local/emulators/forward.ts';
import {
  type LoopbackServer,
  readBody,
  startLoopbackServer,
} from '../../infra/local/emulators/loopback-server.ts';
import type { CloudClient } from '../../infra/local/plume-cloud/clients.ts';
import type { PlumeCloud } from '../../infra/local/plume-cloud/plume-cloud.ts';
import type { BudgetSettings } from '../../lib/budget/settings.ts';
import type { AskMinter } from '../../lib/token/ask-minter.ts';
import type { MintOutcome } from '../../lib/token/mint-outcome.ts';
import type { TokenSettings } from '../../lib/token/settings.ts';
import { ABUNDANT_BUDGET } from '../fixtures/abundant-budget.ts';
import { addPlumeCloud } from '../fixtures/system/plume-cloud.ts';
import { type Endpoint, type System, startSystem } from '../fixtures/system/system.ts';

/** Requests since the last reset, whoever made them. */
export interface Counted {
  token: number;
  table: number;
  secrets: number;
}

/** The broker's parts, an authorization server and a secret of `mocha`: nobody has a token. */
export interface ColdWorld {
  readonly system: System;
  readonly cloud: PlumeCloud;
  readonly client: CloudClient;
  /** Where all ask for tokens: it answers as slowly as was asked for. */
  readonly tokenUrl: string;
  readonly secretsUrl: string;
  readonly budget: BudgetSettings;
  readonly counted: Counted;
  reset(): void;
  stop(): Promise<void>;
}

export async function startColdWorld(options: {
  /** How long the authorization server takes for an answer, besides signing. */
  readonly tokenLatencyMs: number;
  readonly apiLatencyMs?: number;
  readonly lifetimeSeconds?: number;
  readonly token?: Partial<TokenSettings>;
  /** Of `test/system/functions`. */
  readonly testFunctions?: readonly string[];
}): Promise<ColdWorld> {
  const counted: Counted = { token: 0, table: 0, secrets: 0 };
  let secretsUrl = '';
  const system = await startSystem({
    functions: ['minter', ...(options.testFunctions ?? [])],
    token: options.token ?? {},
    tap: async (endpoint: Endpoint, url: string) => {
      if (endpoint !== 'secrets-manager') return { url, stop: async () => {} };
      const passage = await startPassage(url, () => {
        counted.secrets += 1;
      });
      secretsUrl = passage.url;
      return passage;
    },
  });
  const { apiLatencyMs, lifetimeSeconds } = options;
  const { cloud, client, secret } = await addPlumeCloud(system, {
    ...(apiLatencyMs !== undefined && { apiLatencyMs }),
    ...(lifetimeSeconds !== undefined && { lifetimeSeconds }),
    async tokenUrlOf({ tokenUrl }) {
      const { origin, pathname } = new URL(tokenUrl);
      const door = await startPassage(origin, () => sleep(options.tokenLatencyMs));
      system.defer(() => door.stop());
      return `${door.url}${pathname}`;
    },
  });
  system.add('minter', { environment: system.withSecrets() });
  system.events.subscribe((event) => {
    if (event.kind === 'table-request') counted.table += 1;
    if (event.kind === 'answer' && event.endpoint === 'token') counted.token += 1;
  });
  // Loads the minter: a cold start is no matter of this comparison.
  await system.invoke('minter', { kind: 'request', client: 'nobody' });
  return {
    system,
    cloud,
    client,
    tokenUrl: secret.tokenUrl,
    secretsUrl,
    budget: ABUNDANT_BUDGET,
    counted,
    reset: () => void Object.assign(counted, { token: 0, table: 0, secrets: 0 }),
    stop: () => system.stop(),
  };
}

/** As a worker asks, through Lambda's Invoke API. */
export function askMinterOf(system: System): AskMinter {
  return async (client, rejected) => {
    const event = { kind: 'request', client, ...(rejected !== undefined && { rejected }) };
    const { failed, answer } = await system.invoke('minter', event);
    if (failed) throw new Error('the minter function failed');
    return answer as MintOutcome;
  };
}

/** Passes every request on, after `before`. */
function startPassage(origin: string, before: () => unknown): Promise<LoopbackServer> {
  return startLoopbackServer(async (request, response) => {
    const body = await readBody(request);
    await before();
    const answer = await forward(`${origin}${request.url}`, request.headers, body);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
}
