import pMap from 'p-map';
import * as v from 'valibot';
import { ConfigError, isPlumeError } from '../../lib/errors.ts';
import type { ClientItems } from '../../lib/minter/client-item.ts';
import type { Introspection } from '../../lib/oauth/introspection-request.ts';
import { checkClientName } from '../../lib/platform/client-name.ts';
import type { Now } from '../../lib/platform/clock.ts';
import type { AccessToken } from '../../lib/token/access-token.ts';
import type { MintRequests } from '../../lib/token/mint-requests.ts';
import type { TokenSettings } from '../../lib/token/settings.ts';
import type { TokenStore } from '../../lib/token/token-store.ts';
import {
  type Asked,
  type ClientFacts,
  type ClientRow,
  clientRow,
  iso,
  NOT_ASKED,
  nextStep,
} from './client-row.ts';

export interface InspectorDependencies {
  readonly settings: TokenSettings;
  readonly store: Pick<TokenStore, 'read'>;
  readonly records: Pick<ClientItems, 'read'>;
  readonly requests: Pick<MintRequests, 'lastClaim'>;
  /** Clients with a secret; undefined if Secrets Manager could not be asked. */
  readonly listSecrets: () => Promise<readonly string[] | undefined>;
  /** Whether a client has one; undefined if Secrets Manager could not be asked. */
  readonly hasSecret: (client: string) => Promise<boolean | undefined>;
  /** Clients that the minter looks after: also those whose secret is gone. */
  readonly listKnown: () => Promise<readonly string[]>;
  readonly introspect: (client: string, token: AccessToken) => Promise<Introspection>;
  /** Corrected. */
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

/** Whether the event is `{ budget: true }`: that asks for the state of the call budget, and for no client. */
export function asksForBudget(event: unknown): boolean {
  return v.is(v.strictObject({ budget: v.literal(true) }), event);
}

/**
 * @param event `{}` for all clients, `{ client }` for one, `{ client, introspect: true }` to ask the authorization
 * server as well: that takes a ticket of the minter's stream, hence one client at a time
 * @returns a row for each client, by name
 * @throws {ConfigError} the event is of another shape
 */
export async function inspect(
  event: unknown,
  dependencies: InspectorDependencies,
): Promise<readonly ClientRow[]> {
  const parsed = v.safeParse(eventSchema, event);
  if (!parsed.success) {
    throw new ConfigError(
      'the event must be {}, { "client": "<name>" }, { "client": "<name>", "introspect": true } or { "budget": true }',
    );
  }
  const { client, introspect = false } = parsed.output;
  return client === undefined
    ? inspectAll(dependencies)
    : [await inspectOne(checkClientName(client), introspect, dependencies)];
}

async function inspectOne(
  client: string,
  introspect: boolean,
  dependencies: InspectorDependencies,
): Promise<ClientRow> {
  const { hasSecret, settings, now } = dependencies;
  const isThere = await hasSecret(client);
  const facts = await factsOf(client, isThere, dependencies);
  const asked =
    introspect && facts.token ? await introspectionOf(client, facts.token, dependencies) : NOT_ASKED;
  return clientRow(facts, { nowMs: now(), place: null, asked }, settings);
}

async function inspectAll(dependencies: InspectorDependencies): Promise<readonly ClientRow[]> {
  const { listSecrets, listKnown, settings, now } = dependencies;
  const [withSecret, known] = await Promise.all([listSecrets(), listKnown()]);
  const there = withSecret && new Set(withSecret);
  const names = [...new Set([...(withSecret ?? []), ...known])].sort();
  const facts = await pMap(names, (client) => factsOf(client, there?.has(client), dependencies), {
    concurrency: CONCURRENCY,
  });
  const places = placesOf(facts, settings);
  return facts.map((one) =>
    clientRow(one, { nowMs: now(), place: places.get(one.client) ?? null, asked: NOT_ASKED }, settings),
  );
}

async function factsOf(
  client: string,
  isThere: boolean | undefined,
  { store, records, requests }: InspectorDependencies,
): Promise<ClientFacts> {
  const [stored, record, claim] = await Promise.all([
    store.read(client),
    records.read(client),
    requests.lastClaim(client),
  ]);
  const secret = isThere === undefined ? null : isThere ? 'there' : 'gone';
  return { client, token: stored?.token, record, claim, secret };
}

/** The order in which the minter looks at the clients next, from 1 on. */
function placesOf(facts: readonly ClientFacts[], settings: TokenSettings): ReadonlyMap<string, number> {
  const due = facts.flatMap(({ client, record }) => {
    const step = nextStep(record, settings);
    return step ? [{ client, atMs: step.atMs }] : [];
  });
  return new Map(
    due.toSorted((a, b) => a.atMs - b.atMs).map(({ client }, index): [string, number] => [client, index + 1]),
  );
}

async function introspectionOf(
  client: string,
  token: AccessToken,
  { introspect }: InspectorDependencies,
): Promise<Asked> {
  try {
    const answer = await introspect(client, token);
    if (!answer.active) return { ...NOT_ASKED, active: false };
    const { expSeconds, scope = null } = answer;
    const activeUntil = iso(expSeconds === undefined ? undefined : expSeconds * 1000);
    return { ...NOT_ASKED, active: true, activeUntil, scope };
  } catch (error) {
    if (!isPlumeError(error)) throw error;
    return { ...NOT_ASKED, introspectionError: error.code };
  }
}
