import { defineConfig } from 'vitest/config';

/** Whole systems of many threads, on real time: one after the other, with the machine to themselves. */
const SYSTEMS = [
  'test/system/**/*.test.ts',
  'test/infra/local/run/{start,run}.test.ts',
  'test/infra/local/page/browser.test.ts',
];

export default defineConfig({
  test: {
    // No verdict hangs on how busy the machine is: a synthesis of one second has taken forty.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: SYSTEMS,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'systems',
          include: SYSTEMS,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
