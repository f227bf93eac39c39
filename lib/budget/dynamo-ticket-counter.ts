import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { type BudgetStream, TABLE } from '../contract.ts';
import { conditionalUpdate, type Item, readByUpdate } from '../platform/conditional-update.ts';
import { storedMoment } from '../platform/stored-moment.ts';
import { breakerStateOf, createDynamoBreakerStore } from '../waf/dynamo-breaker-store.ts';
import type { MixtureStep } from './mixture.ts';
import type { BudgetSettings } from './settings.ts';
import type { CounterReply, CounterState, TicketCounter } from './ticket-counter.ts';

const CLOSED = 'attribute_not_exists(blockedUntilMs)';
/** Attributes that begin so say when settings were last used. */
const USED = 'usedAtMs:';

/**
 * The counters as one DynamoDB item per stream: `nextMs`, Unix ms, the attributes of the circuit breaker, `settings`, the names
 * of the settings in use, and `usedAtMs:<name>` for each of them. `UpdateItem` is the only action used, so that it is all a
 * worker's role needs. The client's own time-outs and retries apply; a retried write costs tickets, never the bound. Errors of
 * the SDK come out as they are.
 */
export function createDynamoTicketCounter(dependencies: {
  dynamodb: DynamoDBClient;
  table: string;
  settings: Pick<BudgetSettings, 'name'>;
}): TicketCounter {
  const { dynamodb, table, settings } = dependencies;
  const keyOf = (stream: BudgetStream): Item => ({
    [TABLE.partitionKey]: { S: TABLE.budgetKey(settings.name, stream) },
  });

  const write = async (
    stream: BudgetStream,
    change: { set: string; condition: string; values: Record<string, number> },
    mixture?: MixtureStep,
  ): Promise<CounterReply> => {
    const mixed = mixture && mixtureExpressions(mixture);
    const { applied, item } = await conditionalUpdate(dynamodb, {
      table,
      key: keyOf(stream),
      update: `SET ${[change.set, ...(mixed?.set ?? [])].join(', ')}${mixed?.remove ?? ''}`,
      condition: [change.condition, ...(mixed?.condition ?? [])].join(' AND '),
      values: { ...change.values, ...mixed?.values },
      names: mixed?.names ?? {},
    });
    return { applied, state: stateOf(item) };
  };

  return {
    ...createDynamoBreakerStore({ dynamodb, table, budget: settings.name }),
    read: async (stream) => stateOf(await readByUpdate(dynamodb, { table, key: keyOf(stream) })),
    take: (stream, { advanceMs, floorMs, ceilMs, mixture }) =>
      write(
        stream,
        {
          set: 'nextMs = nextMs + :advance',
          condition: `nextMs BETWEEN :floor AND :ceil AND ${CLOSED}`,
          values: { ':advance': advanceMs, ':floor': floorMs, ':ceil': ceilMs },
        },
        mixture,
      ),
    skip: (stream, { nextMs, floorMs, mixture }) =>
      write(
        stream,
        {
          set: 'nextMs = :next',
          condition: `nextMs < :floor AND ${CLOSED}`,
          values: { ':next': nextMs, ':floor': floorMs },
        },
        mixture,
      ),
    probe: (stream, { seen, next, mixture }) =>
      write(
        stream,
        {
          set: 'nextMs = :next, blockedUntilMs = :until',
          condition: 'nextMs = :seen AND blockedUntilMs = :blocked',
          values: {
            ':next': next.nextMs,
            ':until': next.blockedUntilMs,
            ':seen': seen.nextMs,
            ':blocked': seen.blockedUntilMs,
          },
        },
        mixture,
      ),
    init: (stream, { nextMs }) =>
      write(stream, {
        set: 'nextMs = :next',
        condition: 'attribute_not_exists(nextMs)',
        values: { ':next': nextMs },
      }),
  };
}

function mixtureExpressions({ seen, names, own, usedAtMs, dropped }: MixtureStep) {
  const isChanged = names !== seen;
  return {
    set: ['#used = :used', ...(isChanged ? ['#settings = :settings'] : [])],
    remove: dropped.length === 0 ? '' : ` REMOVE ${dropped.map((_, index) => `#dropped${index}`).join(', ')}`,
    condition: [seen === undefined ? 'attribute_not_exists(#settings)' : '#settings = :seenSettings'],
    values: {
      ':used': usedAtMs,
      ...(isChanged && { ':settings': names }),
      ...(seen !== undefined && { ':seenSettings': seen }),
    },
    names: {
      '#settings': 'settings',
      '#used': `${USED}${own}`,
      ...Object.fromEntries(dropped.map((name, index) => [`#dropped${index}`, `${USED}${name}`])),
    },
  };
}

function stateOf(item: Item): CounterState {
  const nextMs = storedMoment(item, 'nextMs');
  const orderedAtMs = storedMoment(item, 'orderedAtMs');
  const used = Object.keys(item).filter((name) => name.startsWith(USED));
  return {
    ...(nextMs !== undefined && { nextMs }),
    breaker: breakerStateOf(item),
    mixture: {
      names: item.settings?.S,
      usedAtMs: Object.fromEntries(
        used.map((name) => [name.slice(USED.length), storedMoment(item, name) as number]),
      ),
    },
    ...(orderedAtMs !== undefined && { orderedAtMs }),
  };
}
