import { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { createDynamoCallBudget } from '../budget/dynamo-budgets.ts';
import { MINTER_TIMEOUT_MS } from '../contract.ts';
import { systemClock } from '../platform/clock.ts';
import { SDK_CONFIG } from '../platform/sdk-config.ts';
import { createServerClock, followServerClock } from '../platform/server-clock.ts';
import { createBroker, type WorkerBroker } from '../plume/broker.ts';
import { type Environment, readWorkerSettings } from '../settings.ts';
import { reportClockOffset } from '../telemetry/clock-offset.ts';
import { currentTraceHeader } from '../telemetry/invocation.ts';
import { createLambdaTelemetry } from '../telemetry/lambda-telemetry.ts';
import { createAskMinter } from '../token/ask-minter.ts';
import { createInvokeFunction } from '../token/invoke-function.ts';
import { CLAIM_MS, createMintRequests } from '../token/mint-requests.ts';
import { createTokenReader } from '../token/read-token.ts';
import { createTokenStore } from '../token/token-store.ts';

/** How long one call of Plume's API may take until its response begins. */
const API_TIMEOUT_MS = 10_000;

/**
 * Where the copies of this package in one process find the broker of the first: a module of ES and its CommonJS share
 * nothing else. Under the major version, whose brokers are alike.
 */
const SHARED: unique symbol = Symbol.for('plume-m2m-token-broker@0');
const shared = globalThis as { [SHARED]?: WorkerBroker };

/**
 * The wiring that the construct's environment variable describes. One for all middlewares of an environment: they
 * share one memory of tokens and one set of connections.
 *
 * @throws {ConfigError} naming the variable, or its key, that is missing or wrong
 */
export function brokerFromEnvironment(): WorkerBroker {
  shared[SHARED] ??= createFrom(process.env);
  return shared[SHARED];
}

function createFrom(environment: Environment): WorkerBroker {
  const broker = readWorkerSettings(environment);
  const { table, tokenLife: settings, budget: budgetSettings } = broker;
  const dynamodb = new DynamoDBClient(SDK_CONFIG);
  const telemetry = createLambdaTelemetry(broker, environment);
  const clock = systemClock;
  const serverClock = createServerClock({
    clock,
    onOffset: reportClockOffset(telemetry, budgetSettings.name),
  });
  followServerClock(dynamodb, serverClock);

  return createBroker({
    apiUrl: new URL(broker.apiUrl),
    tokens: createTokenReader({
      store: createTokenStore({ dynamodb, table }),
      requests: createMintRequests({ dynamodb, table }),
      askMinter: createAskMinter({
        invoke: createInvokeFunction({
          dynamodb: dynamodb,
          endpoint: lambdaEndpoint(environment),
          fetch,
          clock,
          repeatWithinMs: CLAIM_MS,
          traceId: () => currentTraceHeader(environment),
          random: Math.random,
        }),
        functionName: broker.minter,
        timeoutMs: MINTER_TIMEOUT_MS,
      }),
      settings,
      clock: serverClock,
      telemetry,
      random: Math.random,
    }),
    budget: createDynamoCallBudget({
      dynamodb,
      table,
      settings: budgetSettings,
      clock: serverClock,
      telemetry,
    }),
    fetch,
    clock,
    telemetry,
    timeoutMs: API_TIMEOUT_MS,
  });
}

/** By the variables that every SDK client reads for itself. */
function lambdaEndpoint({ AWS_ENDPOINT_URL_LAMBDA, AWS_ENDPOINT_URL }: Environment): string | undefined {
  return AWS_ENDPOINT_URL_LAMBDA || AWS_ENDPOINT_URL || undefined;
}
