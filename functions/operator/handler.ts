import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { MINTER_TIMEOUT_MS } from '../../lib/contract.ts';
import { systemClock } from '../../lib/platform/clock.ts';
import { SDK_CONFIG } from '../../lib/platform/sdk-config.ts';
import { createServerClock, followServerClock } from '../../lib/platform/server-clock.ts';
import { readOperatorSettings } from '../../lib/settings.ts';
import { errorFields } from '../../lib/telemetry/error-fields.ts';
import { createLambdaTelemetry } from '../../lib/telemetry/lambda-telemetry.ts';
import { createAskMinter } from '../../lib/token/ask-minter.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createOperatorClients } from './clients.ts';
import { createOperatorCounters } from './counters.ts';
import { operate } from './operate.ts';
import { parseOrder } from './order.ts';
import { createOrderStore } from './order-store.ts';

/** Carries out what people on call order. Workers have no right to invoke it. */

const { service, metrics, table, minter, secretPrefix, budget: settings } = readOperatorSettings(process.env);
const telemetry = createLambdaTelemetry({ service, metrics }, process.env);
const dynamodb = new DynamoDBClient(SDK_CONFIG);
const clock = createServerClock({ clock: systemClock });
followServerClock(dynamodb, clock);
const secretsManager = new SecretsManagerClient(SDK_CONFIG);
// As long as a mint takes: its own time-out is the limit.
const lambda = new LambdaClient({ maxAttempts: 1 });
const clients = createOperatorClients({ dynamodb, secretsManager, table, secretPrefix });

export const handler = async (event: unknown): Promise<unknown> => {
  try {
    return await operate(parseOrder(event, settings.name), {
      orders: createOrderStore({ dynamodb, table, now: clock.now }),
      counters: createOperatorCounters({ dynamodb, table, settings }),
      clients,
      requests: createMintRequests({ dynamodb, table }),
      askMinter: createAskMinter({
        functionName: minter,
        timeoutMs: MINTER_TIMEOUT_MS,
        invoke: async (FunctionName, request, abortSignal) => {
          const { Payload } = await lambda.send(
            new InvokeCommand({ FunctionName, Payload: JSON.stringify(request) }),
            { abortSignal },
          );
          return JSON.parse(Payload?.transformToString() || 'null');
        },
      }),
      now: clock.now,
      telemetry,
    });
  } catch (error) {
    telemetry.log('error', 'an order was not carried out', { error: errorFields(error) });
    throw error;
  } finally {
    telemetry.flush();
  }
};
