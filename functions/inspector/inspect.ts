import pMap from 'p-map';
import * as v from 'valibot';
import { ConfigError, isPlumeError } from '../../lib/errors.ts';
import type { ClientItems } from '../../lib/minter/client-item.ts';
import type { ClientRecord } from '../../lib/minter/client-record.ts';
import type { Introspection } from '../../lib/oauth/introspection-request.ts';
import { checkClientName } from '../../lib/platform/client-name.ts';
import type { Now } from '../../lib/platform/clock.ts';
import { type AccessToken, serveUntilMs } from '../../lib/token/access-token.ts';
import type { TokenSettings } from '../../lib/token/settings.ts';
import type { TokenStore } from '../../lib/token/token-store.ts';

/** What is known of a client's token, without the token. */
export interface ClientReport {
  readonly client: string;
  /** `served` to workers; in its last seconds, `expiring`, not any more; `expired`; `missing`. */
  readonly state: 'served' | 'expiring' | 'expired' | 'missing';
  /** Until workers are no longer given the token. */
  readonly secondsLeft?: number;
  readonly fingerprint?: string;
  readonly issuedAt?: string;
  readonly expiresAt?: string;
  /** Why no new token could be had; absent if the last mint succeeded. Without `retryAt`: not before the secret changes. */
  readonly lastError?: {
    readonly code: string;
    readonly message?: string;
    readonly failures: number;
    readonly retryAt?: string;
  };
  /** What the authorization server says (RFC 7662), if it was asked. */
  readonly introspection?:
    | { readonly active: boolean; readonly expiresAt?: string; readonly scope?: string }
    | { readonly error: string };
}

export interface InspectorDependencies {
  readonly settings: TokenSettings;
  readonly store: Pick<TokenStore, 'read'>;
  readonly records: Pick<ClientItems, 'read'>;
  readonly listClients: () => Promise<readonly string[]>;
  readonly introspect: (client: string, token: AccessToken) => Promise<Introspection>;
  readonly now: Now;
}

const CONCURRENCY = 10;

const eventSchema = v.pipe(
  v.custom((event) => !Array.isArray(event)),
  v.strictObject({
    client: v.exactOptional(v.string()),
    introspect: v.exactOptional(v.boolean()),
  }),
  v.check(({ client, introspect }) => !introspect || client !== undefined),
);

/**
 * @param event `{}` for all clients, `{ client }` for one, `{ client, introspect: true }` to ask the authorization
 * server as well: that takes a ticket of the minter's stream, hence one client at a time
 * @throws {ConfigError} the event is of another shape
 */
export async function inspect(
  event: unknown,
  dependencies: InspectorDependencies,
): Promise<{ clients: ClientReport[] }> {
  const parsed = v.safeParse(eventSchema, event);
  if (!parsed.success) {
    throw new ConfigError(
      'the event must be {}, { "client": "<name>" } or { "client": "<name>", "introspect": true }',
    );
  }
  const { client, introspect = false } = parsed.output;
  const names = client === undefined ? await dependencies.listClients() : [checkClientName(client)];
  const clients = await pMap(names, (name) => inspectClient(name, introspect, dependencies), {
    concurrency: CONCURRENCY,
  });
  return { clients };
}

async function inspectClient(
  client: string,
  introspect: boolean,
  dependencies: InspectorDependencies,
): Promise<ClientReport> {
  const { settings, store, records, now } = dependencies;
  const [stored, record] = await Promise.all([store.read(client), records.read(client)]);
  const token = stored?.token;
  const lastError = record && lastErrorOf(record);
  return {
    client,
    ...(token === undefined ? { state: 'missing' } : reportOf(token, now(), settings)),
    ...(lastError !== undefined && { lastError }),
    ...(introspect &&
      token !== undefined && { introspection: await introspectionOf(client, token, dependencies) }),
  };
}

function lastErrorOf({
  errorCode,
  errorMessage,
  counts,
  retryAtMs,
}: ClientRecord): ClientReport['lastError'] {
  if (errorCode === undefined) return undefined;
  return {
    code: errorCode,
    ...(errorMessage !== undefined && { message: errorMessage }),
    failures: Math.max(...Object.values(counts)),
    ...(retryAtMs !== undefined && { retryAt: iso(retryAtMs) }),
  };
}

function reportOf(token: AccessToken, nowMs: number, settings: TokenSettings) {
  const leftMs = serveUntilMs(token, settings) - nowMs;
  return {
    state: leftMs > 0 ? 'served' : nowMs < token.expiresAtMs ? 'expiring' : 'expired',
    secondsLeft: Math.max(0, Math.floor(leftMs / 1000)),
    fingerprint: token.fingerprint,
    issuedAt: iso(token.issuedAtMs),
    expiresAt: iso(token.expiresAtMs),
  } as const;
}

async function introspectionOf(
  client: string,
  token: AccessToken,
  { introspect: ask }: InspectorDependencies,
): Promise<NonNullable<ClientReport['introspection']>> {
  try {
    const answer = await ask(client, token);
    if (!answer.active) return { active: false };
    const { expSeconds, scope } = answer;
    return {
      active: true,
      ...(expSeconds !== undefined && { expiresAt: iso(expSeconds * 1000) }),
      ...(scope !== undefined && { scope }),
    };
  } catch (error) {
    if (!isPlumeError(error)) throw error;
    return { error: error.code };
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
