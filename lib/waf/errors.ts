import { PlumeError } from '../errors.ts';
import type { WafRefusal } from './circuit-breaker.ts';

/**
 * The WAF refused a call: because too many calls left the address, or for what the call holds. The next calls tell which:
 * `refused` is `'address'` once several in a row were refused.
 */
export class WafBlockedError extends PlumeError<'waf_blocked'> {
  override readonly name = 'WafBlockedError';
  /** `'call'`: this one alone so far. `'address'`: several in a row, and the stream makes no calls. */
  readonly refused: 'call' | 'address';
  /** When the call was refused, in Unix ms by DynamoDB's clock, as the other moments. */
  readonly refusedAtMs: number;
  /** Since when calls have been refused without one that passed. */
  readonly refusedSinceMs: number;
  /** When a call last passed after a refusal; absent if none is known. */
  readonly clearedAtMs?: number;

  /** @param call - such as `GET /v1/locations`, without the query, which can hold personal data */
  constructor(client: string, call: string, refusal: WafRefusal) {
    const { refused, refusedAtMs, refusedSinceMs, clearedAtMs, retryAtMs } = refusal;
    const why =
      refused === 'address'
        ? "it refuses every call of this IP address, so no calls are made until a probe passes. If nothing else calls from this address, lower the budget's rate"
        : 'it refuses this call for its content, or has begun to refuse the address';
    super(
      'waf_blocked',
      `the WAF in front of Plume's API refused ${call} of client ${client}: ${why}. Try again at ${new Date(retryAtMs).toISOString()}`,
      { client, retryAtMs },
    );
    this.refused = refused;
    this.refusedAtMs = refusedAtMs;
    this.refusedSinceMs = refusedSinceMs;
    if (clearedAtMs !== undefined) this.clearedAtMs = clearedAtMs;
  }
}
