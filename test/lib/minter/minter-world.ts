import type { CallBudget } from '../../../lib/budget/call-budget.ts';
import type { MetricName } from '../../../lib/contract.ts';
import { parseCredentials } from '../../../lib/credentials/credentials.ts';
import { SecretMissingError } from '../../../lib/credentials/errors.ts';
import type { Secrets } from '../../../lib/credentials/secrets.ts';
import { createClientRecords } from '../../../lib/minter/client-records.ts';
import { createMinter, type MinterDependencies } from '../../../lib/minter/mint-token.ts';
import { createSecretListingStore } from '../../../lib/minter/secret-listing.ts';
import { type MintTickDependencies, mintTick, type TickSummary } from '../../../lib/minter/tick.ts';
import type { Telemetry } from '../../../lib/telemetry/telemetry.ts';
import { DEFAULT_TOKEN_SETTINGS, type TokenSettings } from '../../../lib/token/settings.ts';
import { createTokenStore } from '../../../lib/token/token-store.ts';
import type { startTable } from '../../fixtures/dynamodb.ts';
import { type ManualClock, manualClock } from '../../fixtures/manual-clock.ts';

export interface ServerCall {
  readonly endpoint: 'token' | 'introspect';
  readonly client: string;
  readonly secret: string;
  readonly atMs: number;
}

/** Everything that a minter needs, on a real table, with time, secrets and authorization server in the test's hands. */
export function createWorld(
  { client, table }: Pick<Awaited<ReturnType<typeof startTable>>, 'client' | 'table'>,
  options: {
    settings?: Partial<TokenSettings>;
    random?: () => number;
    startMs?: number;
    clock?: ManualClock;
  } = {},
) {
  const settings = { ...DEFAULT_TOKEN_SETTINGS, ...options.settings };
  const clock = options.clock ?? manualClock(options.startMs);
  const calls: ServerCall[] = [];
  const metrics: { name: MetricName; value: number; labels: object }[] = [];
  const secrets = createSecretsInMemory(clock.now);
  let owners = 0;
  let serial = 0;

  const server = {
    calls,
    lifetimeSeconds: (_client: string): number => 1800,
    /** Throws or answers in place of a grant. */
    trouble: undefined as
      | ((call: ServerCall) => Promise<Response | undefined> | Response | undefined)
      | undefined,
    revoked: new Set<string>(),
    grant(name: string): Response {
      serial += 1;
      return json({
        access_token: `token-${name}-${serial}`,
        token_type: 'Bearer',
        expires_in: server.lifetimeSeconds(name),
      });
    },
    mints: (name?: string): number =>
      calls.filter((call) => call.endpoint === 'token' && (name === undefined || call.client === name))
        .length,
  };

  const fetch: typeof globalThis.fetch = async (input, init) => {
    const authorization = new Headers(init?.headers).get('authorization') ?? '';
    const [name = '', secret = ''] = atob(authorization.slice('Basic '.length)).split(':');
    const endpoint = String(input).endsWith('/introspect') ? 'introspect' : 'token';
    const call = { endpoint, client: name, secret, atMs: clock.now() } as const;
    calls.push(call);
    const answer = await server.trouble?.(call);
    if (answer !== undefined) return answer;
    if (endpoint === 'token') return server.grant(name);
    const token = new URLSearchParams(String(init?.body)).get('token') ?? '';
    return json({ active: !server.revoked.has(token) });
  };

  const telemetry: Telemetry = {
    metric: (name, value, labels) => metrics.push({ name, value, labels }),
    log: () => {},
  };
  const store = createTokenStore({ client, table });
  const clientRecords = createClientRecords({ client, table });
  const listing = createSecretListingStore({ client, table });
  const dependencies: MinterDependencies = {
    store,
    clientRecords,
    secrets,
    budget: { ...openBudget, block: async () => clock.now() + 60_000 },
    fetch,
    settings,
    clock,
    telemetry,
    random: options.random ?? (() => 0.5),
    newOwner: () => {
      owners += 1;
      return `owner-${owners}`;
    },
  };
  const minterOf = (overrides: Partial<MinterDependencies> = {}) =>
    createMinter({ ...dependencies, ...overrides });
  const farAway = () => clock.now() + 60_000;

  return {
    settings,
    clock,
    server,
    secrets,
    store,
    clientRecords,
    metrics,
    dependencies,
    minterOf,
    async token(name: string) {
      return (await store.read(name))?.token;
    },
    async request(name: string, rejected?: string, overrides: Partial<MinterDependencies> = {}) {
      const reason = { kind: 'request', rejected } as const;
      return (await minterOf(overrides).mint(name, reason, farAway())).outcome;
    },
    listing,
    tick(
      overrides: Partial<Omit<MintTickDependencies, 'minter' | 'secrets'> & MinterDependencies> = {},
      deadlineMs = farAway(),
    ): Promise<TickSummary> {
      const minter = minterOf(overrides);
      const listed = { ...secrets, ...overrides.secrets };
      return mintTick({ ...dependencies, listing, ...overrides, secrets: listed, minter }, deadlineMs);
    },
    /** Ticks as the schedule does, for a span. */
    async ticks(spanMs: number): Promise<void> {
      for (let passedMs = 0; passedMs < spanMs; passedMs += settings.tickMs) {
        clock.advance(settings.tickMs);
        await this.tick();
      }
    },
    metricsOf: (name: MetricName) => metrics.filter((metric) => metric.name === name),
  };
}

