import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** What takes long: whole systems of many threads on real time, simulated hours, the package and the benches. */
const SYSTEM = [
  'test/system/**/*.test.ts',
  'test/infra/local/run/{start,run}.test.ts',
  'test/infra/local/page/browser.test.ts',
  'test/infra/aws/cfn-lint.test.ts',
  'test/lib/minter/{capacity,partner-life,scale,soak}.test.ts',
  'test/{model,simulation}/**/*.test.ts',
  'test/consumers/**/*.test.ts',
  'test/bench/**/*.test.ts',
];

/** What decides by the environment in which a library is loaded. */
const ALONE = ['test/lib/telemetry/powertools.test.ts'];

export default defineConfig({
  test: {
    // Limits for what hangs, not for what is slow: on a busy machine a synthesis of one second has taken forty.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: Math.max(2, availableParallelism()),
    projects: [
      // In the order of their names: the long ones begin first.
      { extends: true, test: { name: 'system', include: SYSTEM } },
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...SYSTEM, ...ALONE],
          // Loading the SDK and the CDK anew for each file takes longer than most of the tests.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'unit alone', include: ALONE } },
    ],
  },
});
