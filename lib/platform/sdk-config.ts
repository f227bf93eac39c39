/**
 * For every SDK client: give up soon and try again, since the SDK's own defaults wait longer than an invocation lasts.
 * A request whose answer was lost is made twice: every caller bears that. A mint, a ticket or a claim is then lost to
 * its own repetition and taken again later; a message is sent twice, as SQS itself may do.
 */
export const SDK_CONFIG = {
  maxAttempts: 3,
  // Without `throwOnRequestTimeout` the SDK only warns, and goes on waiting.
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
} as const;
