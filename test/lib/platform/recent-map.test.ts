import { expect, test } from 'vitest';

import { RecentMap } from '../../../lib/platform/recent-map.ts';

test('a map that is full forgets the entry that was used longest ago, read or written', () => {
  const map = new RecentMap<string, number>(3);
  for (const [value, key] of ['a', 'b', 'c'].entries()) map.set(key, value);
  map.get('a');
  map.set('b', 7);
  map.set('d', 3);
  expect(['a', 'b', 'c', 'd'].map((key) => map.get(key))).toEqual([0, 7, undefined, 3]);
});

test('an entry that is set again or deleted takes no place twice', () => {
  const map = new RecentMap<string, number>(2);
  map.set('a', 1);
  map.set('a', 2);
  map.set('b', 3);
  expect([map.get('a'), map.get('b')]).toEqual([2, 3]);
  map.delete('a');
  map.set('c', 4);
  expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([undefined, 3, 4]);
});
