import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { LOCAL_SDK_CONFIG } from '../../../infra/local/emulators/local.ts';
import { startSecretsManager } from '../../../infra/local/emulators/secrets-manager/secrets-manager.ts';
import { authorizationOf, type CloudClient, scopeOf } from '../../../infra/local/plume-cloud/clients.ts';
import { type PlumeCloud, startPlumeCloud } from '../../../infra/local/plume-cloud/plume-cloud.ts';
import { DEFAULT_SECRET_PREFIX, DEFAULT_SERVICE, ENV } from '../../../lib/contract.ts';
import type { MinterSettings } from '../../../lib/settings.ts';
import { createMintRequests } from '../../../lib/token/mint-requests.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';
import { createTokenStore } from '../../../lib/token/token-store.ts';
import { ABUNDANT_BUDGET, fillBudget } from '../../fixtures/abundant-budget.ts';
import { expectNoTrace } from '../../fixtures/leaks.ts';
import { startTable, type Table } from '../../fixtures/table.ts';

const SECRETS = ['marker-secret-7f3a91c2d4', 'marker-wrong-secret-5be07c'] as const;
const mocha: CloudClient = {
  name: 'mocha',
  clientId: '0oa1mocha',
  clientSecret: SECRETS[0],
  partner: 'mocha-partner',
  lifetimeSeconds: 1800,
};

let engine: Table;
let cloud: PlumeCloud;
let secretsServer: Awaited<ReturnType<typeof startSecretsManager>>;
let secrets: SecretsManagerClient;
let handler: typeof import('../../../functions/minter/handler.ts').handler;
const output: string[] = [];

/** Too little for a second try of what the server refuses. */
const context = { getRemainingTimeInMillis: () => 4_000 } as Context;
const secretOf = (client: CloudClient) =>
  JSON.stringify({
    authorization: authorizationOf(client),
    tokenUrl: cloud.tokenUrl,
    scope: scopeOf(client),
  });

beforeAll(async () => {
  engine = await startTable();
  secretsServer = await startSecretsManager(Date.now);
  cloud = await startPlumeCloud({
    clients: [mocha],
    waf: { limit: 1_000, windowMs: 60_000, release: 'rolling' },
    latencyMs: 0,
    record: () => {},
    now: Date.now,
  });
  secrets = new SecretsManagerClient({ ...LOCAL_SDK_CONFIG, endpoint: secretsServer.url });
  const { endpoint } = engine.dynamodb.config;
  const url = await endpoint?.();
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', `http://${url?.hostname}:${url?.port}`);
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', secretsServer.url);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  await fillBudget(engine);
  const broker: MinterSettings = {
    table: engine.table,
    apiUrl: cloud.apiUrl,
    service: DEFAULT_SERVICE,
    metrics: 'alarmed',
    tokenLife: { ...DEFAULT_TOKEN_SETTINGS, requestTimeoutMs: 1_000 },
    budget: ABUNDANT_BUDGET,
    secretPrefix: DEFAULT_SECRET_PREFIX,
  };
  vi.stubEnv(ENV.broker, JSON.stringify(broker));
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => output.push(String(chunk)) > 0);
  }
  ({ handler } = await import('../../../functions/minter/handler.ts'));
});

afterAll(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  secrets.destroy();
  await Promise.all([engine.stop(), cloud.stop(), secretsServer.stop()]);
});

test('mints at a tick, answers requests, and shows neither secret nor token', async () => {
  const store = createTokenStore(engine);
  await secrets.send(new CreateSecretCommand({ Name: 'plume/m2m/mocha', SecretString: secretOf(mocha) }));
  await secrets.send(
    new CreateSecretCommand({ Name: 'plume/m2m/broken', SecretString: '{"authorization":7}' }),
  );
  await secrets.send(new CreateSecretCommand({ Name: 'plume/m2m/a/b', SecretString: 'x' }));

  expect(await handler({ kind: 'tick' }, context)).toMatchObject({ discovered: 2, minted: 1, failed: 1 });
  const first = (await store.read('mocha'))?.token;
  expect(await handler({ kind: 'request', client: 'mocha' }, context)).toEqual({
    status: 'current',
    fingerprint: first?.fingerprint,
  });
  expect(await handler({ kind: 'request', client: 'mocha', rejected: first?.fingerprint }, context)).toEqual({
    status: 'pending',
    retryAtMs: (first?.issuedAtMs ?? 0) + 5_000,
  });
  const requests = createMintRequests(engine);
  await requests.claim('broken', undefined, Date.now());
  expect(await handler({ kind: 'request', client: 'broken' }, context)).toMatchObject({
    status: 'failed',
    code: 'secret_malformed',
  });
  await requests.claim('nobody', undefined, Date.now());
  expect(await handler({ kind: 'request', client: 'nobody' }, context)).toMatchObject({
    status: 'failed',
    code: 'secret_missing',
  });

  await secrets.send(
    new PutSecretValueCommand({
      SecretId: 'plume/m2m/mocha',
      SecretString: secretOf({ ...mocha, clientSecret: SECRETS[1] }),
    }),
  );
  expect(await handler({ kind: 'tick' }, context)).toMatchObject({ discovered: 1, failed: 1, resting: 1 });
  expect(await store.read('mocha')).toMatchObject({ token: first, failure: { code: 'invalid_client' } });

  await secrets.send(
    new PutSecretValueCommand({ SecretId: 'plume/m2m/mocha', SecretString: secretOf(mocha) }),
  );
  expect(await handler({ kind: 'tick' }, context)).toMatchObject({ discovered: 1, minted: 1 });
  const second = (await store.read('mocha'))?.token;
  expect(second?.fingerprint).not.toBe(first?.fingerprint);

  await secrets.send(
    new DeleteSecretCommand({ SecretId: 'plume/m2m/mocha', ForceDeleteWithoutRecovery: true }),
  );
  const text = output.join('');
  expect(text).toContain('MintFailed');
  expect(text).toContain('TokenMinted');
  expect(text).toContain('a secret was ignored: it belongs to no client');
  expectNoTrace(text, [...SECRETS, first?.value ?? '', second?.value ?? '']);
});

test.each([
  ['no event', undefined],
  ['another kind', { kind: 'tock' }],
  ['no client', { kind: 'request' }],
  ['a client that is no name', { kind: 'request', client: 'mocha/../latte' }],
  ['a token in place of a fingerprint', { kind: 'request', client: 'mocha', rejected: SECRETS[0] }],
])('%s: a clear refusal', async (_name, event) => {
  const error = await handler(event, context).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'config_invalid' });
  expectNoTrace(error, SECRETS);
});
