import { defineConfig } from 'vitest/config';

import { TAGS } from './vitest.config.ts';

/** Vitest obeys it here too, although its types know it of the command line alone. */
const QUICK: object = { tagsFilter: ['!long'] };

/** The quick tests of what `npm run mutate` breaks: it says which. */
export default defineConfig({
  test: {
    include: JSON.parse(process.env.PLUME_MUTATION_TESTS ?? '[]'),
    tags: TAGS,
    ...QUICK,
    // Loading the SDK anew for each file takes longer than most of the tests.
    isolate: false,
    testTimeout: 60_000,
  },
});
