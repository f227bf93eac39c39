import fc from 'fast-check';
import { expect, test } from 'vitest';

import { evaluate } from '../../../../../infra/local/emulators/cloudwatch/expression.ts';

const values: Readonly<Record<string, number | undefined>> = { worker: 30, minter: 6, absent: undefined };
const operandOfId = (id: string) => (id in values ? { value: values[id], periodSeconds: 300 } : undefined);

test.each([
  ['100 * worker / 1764', (100 * 30) / 1764],
  ['worker / PERIOD(worker)', 0.1],
  ['PERIOD(absent)', 300],
  ['minter < 6', 0],
  ['minter + 1 < 6 + 2', 1],
  ['IF(minter < 7, worker, 0)', 30],
  ['IF(worker < 7, worker, 0)', 0],
  ['IF(minter < 7, worker, absent)', 30],
  ['worker + minter * 2', 42],
  ['(worker + minter) * 2', 72],
  ['worker - minter - 1', 23],
  ['FILL(absent, 0) + worker', 30],
  ['1.5', 1.5],
])('%s', (expression, value) => {
  expect(evaluate(expression, operandOfId)).toBeCloseTo(value);
});

test.each(['absent', 'absent + 1', 'worker / 0', '(absent)', 'IF(absent < 1, worker, 0)'])(
  '%s has no data point',
  (expression) => {
    expect(evaluate(expression, operandOfId)).toBeUndefined();
  },
);

test.each([
  '',
  '1 +',
  '(1',
  '1)',
  'worker minter',
  'SUM[1]',
  '* 2',
  'FILL(worker)',
  'PERIOD worker',
  'IF(worker, 1)',
  '< 2',
])('"%s" is refused', (expression) => {
  expect(() => evaluate(expression, operandOfId)).toThrow('cannot be understood');
});

test.each(['nobody', 'PERIOD(nobody)'])('%s is refused: no metric has that id', (expression) => {
  expect(() => evaluate(expression, operandOfId)).toThrow('names nobody, which is not a metric');
});

test('what arithmetic says, it says', () => {
  type Tree = number | readonly [Tree, '+' | '-' | '*', Tree];
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.integer({ min: 0, max: 20 }),
      fc.tuple(tie('tree'), fc.constantFrom('+', '-', '*'), tie('tree')),
    ),
  }));
  const text = (node: Tree): string =>
    typeof node === 'number' ? String(node) : `(${text(node[0])} ${node[1]} ${text(node[2])})`;
  const value = (node: Tree): number => {
    if (typeof node === 'number') return node;
    const [left, right] = [value(node[0]), value(node[2])];
    return node[1] === '+' ? left + right : node[1] === '-' ? left - right : left * right;
  };
  fc.assert(fc.property(tree, (node) => evaluate(text(node), operandOfId) === value(node)));
});
