import { randomUUID } from 'node:crypto';

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Context } from 'aws-lambda';

import { createDynamoMintBudget } from '../../lib/budget/dynamo-budgets.ts';
import { reportPauses } from '../../lib/budget/report-pauses.ts';
import { reportResting } from '../../lib/budget/report-resting.ts';
import { createSecrets } from '../../lib/credentials/secrets.ts';
import { createClientRecords } from '../../lib/minter/client-records.ts';
import { createDeleteClient } from '../../lib/minter/delete-client.ts';
import { createMinter } from '../../lib/minter/minter.ts';
import { createSecretListingStore } from '../../lib/minter/secret-listing.ts';
import { runTick, type TickSummary } from '../../lib/minter/tick.ts';
import { systemClock } from '../../lib/platform/clock.ts';
import { endpointUse } from '../../lib/platform/endpoint-url.ts';
import { SDK_CONFIG } from '../../lib/platform/sdk-config.ts';
import { createServerClock, followServerClock } from '../../lib/platform/server-clock.ts';
import { readMinterSettings, readWatchedStreams } from '../../lib/settings.ts';
import { reportClockOffset } from '../../lib/telemetry/clock-offset.ts';
import { errorFields } from '../../lib/telemetry/error-fields.ts';
import { createLambdaTelemetry } from '../../lib/telemetry/lambda-telemetry.ts';
import type { MintOutcome } from '../../lib/token/mint-outcome.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { parseEvent } from './event.ts';

/** The only function that reads secrets and asks for tokens. Tokens leave it only through the table. */

/** Kept free at the end of an invocation to record what happened. */
const MARGIN_MS = 2_000;

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

const clientRecords = createClientRecords({ dynamodb, table });
const listing = createSecretListingStore({ dynamodb, table });
const secrets = createSecrets({
  secretsManager: new SecretsManagerClient(SDK_CONFIG),
  prefix: secretPrefix,
  endpointUse: endpointUse(process.env),
  onRejected: ({ secretName, rule }) =>
    telemetry.log('error', 'a secret was ignored: it belongs to no client', { secretName, rule }),
});
const minter = createMinter({
  store: createTokenStore({ dynamodb, table }),
  clientRecords,
  mintRequests: createMintRequests({ dynamodb, table }),
  secrets,
  budget: createDynamoMintBudget({
    dynamodb,
    table,
    settings: budgetSettings,
    clock,
    telemetry,
  }),
  fetch,
  settings,
  clock,
  telemetry,
  random: Math.random,
  newOwner: randomUUID,
});

const removal = { deleteClient: createDeleteClient({ dynamodb, table }), newOwner: randomUUID };

const watched = {
  dynamodb: dynamodb,
  table,
  streams: readWatchedStreams(process.env, budgetSettings.name),
  now: clock.now,
  telemetry,
};

export async function handler(event: unknown, context: Context): Promise<MintOutcome | TickSummary> {
  const timeLeftMs = (): number => context.getRemainingTimeInMillis() - MARGIN_MS;
  try {
    const parsed = parseEvent(event);
    if (parsed.kind === 'tick') {
      const dependencies = { clientRecords, listing, secrets, minter, settings, clock, telemetry };
      const tick = runTick({ ...dependencies, ...removal }, timeLeftMs);
      const [summary] = await Promise.all([tick, reportResting(watched), reportPauses(watched)]);
      return summary;
    }
    const { outcome } = await minter.mint(parsed.client, parsed, timeLeftMs);
    return outcome;
  } catch (error) {
    telemetry.log('error', 'the minter failed', { error: errorFields(error) });
    throw error;
  } finally {
    telemetry.flush();
  }
}
