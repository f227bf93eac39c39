import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ServerClock } from '../platform/server-clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { createBudgetClock } from './budget-clock.ts';
import { type BudgetDependencies, type CallBudget, createCallBudget } from './call-budget.ts';
import { createDynamoOrderReader } from './dynamo-orders.ts';
import { createDynamoTicketCounter } from './dynamo-ticket-counter.ts';
import { createMintBudget, type MintBudget } from './mint-budget.ts';
import type { BudgetSettings } from './settings.ts';

/** What a budget needs whose counters are in a DynamoDB table. */
export interface DynamoBudgetDependencies {
  readonly dynamodb: DynamoDBClient;
  readonly table: string;
  readonly settings: BudgetSettings;
  /** It follows this client's responses. */
  readonly clock: ServerClock;
  readonly telemetry: Telemetry;
}

/**
 * The workers' budget, by DynamoDB's clock as the client's responses tell it.
 *
 * @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense
 */
export function createDynamoCallBudget(dependencies: DynamoBudgetDependencies): CallBudget {
  return createCallBudget(inDynamo(dependencies));
}

/**
 * The minter's, in the same way.
 *
 * @param dependencies.tellsBreaker as in {@link createMintBudget}
 * @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense
 */
export function createDynamoMintBudget(
  dependencies: DynamoBudgetDependencies & { readonly tellsBreaker?: boolean },
): MintBudget {
  const { tellsBreaker = true } = dependencies;
  return createMintBudget({ ...inDynamo(dependencies), tellsBreaker });
}

function inDynamo({
  dynamodb,
  table,
  settings,
  clock,
  telemetry,
}: DynamoBudgetDependencies): BudgetDependencies {
  return {
    settings,
    counter: createDynamoTicketCounter({ dynamodb, table, settings }),
    orders: createDynamoOrderReader({ dynamodb, table, budget: settings.name }),
    clock: createBudgetClock(clock, settings),
    telemetry,
  };
}
