import { expect, test } from 'vitest';
import { answerRule } from '../../../lib/waf/answer-rule.ts';
import type { WafRefusal } from '../../../lib/waf/circuit-breaker.ts';
import { WafBlockedError } from '../../../lib/waf/errors.ts';

const AT_MS = Date.UTC(2026, 0, 1);
const REFUSAL: WafRefusal = {
  refused: 'call',
  refusedAtMs: AT_MS,
  refusedSinceMs: AT_MS - 5_000,
  retryAtMs: AT_MS + 30_000,
};

test("a refused call's error says which call of which client, why, and when to try again", () => {
  const { name, message } = new WafBlockedError('mocha', 'GET /v1/locations', REFUSAL);
  expect(name).toBe('WafBlockedError');
  expect(message).toContain('GET /v1/locations of client mocha');
  expect(message).toContain('refuses this call for its content');
  expect(message).toContain('Try again at 2026-01-01T00:00:30.000Z');
});

test("a refused address's error says that nothing is sent until a probe passes, and what to do", () => {
  const { message } = new WafBlockedError('mocha', 'GET /v1', { ...REFUSAL, refused: 'address' });
  expect(message).toContain('refuses every call of this IP address');
  expect(message).toContain("lower the budget's rate");
});

test('the error has the moments of the refusal, and of the last call that passed if one is known', () => {
  const first = new WafBlockedError('mocha', 'GET /v1', REFUSAL);
  expect(first).toMatchObject({ client: 'mocha', ...REFUSAL, clearedAtMs: undefined });
  const later = { ...REFUSAL, clearedAtMs: AT_MS - 9_000 };
  expect(new WafBlockedError('mocha', 'GET /v1', later)).toMatchObject(later);
});

test('a refusal without a body becomes the same error', () => {
  const rule = answerRule('mocha', 'GET /v1', ({ status }) => status === 403);
  expect(rule.toError(new Response(null, { status: 403 }), REFUSAL)).toBeInstanceOf(WafBlockedError);
});
