import { type AttributeValue, type GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { readBudgetStatus } from '../../../lib/budget/budget-status.ts';
import { createDynamoOrderReader, noteOrder } from '../../../lib/budget/dynamo-orders.ts';
import { createDynamoTicketCounter } from '../../../lib/budget/dynamo-ticket-counter.ts';
import { orderAttribute } from '../../../lib/budget/orders.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { type BudgetStream, TABLE } from '../../../lib/contract.ts';
import { startTable, type Table } from '../../fixtures/table.ts';

const NOW_MS = 1_700_000_000_000;
const ISO = (ms: number) => new Date(ms).toISOString();

let engine: Table;
beforeAll(async () => {
  engine = await startTable();
});
afterAll(() => engine.stop());

const put = (key: string, item: Record<string, AttributeValue>) =>
  engine.dynamodb.send(
    new PutItemCommand({ TableName: engine.table, Item: { [TABLE.partitionKey]: { S: key }, ...item } }),
  );
const counter = (budget: string, stream: BudgetStream, item: Record<string, AttributeValue>) =>
  put(TABLE.budgetKey(budget, stream), item);
const status = (budget: string) =>
  readBudgetStatus(budget, NOW_MS, { ...engine, settings: DEFAULT_BUDGET_SETTINGS });
const at = (fromNowMs: number) => ({ N: String(NOW_MS + fromNowMs) });

describe('the status of a budget', () => {
  test('before its first call has the rates of the settings, and counters that are absent', async () => {
    expect(await status('fresh')).toEqual({
      budget: 'fresh',
      streams: [
        { stream: 'worker', breaker: 'absent', perSecond: 5.88, settingsInUse: [], implausible: false },
        { stream: 'minter', breaker: 'absent', perSecond: 0.1, settingsInUse: [], implausible: false },
      ],
    });
  });

  test('says when calls could start, which settings are in use, and what the breakers are', async () => {
    await counter('busy', 'worker', { nextMs: at(5_000), settings: { S: 'a b' }, blockedUntilMs: at(9_000) });
    await counter('busy', 'minter', { nextMs: at(-1_000), blockedUntilMs: at(-600_000) });
    const [worker, minter] = (await status('busy')).streams;
    expect(worker).toEqual({
      stream: 'worker',
      breaker: 'open',
      nextInMs: 5_000,
      couldStartInMs: { one: 5_000, ten: 6_530 },
      perSecond: 5.88,
      settingsInUse: ['a', 'b'],
      implausible: false,
    });
    expect(minter).toMatchObject({ breaker: 'half-open', nextInMs: -1_000, settingsInUse: [] });
  });

  test.each([
    ['further ahead than any caller can have moved it', at(86_400_000), { nextInMs: 86_400_000 }, true],
    ['that is no moment', { S: 'soon' }, {}, true],
    ['that was never begun, since only its breaker was written', undefined, {}, false],
  ])('says that a counter is implausible or not: one %s', async (name, nextMs, told, implausible) => {
    await counter(
      name,
      'worker',
      nextMs === undefined ? { refusals: { N: '1' } } : { nextMs, settings: { N: '1' } },
    );
    const [worker] = (await status(name)).streams;
    expect(worker).toMatchObject({ breaker: 'closed', settingsInUse: [], implausible, ...told });
    expect(worker).toHaveProperty('nextInMs' in told ? 'couldStartInMs' : 'settingsInUse');
    if (!('nextInMs' in told)) expect(worker).not.toHaveProperty('nextInMs');
  });

  test('has the orders that hold, with their rate, and none that have ended', async () => {
    const order = { untilMs: NOW_MS + 60_000, orderedAtMs: NOW_MS, reason: 'maintenance', by: 'ada' };
    await put(TABLE.orderKey('ordered'), {
      pause: orderAttribute({ ...order, minter: true }),
      slow: orderAttribute({ ...order, share: 0.5 }),
    });
    const until = ISO(NOW_MS + 60_000);
    expect(await status('ordered')).toMatchObject({
      paused: { until, reason: 'maintenance', by: 'ada', minter: true },
      slowed: { until, reason: 'maintenance', by: 'ada', share: 0.5 },
      streams: [{ perSecond: 2.94 }, { perSecond: 0.1 }],
    });
    await put(TABLE.orderKey('over'), {
      pause: orderAttribute({ ...order, untilMs: NOW_MS, minter: true }),
      slow: orderAttribute({ ...order, untilMs: NOW_MS, share: 0.5 }),
    });
    expect(Object.keys(await status('over'))).toEqual(['budget', 'streams']);
  });

  test('is read as it is at that moment, the orders too', async () => {
    const consistent: unknown[] = [];
    engine.dynamodb.middlewareStack.add(
      (next) => async (args) => {
        consistent.push((args.input as GetItemCommand['input']).ConsistentRead);
        return next(args);
      },
      { step: 'initialize', name: 'watch' },
    );
    await status('fresh');
    engine.dynamodb.middlewareStack.remove('watch');
    expect(consistent).toEqual([true, true, true]);
  });
});

describe('a note of an order in the counters', () => {
  const noted = async (budget: string) => {
    const { read } = createDynamoTicketCounter({ ...engine, settings: { name: budget } });
    return [(await read('worker')).orderedAtMs, (await read('minter')).orderedAtMs];
  };
  const note = (budget: string, atMs: number) => noteOrder({ ...engine, budget }, atMs);

  test('is made in those of both streams, and never replaces a later one', async () => {
    await note('noted', 2_000);
    await note('noted', 1_000);
    expect(await noted('noted')).toEqual([2_000, 2_000]);
    await note('noted', 3_000);
    expect(await noted('noted')).toEqual([3_000, 3_000]);
  });

  test('fails if the table does', async () => {
    const elsewhere = { ...engine, table: 'no-such-table', budget: 'noted' };
    await expect(noteOrder(elsewhere, 1_000)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(createDynamoOrderReader(elsewhere).read()).rejects.toThrow();
  });
});
