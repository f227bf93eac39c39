import { defineConfig } from 'vitest/config';

/** The quick tests of what `npm run mutate` breaks: it says which. */
export default defineConfig({
  test: { include: JSON.parse(process.env.PLUME_MUTATION_TESTS ?? '[]'), testTimeout: 60_000 },
});
