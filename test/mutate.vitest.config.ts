import { defineConfig } from 'vitest/config';

/** The tests of the folder that `npm run mutate` breaks. */
export default defineConfig({
  test: { include: [`test/${process.env.PLUME_MUTATED}/**/*.test.ts`], testTimeout: 60_000 },
});
