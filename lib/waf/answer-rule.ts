import type { WafRefusal } from './circuit-breaker.ts';
import { WafBlockedError } from './errors.ts';
import type { IsWafBlock } from './is-waf-block.ts';

/** How to tell the WAF's refusal from an answer, and what becomes of it. */
export interface AnswerRule<Answer> {
  isRefusal(answer: Answer): boolean;
  /** What the attempt throws. */
  toError(answer: Answer, refusal: WafRefusal): Error;
}

/**
 * The rule of every HTTP call: of workers, of the minter and of the inspector.
 *
 * @param call as the error names it, such as `GET /v1/locations`
 * @param isBlock the budget's own rule, or a worker's
 */
export function answerRule(client: string, call: string, isBlock: IsWafBlock): AnswerRule<Response> {
  return {
    isRefusal: isBlock,
    toError(response, refusal) {
      // A connection that breaks now changes nothing.
      response.body?.cancel().catch(() => {});
      return new WafBlockedError(client, call, refusal);
    },
  };
}
