import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Test processes, and those that they start, load the SDK and the CDK sooner if others have compiled them before. */
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url));

/** The compilers in Go, TypeScript's and esbuild, end before it would pay to collect garbage often: a quarter of their work. */
process.env.GOGC ??= '400';

/** Whole systems of many threads on real time, the package and the benches: each in a process of its own. */
const SYSTEM = [
  'test/system/{caller-function,canary,forced-mints,herd,operator,permissions}.test.ts',
  'test/infra/local/run/{start,run}.test.ts',
  'test/infra/local/page/browser.test.ts',
  'test/infra/aws/cfn-lint.test.ts',
  'test/model/**/*.test.ts',
  'test/consumers/**/*.test.ts',
  'test/bench/**/*.test.ts',
];

/** What takes long, such as simulated hours, and needs no process of its own. */
const LONG = [
  'test/system/{alarms,hostage,long-block,orders,poison-job}.test.ts',
  'test/simulation/**/*.test.ts',
  'test/lib/minter/{capacity,partner-life,scale,soak}.test.ts',
  'test/functions/caller/call.test.ts',
  'test/infra/aws/nag.test.ts',
  'test/infra/command/examples.test.ts',
  'test/infra/package/reference.test.ts',
  'test/lib/middleware/durable.test.ts',
  'test/lib/minter/{crash,minter,race,tick}.test.ts',
  'test/lib/plume/wire.test.ts',
];

/** What decides by the environment in which a library is loaded. */
const ALONE = ['test/lib/telemetry/lambda-telemetry.test.ts'];

/** How tests are marked that take seconds, in files of quick ones: `npm run mutate` leaves them out. */
export const TAGS = [{ name: 'long', description: 'takes seconds' }];

export default defineConfig({
  test: {
    tags: TAGS,
    // Limits for what hangs, not for what is slow: on a busy machine a synthesis of one second has taken forty.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
    // Two more than cores: some tests wait for real time. With one more, the cores idle for an eighth of it.
    maxWorkers: availableParallelism() + 2,
    projects: [
      { extends: true, test: { name: 'system', include: SYSTEM } },
      { extends: true, test: { name: 'long', include: LONG, isolate: false } },
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...SYSTEM, ...LONG, ...ALONE],
          // Loading the SDK and the CDK anew for each file takes longer than most of the tests.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'unit alone', include: ALONE } },
    ],
  },
});
