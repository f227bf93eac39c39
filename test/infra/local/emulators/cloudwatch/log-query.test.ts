import { expect, test } from 'vitest';

import { createLogTable, parseLogQuery } from '../../../../../infra/local/emulators/cloudwatch/log-query.ts';

const QUERY = `SOURCE 'minter' | filter ispresent(Seconds)
| stats latest(Seconds) as seconds by client
| sort seconds asc`;

test('the latest value of each client, sorted; other lines do not count', () => {
  const table = createLogTable(parseLogQuery(QUERY));
  for (const line of [
    '{"client":"mocha","Seconds":40}',
    '{"client":"latte","Seconds":20}',
    '{"client":"mocha","Seconds":10}',
    '{"client":"none"}',
    'no JSON with "Seconds" in it',
  ])
    table.add(line);
  expect(table.table()).toEqual({
    columns: ['client', 'seconds'],
    rows: [
      ['mocha', '10'],
      ['latte', '20'],
    ],
  });
});

test('the order of the query counts', () => {
  const table = createLogTable(parseLogQuery(QUERY.replace('asc', 'desc')));
  table.add('{"client":"a","Seconds":1}');
  table.add('{"client":"b","Seconds":2}');
  expect(table.table().rows.map(([client]) => client)).toEqual(['b', 'a']);
});

test('sums, maxima and several keys; what a line does not have stays empty', () => {
  const table = createLogTable(
    parseLogQuery(`SOURCE 'minter' | SOURCE 'worker'
| filter ispresent(Refused) or ispresent(Wait)
| stats sum(Refused) as refused, max(Wait) as longest by budget, stream
| sort refused desc`),
    (field) => (field === 'Wait' ? 10 : 1),
  );
  for (const line of [
    '{"budget":"a","stream":"minter","Wait":7}',
    '{"budget":"a","stream":"worker","Refused":2,"Wait":3}',
    '{"budget":"a","stream":"worker","Refused":4}',
    '{"budget":"a","stream":"worker","Wait":1}',
    '{"budget":"a","Other":1}',
  ])
    table.add(line);
  expect(table.table()).toEqual({
    columns: ['budget', 'stream', 'refused', 'longest'],
    rows: [
      ['a', 'worker', '6', '30'],
      ['a', 'minter', '', '70'],
    ],
  });
});

test('a statistic that is not known is refused', () => {
  expect(() => parseLogQuery(QUERY.replace('latest(', 'avg('))).toThrow('unknown statistic: avg');
});

test('a command that is not known is refused', () => {
  expect(() => parseLogQuery(`${QUERY} | limit 3`)).toThrow('unknown command: limit 3');
});
