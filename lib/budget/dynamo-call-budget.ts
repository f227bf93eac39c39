import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { BudgetStream } from '../contract.ts';
import type { Clock } from '../platform/clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { type CallBudget, createCallBudget } from './call-budget.ts';
import { createServerClock, followServerClock } from './clock-offset.ts';
import { createDynamoTicketCounter } from './dynamo-ticket-counter.ts';
import type { BudgetSettings } from './settings.ts';

/**
 * One stream of a budget whose counter is in a DynamoDB table, by DynamoDB's clock as the client's responses tell it.
 *
 * @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense
 */
export function createDynamoCallBudget(dependencies: {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly settings: BudgetSettings;
  readonly stream: BudgetStream;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}): CallBudget {
  const { client, table, settings, stream, telemetry } = dependencies;
  const clock = createServerClock(dependencies);
  followServerClock(client, clock);
  const counter = createDynamoTicketCounter({ client, table, settings });
  return createCallBudget({ settings, stream, counter, clock, telemetry });
}
