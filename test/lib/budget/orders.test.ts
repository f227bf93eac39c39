import { expect, test } from 'vitest';

import {
  activeOrders,
  MAX_ORDER_MS,
  orderAttribute,
  ordersOf,
  type PauseOrder,
  type SlowOrder,
} from '../../../lib/budget/orders.ts';

const order = { untilMs: 2_000, orderedAtMs: 1_000, reason: 'maintenance', by: 'arn:aws:iam::1:user/ada' };
const pause: PauseOrder = { ...order, minter: true };
const slow: SlowOrder = { ...order, share: 0.25 };

test('an order is read as it was written', () => {
  expect(ordersOf({ pause: orderAttribute(pause), slow: orderAttribute(slow) })).toEqual({ pause, slow });
  expect(ordersOf({ liftedAtMs: { N: '1500' } })).toEqual({ liftedAtMs: 1_500 });
  expect(ordersOf(undefined)).toEqual({});
});

test('an order holds until its end and not longer than a week', () => {
  expect(activeOrders({ pause, slow }, 1_999)).toEqual({ pause, slow });
  expect(activeOrders({ pause, slow }, 2_000)).toEqual({});
  const week = (extraMs: number) => ({ pause: { ...pause, untilMs: 1_000 + MAX_ORDER_MS + extraMs } });
  expect(activeOrders(week(0), 1_000)).toEqual(week(0));
  expect(activeOrders(week(1), 1_000)).toEqual({});
});

test('what cannot be read is no order: it stops nobody', () => {
  for (const N of ['', 'NaN', '1e400', '-', '12.5'])
    expect(ordersOf({ pause: { M: { ...orderAttribute(pause).M, untilMs: { N } } } })).toEqual(
      N === '' ? { pause: { ...pause, untilMs: 0 } } : {},
    );
  for (const N of ['0', '1', '-1', '2', 'x'])
    expect(ordersOf({ slow: { M: { ...orderAttribute(slow).M, share: { N } } } })).toEqual({});
  for (const unreadable of [{ S: 'forever' }, { M: {} }]) {
    expect(ordersOf({ pause: unreadable, slow: unreadable })).toEqual({});
  }
  const M = { untilMs: { N: '2000' } };
  expect(ordersOf({ slow: { M } })).toEqual({});
});

test('a pause stops the workers, whatever is missing beside its end, and is as old as it can be', () => {
  for (const orderedAtMs of [undefined, { N: 'x' }, { N: '1.5' }, { S: '1000' }])
    expect(
      ordersOf({ pause: { M: { untilMs: { N: '2000' }, ...(orderedAtMs && { orderedAtMs }) } } }),
    ).toEqual({
      pause: { untilMs: 2_000, orderedAtMs: 2_000 - MAX_ORDER_MS, reason: '', by: '', minter: false },
    });
});
