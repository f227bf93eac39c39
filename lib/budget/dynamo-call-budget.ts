import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { BudgetStream } from '../contract.ts';
import type { ServerClock } from '../platform/server-clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { createBudgetClock } from './budget-clock.ts';
import { type CallBudget, createCallBudget } from './call-budget.ts';
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
  /** It follows this client's responses. */
  readonly clock: ServerClock;
  readonly telemetry: Telemetry;
  /** As in {@link CallBudgetDependencies}. @default true */
  readonly tellsBreaker?: boolean;
}): CallBudget {
  const { client, table, settings } = dependencies;
  const clock = createBudgetClock(dependencies.clock, settings);
  const counter = createDynamoTicketCounter({ client, table, settings });
  return createCallBudget({ ...dependencies, counter, clock });
}
