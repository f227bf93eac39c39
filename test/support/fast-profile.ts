import { type Profile, SCALED_PROFILE } from '../../infra/local/profile.ts';

/** Ticks of a second, windows of four, tokens of six: faults are seen soon. */
export const FAST_PROFILE: Profile = {
  ...SCALED_PROFILE,
  budget: { ...SCALED_PROFILE.budget, limit: 130, windowMs: 4_000, blockMs: 5_000 },
  token: { ...SCALED_PROFILE.token, graceMs: 500, tickMs: 1_000, defaultLifetimeMs: 6_000 },
  clients: [
    { name: 'mocha', lifetimeSeconds: 6 },
    { name: 'latte', lifetimeSeconds: 6 },
  ],
};
