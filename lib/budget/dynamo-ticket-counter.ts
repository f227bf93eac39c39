import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { type BudgetStream, TABLE } from '../contract.ts';
import { conditionalUpdate, type Item, readByUpdate } from '../platform/conditional-update.ts';
import { storedMoment } from '../platform/stored-moment.ts';
import { breakerStateOf, createDynamoBreakerStore } from '../waf/dynamo-breaker-store.ts';
import type { BudgetSettings } from './settings.ts';
import type { CounterReply, CounterState, TicketCounter } from './ticket-counter.ts';

const CLOSED = 'attribute_not_exists(blockedUntilMs)';

/**
 * The counters as one DynamoDB item per stream: `nextMs`, Unix ms, and the attributes of the circuit breaker. `UpdateItem` is
 * the only action used, so that it is all a worker's role needs. The client's own time-outs and retries apply; a retried
 * write costs tickets, never the bound. Errors of the SDK come out as they are.
 */
export function createDynamoTicketCounter(dependencies: {
  client: DynamoDBClient;
  table: string;
  settings: Pick<BudgetSettings, 'name'>;
}): TicketCounter {
  const { client, table, settings } = dependencies;
  const keyOf = (stream: BudgetStream): Item => ({
    [TABLE.partitionKey]: { S: TABLE.budgetKey(settings.name, stream) },
  });

  const write = async (
    stream: BudgetStream,
    change: { set: string; condition: string; values: Record<string, number> },
  ): Promise<CounterReply> => {
    const { applied, item } = await conditionalUpdate(client, {
      table,
      key: keyOf(stream),
      update: `SET ${change.set}`,
      condition: change.condition,
      values: change.values,
    });
    return { applied, state: stateOf(item) };
  };

  return {
    ...createDynamoBreakerStore({ client, table, budget: settings.name }),
    read: async (stream) => stateOf(await readByUpdate(client, { table, key: keyOf(stream) })),
    take: (stream, { advanceMs, floorMs, ceilMs }) =>
      write(stream, {
        set: 'nextMs = nextMs + :advance',
        condition: `nextMs BETWEEN :floor AND :ceil AND ${CLOSED}`,
        values: { ':advance': advanceMs, ':floor': floorMs, ':ceil': ceilMs },
      }),
    skip: (stream, { nextMs, floorMs }) =>
      write(stream, {
        set: 'nextMs = :next',
        condition: `nextMs < :floor AND ${CLOSED}`,
        values: { ':next': nextMs, ':floor': floorMs },
      }),
    init: (stream, { nextMs }) =>
      write(stream, {
        set: 'nextMs = :next',
        condition: 'attribute_not_exists(nextMs)',
        values: { ':next': nextMs },
      }),
    probe: (stream, { seen, next }) =>
      write(stream, {
        set: 'nextMs = :next, blockedUntilMs = :until',
        condition: 'nextMs = :seen AND blockedUntilMs = :blocked',
        values: {
          ':next': next.nextMs,
          ':until': next.blockedUntilMs,
          ':seen': seen.nextMs,
          ':blocked': seen.blockedUntilMs,
        },
      }),
  };
}

function stateOf(item: Item): CounterState {
  const nextMs = storedMoment(item, 'nextMs');
  return { ...(nextMs !== undefined && { nextMs }), breaker: breakerStateOf(item) };
}
