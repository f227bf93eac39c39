import { Worker } from 'node:worker_threads';

import { createClient } from '../../infra/local/emulators/client-secrets.ts';
import { DEFAULT_SECRET_PREFIX } from '../../lib/contract.ts';
import { accessToken } from '../../lib/token/access-token.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { fillBudget } from '../fixtures/abundant-budget.ts';
import { addPlumeCloud } from '../fixtures/system/plume-cloud.ts';
import { startSystem } from '../fixtures/system/system.ts';

/** What the measured processes talk to: a table with a token and tickets, a secret, a token endpoint, an API. */
export interface BenchWorld {
  /** All that a measured process needs to know. */
  readonly environment: Readonly<Record<string, string>>;
  /** With secrets, for who mints. */
  readonly clientsWithoutToken: readonly string[];
  stop(): Promise<void>;
}

const HOUR_MS = 3_600_000;
export async function startBenchWorld({ clientsWithoutToken = 0 } = {}): Promise<BenchWorld> {
  const others = Array.from({ length: clientsWithoutToken }, (_, index) =>
    createClient({ name: `client-${index}`, lifetimeSeconds: 600 }),
  );
  const system = await startSystem();
  const table = { dynamodb: system.dynamodb, table: system.tableName };
  const lifetimeSeconds = (2 * HOUR_MS) / 1000;
  const { client, secret } = await addPlumeCloud(system, { apiLatencyMs: 0, lifetimeSeconds, others });
  const api = await startApi();
  system.defer(() => api.stop());

  const response = await fetch(secret.tokenUrl, {
    method: 'POST',
    headers: { authorization: secret.authorization },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: secret.scope }),
  });
  const { access_token: value } = (await response.json()) as { access_token: string };
  const token = accessToken(value, Date.now(), Date.now() + HOUR_MS);
  await createTokenStore(table).replace(client.name, token, undefined);
  await fillBudget(table);

  return {
    environment: {
      ...system.withSecrets({ apiUrl: api.url }),
      // Past the proxy that counts.
      AWS_ENDPOINT_URL_DYNAMODB: system.engineUrl,
      // For contenders without a broker.
      BENCH_TABLE: system.tableName,
      BENCH_API_URL: api.url,
      BENCH_SECRET: `${DEFAULT_SECRET_PREFIX}/${client.name}`,
    },
    clientsWithoutToken: others.map(({ name }) => name),
    stop: () => system.stop(),
  };
}

/** An API that does nothing but answer, in a thread of its own: it must not be what limits a caller. */
async function startApi(): Promise<{ url: string; stop(): Promise<void> }> {
  const thread = new Worker(new URL('./api-thread.ts', import.meta.url));
  const url = await new Promise<string>((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
  return {
    url,
    async stop() {
      await thread.terminate();
    },
  };
}
