import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { entryOf, FUNCTION_NAMES, type FunctionName } from '../../infra/bundling.ts';
import { bundle } from '../../infra/local/emulators/bundles.ts';
import {
  type CountingProxy,
  startCountingProxy,
} from '../../infra/local/emulators/dynamodb/counting-proxy.ts';
import { startEngine } from '../../infra/local/emulators/dynamodb/engine.ts';
import { createTable } from '../../infra/local/emulators/dynamodb/table.ts';
import type { FunctionPool } from '../../infra/local/emulators/lambda/function-pool.ts';
import { startLambda } from '../../infra/local/emulators/lambda/lambda.ts';
import { ownedBy } from '../../infra/local/emulators/owned.ts';
import { LOCAL_SDK_CONFIG } from '../../infra/local/emulators/sdk-config.ts';
import { startSecretsManager } from '../../infra/local/emulators/secrets-manager/secrets-manager.ts';
import { createFacts, type Facts } from '../../infra/local/run/facts.ts';
import type { BudgetSettings } from '../../lib/budget/settings.ts';
import { DEFAULT_SECRET_PREFIX, ENV } from '../../lib/contract.ts';
import type { TokenSettings } from '../../lib/token/settings.ts';

/** The endpoints that functions talk to. */
export type Endpoint = 'dynamodb' | 'secrets-manager' | 'lambda' | 'sqs';

export interface SystemOptions {
  /** Functions of `test/system/functions`, besides the real ones. */
  readonly testFunctions: readonly string[];
  readonly token: Partial<TokenSettings>;
  readonly budget: BudgetSettings;
  /** Puts something between the functions and an endpoint. @default - nothing */
  readonly tap?: (endpoint: Endpoint, url: string) => Promise<{ url: string; stop(): Promise<void> }>;
}

/** The parts of the local world, put together by a test: no schedule, no events, nothing happens by itself. */
export interface System {
  readonly facts: Facts;
  readonly table: CountingProxy;
  /** What the table is on, past the proxy that counts. */
  readonly engineUrl: string;
  /** What every function gets; the minter and the inspector `withSecrets` besides. */
  readonly environment: Readonly<Record<string, string>>;
  readonly withSecrets: Readonly<Record<string, string>>;
  readonly dynamo: DynamoDBClient;
  readonly tableName: string;
  readonly secretsManager: SecretsManagerClient;
  /** Adds a function by the name of its bundle, or of `as` if that is given. */
  add(
    bundleName: FunctionName | (string & {}),
    options: { as?: string; environment: Readonly<Record<string, string>>; concurrency?: number },
  ): FunctionPool;
  /** Through Lambda's Invoke API, as everybody does. */
  invoke(name: string, event: unknown): Promise<{ failed: boolean; answer: unknown }>;
  createSecret(client: string, secretString: string): Promise<void>;
  /** For parts that the test starts itself. */
  defer(stop: () => Promise<unknown>): void;
  stop(): Promise<void>;
}

export async function startSystem(options: SystemOptions): Promise<System> {
  await using stack = new AsyncDisposableStack();
  const owned = ownedBy(stack);
  const tap = async (endpoint: Endpoint, url: string): Promise<string> =>
    options.tap === undefined ? url : owned(await options.tap(endpoint, url)).url;

  const bundles = await bundle<string>({
    ...Object.fromEntries(FUNCTION_NAMES.map((name) => [name, entryOf(name)])),
    ...Object.fromEntries(
      options.testFunctions.map((name) => [
        name,
        fileURLToPath(new URL(`./functions/${name}.ts`, import.meta.url)),
      ]),
    ),
  });
  stack.defer(() => bundles.remove());
  const facts = createFacts(Date.now);
  const engine = owned(await startEngine(process.env.AWS_ENDPOINT_URL_DYNAMODB));
  const table = owned(await startCountingProxy(engine.url, facts.record));
  const secretsServer = owned(await startSecretsManager(Date.now));
  const lambda = owned(await startLambda(facts.record));

  const dynamo = new DynamoDBClient({ ...LOCAL_SDK_CONFIG, endpoint: engine.url });
  const secretsManager = new SecretsManagerClient({ ...LOCAL_SDK_CONFIG, endpoint: secretsServer.url });
  const client = new LambdaClient({
    ...LOCAL_SDK_CONFIG,
    endpoint: await tap('lambda', lambda.url),
    maxAttempts: 1,
  });
  stack.defer(async () => {
    for (const sdk of [dynamo, secretsManager, client]) sdk.destroy();
  });
  const tableName = `plume-${randomUUID()}`;
  await createTable(dynamo, tableName);

  const environment = {
    AWS_REGION: LOCAL_SDK_CONFIG.region,
    AWS_ACCESS_KEY_ID: LOCAL_SDK_CONFIG.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_SDK_CONFIG.credentials.secretAccessKey,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_ENDPOINT_URL_DYNAMODB: await tap('dynamodb', table.url),
    AWS_ENDPOINT_URL_LAMBDA: await tap('lambda', lambda.url),
    [ENV.table]: tableName,
    [ENV.minterFunction]: 'minter',
    [ENV.tokenSettings]: JSON.stringify(options.token),
    [ENV.budgetSettings]: JSON.stringify(options.budget),
  };
  const withSecrets = {
    ...environment,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: await tap('secrets-manager', secretsServer.url),
    [ENV.secretPrefix]: DEFAULT_SECRET_PREFIX,
  };

  const parts = stack.move();
  return {
    facts,
    table,
    engineUrl: engine.url,
    environment,
    withSecrets,
    dynamo,
    tableName,
    secretsManager,
    add: (bundleName, { as = bundleName, environment, concurrency = 10 }) =>
      lambda.add({
        name: as,
        bundleUrl: bundles.urlOf(bundleName),
        environment,
        concurrency,
        timeoutMs: 30_000,
        memoryMb: 256,
      }),
    async invoke(FunctionName, event) {
      const { Payload, FunctionError } = await client.send(
        new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }),
      );
      return {
        failed: FunctionError !== undefined,
        answer: JSON.parse(Payload?.transformToString() ?? 'null'),
      };
    },
    async createSecret(name, SecretString) {
      await secretsManager.send(
        new CreateSecretCommand({ Name: `${DEFAULT_SECRET_PREFIX}/${name}`, SecretString }),
      );
    },
    defer: (stop) => parts.defer(async () => void (await stop())),
    stop: () => parts.disposeAsync(),
  };
}
