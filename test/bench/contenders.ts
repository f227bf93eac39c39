import { randomUUID } from 'node:crypto';

import {
  CreateTableCommand,
  DynamoDB,
  type DynamoDBClient,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb';
import { RateLimiterDynamo, type RateLimiterRes } from 'rate-limiter-flexible';

import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createDynamoTicketCounter } from '../../lib/budget/dynamo-ticket-counter.ts';
import type { BudgetSettings } from '../../lib/budget/settings.ts';
import { isPlumeError } from '../../lib/errors.ts';
import { systemClock } from '../../lib/platform/clock.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';

/** A window of five seconds. How long a caller waits is not scaled down with it: less than the default's 20 s. */
export const BENCH_SETTINGS: BudgetSettings = {
  name: 'bench',
  limit: 200,
  windowMs: 5_000,
  clockAllowanceMs: 25,
  networkDelayMs: 50,
  wafRule: 'not-json',
  worker: { intervalMs: 30, ticketLifeMs: 500, burstMs: 100, horizonMs: 8_000 },
  minter: { intervalMs: 1_000, ticketLifeMs: 500, burstMs: 100, horizonMs: 1_000 },
};

export interface Contender {
  readonly name: string;
  /** The rate that it is configured for. */
  readonly callsPerMs: number;
  /** One instance. It calls at least once, and as often as it may until `endMs`. */
  caller(): { run(endMs: number, call: () => void): Promise<void> };
}

interface Engine {
  readonly dynamodb: DynamoDBClient;
  readonly table: string;
  /** How far ahead tickets are handed out, and how long a caller waits. */
  readonly horizonMs: number;
}

const BLOCK = 10;

/** Like a queue's consumer: batches of ten, and a refused batch comes back when it was told. */
export async function ticketContender({ dynamodb, table, horizonMs }: Engine): Promise<Contender> {
  const worker = { ...BENCH_SETTINGS.worker, horizonMs };
  const settings = { ...BENCH_SETTINGS, worker, name: randomUUID() };
  const { intervalMs } = worker;
  const counter = createDynamoTicketCounter({ dynamodb, table, settings });
  // As if it had been there for a while: its first silence is no matter of this comparison.
  await counter.init('worker', { nextMs: systemClock.now() - horizonMs });
  return {
    name: 'tickets',
    callsPerMs: 1 / intervalMs,
    caller() {
      const budget = createCallBudget({
        settings,
        counter,
        clock: systemClock,
        telemetry: silentTelemetry,
      });
      return {
        async run(endMs, call) {
          do {
            const book = budget.openBook({ calls: BLOCK, patienceMs: () => horizonMs });
            try {
              for (let left = BLOCK; left > 0; left -= 1) {
                await book.attempt(() => {
                  call();
                  return true;
                });
              }
            } catch (error) {
              if (!isPlumeError(error)) throw error;
              await sleepUntil(Math.min(error.retryAtMs ?? 0, endMs));
            } finally {
              book.close();
            }
          } while (systemClock.now() < endMs);
        },
      };
    },
  };
}

/** `RateLimiterDynamo` as its README shows it. */
export async function libraryContender({ dynamodb }: Engine): Promise<Contender> {
  const storeClient = new DynamoDB(dynamodb.config as unknown as DynamoDBClientConfig);
  // The bench counts requests at the one client that both contenders use.
  Object.assign(storeClient, { middlewareStack: dynamodb.middlewareStack });
  const tableName = `library-${randomUUID()}`;
  await dynamodb.send(
    new CreateTableCommand({
      TableName: tableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'key', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'key', KeyType: 'HASH' }],
    }),
  );
  const { limit, windowMs } = BENCH_SETTINGS;
  return {
    name: 'rate-limiter-flexible',
    callsPerMs: limit / windowMs,
    caller() {
      const limiter = new RateLimiterDynamo({
        storeClient,
        tableName,
        tableCreated: true,
        ttlSet: true,
        points: limit,
        duration: windowMs / 1000,
      });
      return {
        async run(endMs, call) {
          do {
            try {
              await limiter.consume('plume');
              call();
            } catch (refusal) {
              // Errors of the table come as errors: at a window's end both of its updates may be refused.
              if (refusal instanceof Error) continue;
              const { msBeforeNext } = refusal as RateLimiterRes;
              await sleepUntil(Math.min(systemClock.now() + msBeforeNext, endMs));
            }
          } while (systemClock.now() < endMs);
        },
      };
    },
  };
}

async function sleepUntil(atMs: number): Promise<void> {
  await systemClock.sleep(Math.max(atMs - systemClock.now(), 0));
}
