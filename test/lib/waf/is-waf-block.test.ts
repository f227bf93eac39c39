import { describe, expect, test } from 'vitest';

import { checkIsWafBlock, type IsWafBlock, WAF_RULES } from '../../../lib/waf/is-waf-block.ts';

test.each([
  [403, 'text/html', true],
  [403, 'text/plain;charset=UTF-8', true],
  [403, undefined, true],
  [403, 'application/json-seq', true],
  [403, 'application/json', false],
  [403, 'application/json; charset=utf-8', false],
  [403, 'application/problem+json', false],
  [403, 'APPLICATION/JSON', false],
  [401, 'text/html', false],
  [200, 'text/html', false],
  [503, 'text/html', false],
])('an answer %i %s is a refusal of the WAF: %s', (status, type, isBlock) => {
  const headers = type === undefined ? {} : { 'content-type': type };
  // A body of text brings a type of its own.
  const body = type === undefined ? new Uint8Array([120]) : 'x';
  expect(WAF_RULES['not-json'](new Response(body, { status, headers }))).toBe(isBlock);
});

test('by the rule any-403 every 403 is a refusal of the WAF, and nothing else', () => {
  expect(WAF_RULES['any-403'](Response.json({}, { status: 403 }))).toBe(true);
  expect(WAF_RULES['any-403'](new Response('<html>', { status: 401 }))).toBe(false);
});

describe('the option isWafBlock', () => {
  test('is taken as it is', () => {
    const mine: IsWafBlock = ({ headers }) => headers.has('x-waf');
    expect(checkIsWafBlock(mine)).toBe(mine);
  });

  test.each<[string, unknown]>([
    ['a promise', async () => false],
    ['a value of type undefined', () => {}],
    ['must be a function', true],
    ['(SyntaxError)', () => JSON.parse('<')],
  ])('is refused at construction if it is no predicate: %s', (rule, predicate) => {
    expect(() => checkIsWafBlock(predicate as IsWafBlock)).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(rule) }),
    );
  });
});
