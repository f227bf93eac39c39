import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { orderAttribute } from '../../../lib/budget/orders.ts';
import { reportPauses } from '../../../lib/budget/report-pauses.ts';
import { TABLE } from '../../../lib/contract.ts';
import { startTable, type Table } from '../../fixtures/table.ts';

const NOW_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

let engine: Table;
beforeAll(async () => {
  engine = await startTable();
});
afterAll(() => engine.stop());

async function pause(budget: string, orderedAtMs: number, untilMs: number): Promise<void> {
  const order = { untilMs, orderedAtMs, reason: 'maintenance', by: 'arn', minter: false };
  await engine.dynamodb.send(
    new UpdateItemCommand({
      TableName: engine.table,
      Key: { [TABLE.partitionKey]: { S: TABLE.orderKey(budget) } },
      UpdateExpression: 'SET pause = :pause',
      ExpressionAttributeValues: { ':pause': orderAttribute(order) },
    }),
  );
}

async function reported(...budgets: readonly string[]) {
  const metrics: unknown[] = [];
  const lines: unknown[] = [];
  await reportPauses({
    dynamodb: engine.dynamodb,
    table: engine.table,
    streams: budgets.flatMap((budget) => [
      // A budget of which the minter's stream alone is watched.
      ...(budget === 'shared' ? [] : [{ budget, stream: 'worker' as const }]),
      { budget, stream: 'minter' },
    ]),
    now: () => NOW_MS,
    telemetry: {
      metric: (...metric) => metrics.push(metric),
      log: (...line) => lines.push(line),
    },
  });
  return { metrics, lines };
}

test('a pause that holds is reported once with its age, and one that has ended or that nobody ordered is not', async () => {
  await pause('held', NOW_MS - 2 * HOUR_MS, NOW_MS + HOUR_MS);
  await pause('ended', NOW_MS - 2 * HOUR_MS, NOW_MS - 1);
  await pause('shared', NOW_MS - 2 * HOUR_MS, NOW_MS + HOUR_MS);
  await pause('of-a-clock-ahead', NOW_MS + 1_000, NOW_MS + HOUR_MS);
  expect(await reported('held', 'ended', 'never', 'shared', 'of-a-clock-ahead')).toEqual({
    metrics: [
      ['PauseAge', 7_200, { budget: 'held' }],
      ['PauseAge', 0, { budget: 'of-a-clock-ahead' }],
    ],
    lines: [],
  });
});

test('orders that cannot be read are logged, and hide no other budget', async () => {
  await pause('held', NOW_MS - HOUR_MS, NOW_MS + HOUR_MS);
  engine.dynamodb.middlewareStack.add(
    (next) => async (args) => {
      if (JSON.stringify(args.input).includes('order#refused'))
        throw Object.assign(new Error('secret text of another library'), { name: 'AccessDeniedException' });
      return next(args);
    },
    { step: 'initialize', name: 'refuse' },
  );
  const { metrics, lines } = await reported('refused', 'held');
  engine.dynamodb.middlewareStack.remove('refuse');
  expect(metrics).toEqual([['PauseAge', 3_600, { budget: 'held' }]]);
  expect(lines).toEqual([
    [
      'error',
      'could not read whether an operator has paused the calls of a budget',
      { budget: 'refused', reason: 'AccessDeniedException' },
    ],
  ]);
});
