import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Stryker } from '@stryker-mutator/core';

/**
 * Breaks the code of a folder in every small way, and tells what its tests do not notice: `npm run mutate -- lib/budget`.
 * A file may be named too. It takes minutes, and is part of no other command.
 */
const [target = ''] = process.argv.slice(2);
const folder = target.replace(/\/[^/]+\.ts$/, '');
if (!existsSync(target) || !existsSync(`test/${folder}`)) {
  console.error('say which folder of lib/ with tests of its own: npm run mutate -- lib/budget');
  process.exit(2);
}

process.env.PLUME_MUTATED = folder;
await new Stryker({
  mutate: [target.endsWith('.ts') ? target : `${target}/**/*.ts`],
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutate.vitest.config.ts' },
  plugins: ['@stryker-mutator/vitest-runner'],
  // TypeScript 7 has no API that Stryker could ask: it must find no configuration.
  tsconfigFile: 'none',
  // Under node_modules Node does not run TypeScript.
  tempDirName: '.mutants',
  ignorePatterns: ['.package', 'cdk.out', '.docs'],
  coverageAnalysis: 'perTest',
  concurrency: availableParallelism(),
  reporters: ['clear-text'],
  clearTextReporter: { logTests: false, reportTests: false },
  thresholds: { high: 92, low: 92, break: null },
}).runMutationTest();
