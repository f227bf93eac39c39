import { defineConfig } from 'vitest/config';

/** The quick tests of what `npm run mutate` breaks: it says which. */
export default defineConfig({
  test: {
    include: JSON.parse(process.env.PLUME_MUTATION_TESTS ?? '[]'),
    // Loading the SDK anew for each file takes longer than most of the tests.
    isolate: false,
    testTimeout: 60_000,
  },
});
