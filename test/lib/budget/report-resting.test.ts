import { type GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { reportResting } from '../../../lib/budget/report-resting.ts';
import { type BudgetStream, TABLE } from '../../../lib/contract.ts';
import { startTable, type Table } from '../../fixtures/table.ts';

const NOW_MS = 1_700_000_000_000;

let engine: Table;
let reported: unknown[];
let logged: unknown[];

beforeAll(async () => {
  engine = await startTable();
});
afterAll(() => engine.stop());
beforeEach(() => {
  reported = [];
  logged = [];
});

const report = (...streams: [budget: string, stream: BudgetStream][]) =>
  reportResting({
    dynamodb: engine.dynamodb,
    table: engine.table,
    streams: streams.map(([budget, stream]) => ({ budget, stream })),
    now: () => NOW_MS,
    telemetry: {
      metric: (name, value, labels) => reported.push([name, value, labels]),
      log: (...line) => logged.push(line),
    },
  });

const block = (budget: string, stream: BudgetStream, untilMs: number) =>
  engine.dynamodb.send(
    new UpdateItemCommand({
      TableName: engine.table,
      Key: { [TABLE.partitionKey]: { S: TABLE.budgetKey(budget, stream) } },
      UpdateExpression: 'SET nextMs = :now, blockedUntilMs = :until',
      ExpressionAttributeValues: { ':now': { N: String(NOW_MS) }, ':until': { N: String(untilMs) } },
    }),
  );

test('calls rest while their stream is blocked, between two rests too, and each stream is reported', async () => {
  await block('a', 'worker', NOW_MS + 45_000);
  await block('a', 'minter', NOW_MS - 60_000);
  await block('b', 'worker', NOW_MS - 121_000);
  await block('b', 'minter', 253_370_764_800_000);
  await report(['a', 'worker'], ['a', 'minter'], ['b', 'worker'], ['b', 'minter'], ['c', 'worker']);
  expect(reported).toEqual([
    ['CallsResting', 1, { budget: 'a', stream: 'worker' }],
    ['CallsResting', 1, { budget: 'a', stream: 'minter' }],
    ['CallsResting', 0, { budget: 'b', stream: 'worker' }],
    ['CallsResting', 0, { budget: 'b', stream: 'minter' }],
    ['CallsResting', 0, { budget: 'c', stream: 'worker' }],
  ]);
  expect(logged).toEqual([]);
});

test('a counter that cannot be read is logged, and hides no other', async () => {
  await block('c', 'worker', NOW_MS + 30_000);
  engine.dynamodb.middlewareStack.add(
    (next) => async (args) => {
      const { input } = args as { input: GetItemCommand['input'] };
      if (input.Key?.[TABLE.partitionKey]?.S === 'budget#c#minter')
        throw Object.assign(new Error('secret text of another library'), { name: 'AccessDeniedException' });
      return next(args);
    },
    { step: 'initialize', name: 'refuse' },
  );
  await report(['c', 'minter'], ['c', 'worker']);
  engine.dynamodb.middlewareStack.remove('refuse');
  expect(reported).toEqual([['CallsResting', 1, { budget: 'c', stream: 'worker' }]]);
  expect(logged).toEqual([
    [
      'error',
      'could not read from the counter whether the WAF blocks the calls of a budget',
      { budget: 'c', stream: 'minter', reason: 'AccessDeniedException' },
    ],
  ]);
});
