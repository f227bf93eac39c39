import { ConfigError } from '../errors.ts';

/** Tells the WAF's 403 from the API's own. It answers at once, not with a promise. */
export type IsWafBlock = (response: Response) => boolean;

/** Which answers are the WAF's refusals: every 403 whose body is not JSON, or every 403. */
export type WafRuleName = 'not-json' | 'any-403';

/** The rules by name: a setting reaches minter and inspector too, where a worker's own function cannot. */
export const WAF_RULES = {
  /** The API answers in JSON, the WAF in front of it does not (vendor document: 403 beyond the limit). */
  'not-json': (response) =>
    response.status === 403 &&
    !/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(response.headers.get('content-type') ?? ''),
  /** For an API that never answers 403 itself, behind a WAF that answers in JSON. */
  'any-403': ({ status }) => status === 403,
} as const satisfies Readonly<Record<WafRuleName, IsWafBlock>>;

export function isWafRuleName(name: string): name is WafRuleName {
  return Object.hasOwn(WAF_RULES, name);
}

/**
 * @returns the predicate, unchanged
 * @throws {ConfigError} it is no function, or one that returns a promise: every promise is truthy, so every answer would be
 *   taken for a block
 */
export function checkIsWafBlock(predicate: IsWafBlock): IsWafBlock {
  if (typeof predicate !== 'function') throw new ConfigError('the option isWafBlock must be a function');
  let answer: unknown;
  try {
    answer = predicate(Response.json({}));
  } catch (error) {
    const reason = error instanceof Error ? error.name : typeof error;
    throw new ConfigError(`the option isWafBlock failed for a Response with status 200 (${reason})`);
  }
  if (typeof answer === 'boolean') return predicate;
  throw new ConfigError(
    `the option isWafBlock must return true or false at once; for a Response with status 200 it returned ${answer instanceof Promise ? 'a promise' : `a value of type ${typeof answer}`}`,
  );
}
