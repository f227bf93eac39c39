import { SecretsProvider } from '@aws-lambda-powertools/parameters/secrets';
import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { OAuth2Client } from '@badgateway/oauth2-client';
import { LOCAL_SDK_CONFIG } from '../../infra/local/emulators/local.ts';
import { authorizationOf, scopeOf } from '../../infra/local/plume-cloud/clients.ts';
import { DEFAULT_SECRET_PREFIX, TABLE } from '../../lib/contract.ts';
import { parseCredentials } from '../../lib/credentials/credentials.ts';
import { requestToken } from '../../lib/oauth/token-request.ts';
import { systemClock } from '../../lib/platform/clock.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createTokenReader } from '../../lib/token/read-token.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../lib/token/settings.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { askMinterOf, type ColdWorld } from './cold-world.ts';
import { countRequests } from './count-requests.ts';

/** A way to a token. */
export interface Contender {
  readonly name: string;
  /** Nobody has a token any more. */
  forget(): Promise<void>;
  /** An instance with an empty memory: its way to its first token. */
  caller(): () => Promise<string>;
  stop(): void;
}

const NOTHING = { forget: async () => {}, stop: () => {} };
/** As many connections as callers: each instance has its own. */
const UNCROWDED = { ...LOCAL_SDK_CONFIG, requestHandler: { httpAgent: { maxSockets: 1_000 } } };

/** Past the proxy that counts for the minter: it would take its time. */
function tableOf({ engineUrl, tableName }: ColdWorld['system']) {
  return { dynamodb: new DynamoDBClient({ ...UNCROWDED, endpoint: engineUrl }), table: tableName };
}

/** The token reader of lib/token, the real minter behind it. */
export function brokerContender({ system, client, counted }: ColdWorld): Contender {
  const table = tableOf(system);
  countRequests(table.dynamodb, () => {
    counted.table += 1;
  });
  return {
    name: 'broker',
    async forget() {
      for (const pk of [TABLE.tokenKey, TABLE.mintKey, TABLE.requestKey].map((key) => key(client.name))) {
        const Key = { [TABLE.partitionKey]: { S: pk } };
        await system.dynamodb.send(new DeleteItemCommand({ TableName: system.tableName, Key }));
      }
    },
    caller() {
      const reader = createTokenReader({
        store: createTokenStore(table),
        requests: createMintRequests(table),
        askMinter: askMinterOf(system),
        settings: DEFAULT_TOKEN_SETTINGS,
        clock: systemClock,
        telemetry: silentTelemetry,
        random: Math.random,
      });
      return async () => {
        const { token } = await reader.get(client.name, { waitUntilMs: systemClock.now() + 30_000 });
        return token.value;
      };
    },
    stop: () => table.dynamodb.destroy(),
  };
}

/** Nothing but the three requests that a caller of the broker makes at least when it comes too early. */
export function bareContender({ system }: ColdWorld): Contender {
  const table = tableOf(system);
  const store = createTokenStore(table);
  const requests = createMintRequests(table);
  return {
    name: 'bare requests',
    forget: async () => {},
    caller: () => async () => {
      await store.read('bare');
      await requests.claim('bare', undefined, Date.now());
      await store.read('bare');
      return 'none';
    },
    stop: () => table.dynamodb.destroy(),
  };
}

/** Each instance knows the secret and asks for a token of its own, with oauth4webapi. */
export function mintContender({ client, tokenUrl }: ColdWorld): Contender {
  const secret = { authorization: authorizationOf(client), tokenUrl, scope: scopeOf(client) };
  const credentials = parseCredentials(client.name, JSON.stringify(secret));
  return {
    ...NOTHING,
    name: 'each its own, oauth4webapi',
    caller: () => async () => {
      const grant = await requestToken(credentials, { fetch, now: systemClock.now, timeoutMs: 30_000 });
      return grant.accessToken;
    },
  };
}

/** The same with `@badgateway/oauth2-client` as its README shows it. */
export function libraryContender({ client, tokenUrl }: ColdWorld): Contender {
  const { clientId, clientSecret } = client;
  return {
    ...NOTHING,
    name: 'each its own, @badgateway/oauth2-client',
    caller() {
      const oauth = new OAuth2Client({ clientId, clientSecret, tokenEndpoint: tokenUrl });
      return async () => (await oauth.clientCredentials({ scope: scopeOf(client).split(' ') })).accessToken;
    },
  };
}

/** Each instance reads the secret with Powertools' parameters, then asks for a token of its own. */
export function powertoolsContender({ client, secretsUrl }: ColdWorld): Contender {
  const awsSdkV3Client = new SecretsManagerClient({ ...UNCROWDED, endpoint: secretsUrl });
  return {
    name: 'each its own, secret by Powertools getSecret',
    forget: async () => {},
    caller() {
      const provider = new SecretsProvider({ awsSdkV3Client });
      return async () => {
        const value = await provider.get(`${DEFAULT_SECRET_PREFIX}/${client.name}`);
        const credentials = parseCredentials(client.name, String(value));
        const grant = await requestToken(credentials, { fetch, now: systemClock.now, timeoutMs: 30_000 });
        return grant.accessToken;
      };
    },
    stop: () => awsSdkV3Client.destroy(),
  };
}
