import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { TABLE } from '../contract.ts';
import { conditionalUpdate, type Item } from '../platform/conditional-update.ts';
import { storedMoment } from '../platform/stored-moment.ts';
import type { BreakerState } from './breaker-state.ts';
import type { BreakerStore } from './breaker-store.ts';

/** Attributes of the counter's item: the state's own names. */
const ATTRIBUTES = [
  'refusals',
  'suspectSinceMs',
  'refusedAtMs',
  'blockedUntilMs',
  'openings',
  'clearedAtMs',
] as const satisfies readonly (keyof BreakerState)[];

/** Every change but a probe's differs in one of them. */
const VERSION = ['refusedAtMs', 'blockedUntilMs'] as const satisfies readonly (keyof BreakerState)[];

/** The circuit breakers as attributes of the counters' items: one conditional `UpdateItem` per change. */
export function createDynamoBreakerStore(dependencies: {
  readonly dynamodb: DynamoDBClient;
  readonly table: string;
  /** The budget's name. */
  readonly budget: string;
}): BreakerStore {
  const { dynamodb, table, budget } = dependencies;
  return {
    async replaceBreaker(stream, { seen, next }) {
      const kept = ATTRIBUTES.filter((name) => next[name] !== undefined);
      const removed = ATTRIBUTES.filter((name) => next[name] === undefined);
      const { applied, item } = await conditionalUpdate(dynamodb, {
        table,
        key: { [TABLE.partitionKey]: { S: TABLE.budgetKey(budget, stream) } },
        update: `SET ${kept.map((name) => `${name} = :${name}`).join(', ')} REMOVE ${removed.join(', ')}`,
        condition: VERSION.map((name) =>
          seen[name] === undefined ? `attribute_not_exists(${name})` : `${name} = :seen_${name}`,
        ).join(' AND '),
        values: {
          ...Object.fromEntries(kept.map((name) => [`:${name}`, next[name] as number])),
          ...Object.fromEntries(
            VERSION.filter((name) => seen[name] !== undefined).map((name) => [
              `:seen_${name}`,
              seen[name] as number,
            ]),
          ),
        },
      });
      return { applied, state: breakerStateOf(item) };
    },
  };
}

/** @throws {StoredMomentError} */
export function breakerStateOf(item: Item): BreakerState {
  return Object.fromEntries(
    ATTRIBUTES.flatMap((name) => {
      const value = storedMoment(item, name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
