import { expect, test } from 'vitest';

import { createLogTable, parseLogQuery } from '../../../../../infra/local/emulators/cloudwatch/log-query.ts';

const QUERY = `SOURCE 'minter' | filter ispresent(Seconds)
| stats latest(Seconds) as seconds by client
| sort seconds asc`;

test('the latest value of each client, sorted; other lines do not count', () => {
  const table = createLogTable(parseLogQuery(QUERY));
  for (const line of [
    '{"client":"mocha","Seconds":[40]}',
    '{"client":"latte","Seconds":20}',
    '{"client":"mocha","Seconds":[10]}',
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

test('a command that is not known is refused', () => {
  expect(() => parseLogQuery(`${QUERY} | limit 3`)).toThrow('unknown command: limit 3');
});
