import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LOCAL_SDK_CONFIG } from '../../infra/local/emulators/local.ts';
import { authorizationOf, scopeOf } from '../../infra/local/plume-cloud/clients.ts';
import { createDynamoCallBudget } from '../../lib/budget/dynamo-budgets.ts';
import { parseCredentials } from '../../lib/credentials/credentials.ts';
import { requestToken } from '../../lib/oauth/token-request.ts';
import { systemClock } from '../../lib/platform/clock.ts';
import { createServerClock, followServerClock } from '../../lib/platform/server-clock.ts';
import { createBroker } from '../../lib/plume/broker.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createTokenReader } from '../../lib/token/read-token.ts';
import type { TokenSettings } from '../../lib/token/settings.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { askMinterOf, type ColdWorld } from './cold-world.ts';

/** Makes one call of the API. Answers whether it succeeded in the end. */
type Call = () => Promise<boolean>;

export interface RecoverContender {
  readonly name: string;
  /** An instance with a memory of its own. */
  instance(): Call;
  /** What a schedule does beside the calls. */
  readonly tick?: () => Promise<unknown>;
  stop(): void;
}

const PATH = '/api/v1/locations';

/** The whole of lib: reader, budget, calls; the real minter behind it. */
export function brokerContender(world: ColdWorld, settings: TokenSettings): RecoverContender {
  const { system, client, cloud, budget } = world;
  const dynamodb = new DynamoDBClient({ ...LOCAL_SDK_CONFIG, endpoint: system.engineUrl });
  const table = { dynamodb, table: system.tableName };
  const clock = createServerClock({ clock: systemClock });
  followServerClock(dynamodb, clock);
  const shared = { clock: systemClock, telemetry: silentTelemetry };
  return {
    name: 'broker',
    instance() {
      const plume = createBroker({
        ...shared,
        apiUrl: new URL(cloud.apiUrl),
        tokens: createTokenReader({
          ...shared,
          store: createTokenStore(table),
          requests: createMintRequests(table),
          askMinter: askMinterOf(system),
          settings,
          random: Math.random,
        }),
        budget: createDynamoCallBudget({ ...shared, ...table, clock, settings: budget }),
        fetch,
        timeoutMs: 5_000,
      });
      return async () => {
        const invocation = {
          client: client.name,
          patienceMs: () => 10_000,
          endsInMs: Number.POSITIVE_INFINITY,
        };
        const session = plume.open(invocation);
        try {
          return await isOk(await session.fetch(PATH));
        } catch {
          return false;
        } finally {
          await session.close();
        }
      };
    },
    tick: () => system.invoke('minter', { kind: 'tick' }),
    stop: () => dynamodb.destroy(),
  };
}

/** Each instance keeps its own token until it expires. */
export function cacheContender(
  { client, cloud, tokenUrl }: ColdWorld,
  { graceMs }: TokenSettings,
  options: { readonly dropsRejected: boolean },
): RecoverContender {
  const secret = { authorization: authorizationOf(client), tokenUrl, scope: scopeOf(client) };
  const credentials = parseCredentials(client.name, JSON.stringify(secret));
  const url = new URL(PATH, cloud.apiUrl);
  return {
    name: options.dropsRejected
      ? 'cached per instance, dropped at a 401'
      : 'cached per instance until it expires',
    instance() {
      let held: Promise<{ value: string; untilMs: number }> | undefined;
      const mint = async () => {
        const grant = await requestToken(credentials, { fetch, now: systemClock.now, timeoutMs: 10_000 });
        const untilMs = grant.requestedAtMs + 1000 * (grant.expiresInSeconds ?? 0) - graceMs;
        return { value: grant.accessToken, untilMs };
      };
      const token = async () => {
        held ??= mint();
        const found = held;
        if (systemClock.now() < (await found).untilMs) return found;
        if (held === found) held = mint();
        return held;
      };
      const attempt = async (): Promise<{ ok: boolean; value: string }> => {
        const { value } = await token();
        const response = await fetch(url, { headers: { authorization: `Bearer ${value}` } });
        return { ok: await isOk(response), value };
      };
      return async () => {
        const first = await attempt();
        if (first.ok || !options.dropsRejected) return first.ok;
        if ((await held)?.value === first.value) held = undefined;
        return (await attempt()).ok;
      };
    },
    stop: () => {},
  };
}

async function isOk(response: Response): Promise<boolean> {
  await response.arrayBuffer();
  return response.status === 200;
}
