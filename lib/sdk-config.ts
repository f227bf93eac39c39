/**
 * For every SDK client: give up soon and try again, since the SDK's own defaults wait longer than an invocation lasts.
 * All calls made are safe to repeat.
 */
export const SDK_CONFIG = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000 },
} as const;
