import { expect, test } from 'vitest';

import { measureBundles } from './bundle-sizes.ts';
import { BYTES_TARGET, benchColdStart } from './cold-start.ts';
import { formatReport } from './report.ts';
import { benchThroughput } from './throughput.ts';
import { benchWarm } from './warm.ts';

/** That the benches run. What they measure depends on the machine, except bytes. */

test.each([
  ['warm', benchWarm, ['--rounds', '2', '--invocations', '10', '--heapInvocations', '100', '--calls', '5']],
  ['cold-start', benchColdStart, ['--rounds', '1']],
  ['throughput', benchThroughput, ['--rounds', '1', '--calls', '50']],
] as const)('%s measures every contender', async (_, bench, flags) => {
  const reports = await bench.run(flags);
  for (const { columns, rows } of reports) {
    expect(rows.length).toBeGreaterThanOrEqual(3);
    for (const row of rows) expect(row).toHaveLength(columns.length);
  }
  expect(reports.map(formatReport).join()).not.toContain('NaN');
});

test.each([benchWarm, benchColdStart, benchThroughput])(
  'what is no flag or no number is refused',
  async (bench) => {
    await expect(bench.run(['--rounds', '0'])).rejects.toThrow('--rounds must be a positive whole number');
    await expect(bench.run(['--turns', '1'])).rejects.toThrow('--turns');
  },
);

test("the bundle of README's worker is not much larger than that of a bare function", async () => {
  const { bundles, remove } = await measureBundles();
  remove();
  expect(bundles.hello.bytes / bundles.bare.bytes).toBeLessThanOrEqual(BYTES_TARGET);
});
