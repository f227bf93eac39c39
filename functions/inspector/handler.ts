import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { readBudgetStatus } from '../../lib/budget/budget-status.ts';
import { createDynamoMintBudget } from '../../lib/budget/dynamo-budgets.ts';
import { createSecrets } from '../../lib/credentials/secrets.ts';
import { isPlumeError } from '../../lib/errors.ts';
import { createClientItems } from '../../lib/minter/client-item.ts';
import { queryDueClients } from '../../lib/minter/due-clients.ts';
import { introspect } from '../../lib/oauth/introspection-request.ts';
import { systemClock } from '../../lib/platform/clock.ts';
import { endpointUse } from '../../lib/platform/endpoint-url.ts';
import { SDK_CONFIG } from '../../lib/platform/sdk-config.ts';
import { createServerClock, followServerClock } from '../../lib/platform/server-clock.ts';
import { readMinterSettings } from '../../lib/settings.ts';
import { reportClockOffset } from '../../lib/telemetry/clock-offset.ts';
import { errorFields } from '../../lib/telemetry/error-fields.ts';
import { createLambdaTelemetry } from '../../lib/telemetry/lambda-telemetry.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { answerRule } from '../../lib/waf/answer-rule.ts';
import { asksForBudget, inspect } from './inspect.ts';

/** Reports on tokens: for people and for alarms' first moves. */

/** Its one request, as errors name it. */
const ASKED = 'a request for introspection';
/** Introspection waits this long for a ticket of the minter's stream. */
const MAX_WAIT_MS = 20_000;

const {
  service,
  metrics,
  table,
  secretPrefix,
  tokenLife: settings,
  budget: budgetSettings,
} = readMinterSettings(process.env);
const dynamodb = new DynamoDBClient(SDK_CONFIG);
const telemetry = createLambdaTelemetry({ service, metrics }, process.env);
const clock = createServerClock({
  clock: systemClock,
  onOffset: reportClockOffset(telemetry, budgetSettings.name),
});
followServerClock(dynamodb, clock);
const secrets = createSecrets({
  secretsManager: new SecretsManagerClient(SDK_CONFIG),
  prefix: secretPrefix,
  endpointUse: endpointUse(process.env),
  onRejected: ({ secretName, rule }) =>
    telemetry.log('error', 'a secret was ignored: it belongs to no client', { secretName, rule }),
});
const budget = createDynamoMintBudget({
  dynamodb,
  table,
  settings: budgetSettings,
  tellsBreaker: false,
  clock,
  telemetry,
});

export const handler = async (event: unknown) => {
  const book = budget.openBook({ kind: 'inspection', patienceMs: () => MAX_WAIT_MS });
  try {
    if (asksForBudget(event)) {
      const where = { dynamodb, table, settings: budgetSettings };
      return await readBudgetStatus(budgetSettings.name, clock.now(), where);
    }
    return await inspect(event, {
      settings,
      store: createTokenStore({ dynamodb, table }),
      records: createClientItems({ dynamodb, table }),
      requests: createMintRequests({ dynamodb, table }),
      listSecrets,
      hasSecret,
      listKnown: async () => {
        const known = await queryDueClients({ dynamodb, table }, undefined);
        return known.map(({ client }) => client);
      },
      introspect: async (client, token) => {
        const secret = await secrets.read(client);
        return introspect(secret.credentials(), token.value, {
          fetch,
          now: clock.now,
          timeoutMs: settings.requestTimeoutMs,
          attempt: async (send) =>
            (await book.attempt(({ isValid }) => send(isValid), {
              waf: answerRule(client, ASKED, budget.isWafBlock),
            })) as Response,
        });
      },
      now: clock.now,
    });
  } finally {
    book.close();
    telemetry.flush();
  }
};

/** If Secrets Manager cannot be asked, the report leaves out what only it knows. */
async function unlessUnavailable<Result>(ask: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!isPlumeError(error) || error.code !== 'secret_unavailable') throw error;
    telemetry.log('warn', 'a secret could not be read or listed, so the report leaves it out', {
      error: errorFields(error),
    });
    return undefined;
  }
}

function listSecrets(): Promise<readonly string[] | undefined> {
  return unlessUnavailable(async () => {
    const pages = await Array.fromAsync(secrets.list());
    return pages.flatMap(({ entries, unusable }) => [...entries.map(({ client }) => client), ...unusable]);
  });
}

function hasSecret(client: string): Promise<boolean | undefined> {
  return unlessUnavailable(async () => {
    try {
      await secrets.read(client);
      return true;
    } catch (error) {
      if (isPlumeError(error) && error.code === 'secret_missing') return false;
      throw error;
    }
  });
}