export function json(body: object, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers });
}

export const oauthError = (error: string, status = 400): Response => json({ error }, status);

/** Lets every call pass. */
const openBudget: Pick<CallBudget, 'openBook'> = {
  openBook: () => ({
    attempt: async <T>(send: () => T | undefined): Promise<Awaited<T> | undefined> => await send(),
    close: () => {},
  }),
};

/** Secrets in memory, listed like those of Secrets Manager. */
function createSecretsInMemory(now: () => number) {
  const entries = new Map<string, { value: string; versionId: string; changedAtMs: number }>();
  let versions = 0;
  const requests = { reads: 0, lists: 0, listed: 0 };

  const secrets: Secrets = {
    async read(client, onVersion) {
      requests.reads += 1;
      const entry = entries.get(client);
      if (entry === undefined) throw new SecretMissingError(client, `plume/m2m/${client}`);
      onVersion?.(entry.versionId);
      return { credentials: parseCredentials(client, entry.value), versionId: entry.versionId };
    },
    async *list({ changedSinceMs = Number.NEGATIVE_INFINITY } = {}) {
      requests.lists += 1;
      const found = [...entries].flatMap(([client, { versionId, changedAtMs }]) =>
        changedAtMs >= changedSinceMs ? [{ client, versionId, changedAtMs }] : [],
      );
      requests.listed += found.length;
      yield { entries: found };
    },
  };
  return {
    ...secrets,
    requests,
    /** Creates a client's secret or gives it another value. */
    put(client: string, clientSecret = 'secret'): void {
      versions += 1;
      const authorization = `Basic ${btoa(`${client}:${clientSecret}`)}`;
      const scope = 'partnerId:mocha-partner role:partnerIdAdmin';
      const value = JSON.stringify({ authorization, scope, tokenUrl: 'https://sso.example/v1/token' });
      entries.set(client, { value, versionId: `version-${versions}`, changedAtMs: now() });
    },
    delete: (client: string): boolean => entries.delete(client),
    /** The current version, to be restored later. */
    current: (client: string) => entries.get(client)!,
    /** Moves AWSCURRENT back to a version that was there before. */
    restore(client: string, { value, versionId }: { value: string; versionId: string }): void {
      entries.set(client, { value, versionId, changedAtMs: now() });
    },
    putRaw(client: string, value: string): void {
      versions += 1;
      entries.set(client, { value, versionId: `version-${versions}`, changedAtMs: now() });
    },
  };
}
