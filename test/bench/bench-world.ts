import { Worker } from 'node:worker_threads';

import { createClient, createSecrets } from '../../infra/local/emulators/client-secrets.ts';
import { ownedBy } from '../../infra/local/emulators/owned.ts';
import { LOCAL_SDK_CONFIG } from '../../infra/local/emulators/sdk-config.ts';
import { startSecretsManager } from '../../infra/local/emulators/secrets-manager/secrets-manager.ts';
import { authorizationOf, scopeOf } from '../../infra/local/plume-cloud/clients.ts';
import { startPlumeCloud } from '../../infra/local/plume-cloud/plume-cloud.ts';
import { DEFAULT_SECRET_PREFIX, ENV } from '../../lib/contract.ts';
import { accessToken } from '../../lib/token/access-token.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { ABUNDANT_BUDGET, fillBudget } from '../fixtures/abundant-budget.ts';
import { startTable } from '../fixtures/table.ts';

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
  await using stack = new AsyncDisposableStack();
  const owned = ownedBy(stack);
  const client = createClient({ name: 'mocha', lifetimeSeconds: 2 * HOUR_MS });
  const others = Array.from({ length: clientsWithoutToken }, (_, index) =>
    createClient({ name: `client-${index}`, lifetimeSeconds: 600 }),
  );
  const table = owned(await startTable());
  const secretsManager = owned(await startSecretsManager(Date.now));
  const cloud = owned(
    await startPlumeCloud({
      clients: [client, ...others],
      waf: { limit: 1_000_000, windowMs: 1_000, release: 'new-frame' },
      latencyMs: 0,
      record: () => {},
      now: Date.now,
    }),
  );
  const api = owned(await startApi());
  await createSecrets(secretsManager.url, [client, ...others], cloud.tokenUrl);

  const response = await fetch(cloud.tokenUrl, {
    method: 'POST',
    headers: { authorization: authorizationOf(client) },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: scopeOf(client) }),
  });
  const { access_token: value } = (await response.json()) as { access_token: string };
  const token = accessToken(value, Date.now(), Date.now() + HOUR_MS);
  await createTokenStore(table).replace(client.name, token, undefined);
  await fillBudget(table);

  const { hostname, protocol, port, path } = await table.client.config.endpoint!();
  const parts = stack.move();
  return {
    environment: {
      AWS_REGION: LOCAL_SDK_CONFIG.region,
      AWS_ACCESS_KEY_ID: LOCAL_SDK_CONFIG.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: LOCAL_SDK_CONFIG.credentials.secretAccessKey,
      AWS_ENDPOINT_URL_DYNAMODB: `${protocol}//${hostname}:${port}${path}`,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
      [ENV.table]: table.table,
      [ENV.minterFunction]: 'minter',
      [ENV.apiUrl]: api.url,
      [ENV.budgetSettings]: JSON.stringify(ABUNDANT_BUDGET),
      // For contenders that read it themselves.
      BENCH_SECRET: `${DEFAULT_SECRET_PREFIX}/${client.name}`,
    },
    clientsWithoutToken: others.map(({ name }) => name),
    stop: () => parts.disposeAsync(),
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
