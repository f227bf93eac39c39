import { Token } from 'aws-cdk-lib';

import { checkBudgetSettings } from '../../lib/budget/check-settings.ts';
import { checkClientName, isSecretPrefix, SECRET_PREFIX_RULE } from '../../lib/platform/client-name.ts';
import { parseApiUrl } from '../../lib/platform/endpoint-url.ts';
import { violationOf } from '../../lib/platform/schema.ts';
import type { MinterSettings } from '../../lib/settings.ts';
import { TOKEN_SCHEMA } from '../../lib/token/settings.ts';

/**
 * The functions' own checks, made before anything is deployed: a limit that does not hold must fail the synthesis, not
 * the first start of a function. That is why `infra/aws` takes more from `lib` than contract and settings, here and nowhere else.
 */
export { checkBudgetSettings, checkClientName };

/**
 * @param settings what the functions will be given
 * @throws {Error} with the rule, and the arithmetic where a budget exceeds its limit
 */
export function checkSettings({ apiUrl, secretPrefix, token, budget }: MinterSettings): void {
  if (isKnown(apiUrl) && !isHttpsApi(apiUrl)) throw new Error(`apiUrl must be ${HTTPS_API_RULE}`);
  if (isKnown(secretPrefix) && !isSecretPrefix(secretPrefix))
    throw new Error(`secretPrefix must be ${SECRET_PREFIX_RULE}`);
  const violation = violationOf(TOKEN_SCHEMA, token, 'token');
  if (violation !== undefined) throw new Error(violation);
  checkBudgetSettings(budget);
}

export const HTTPS_API_RULE = 'an https URL without a path';

/** Tokens are sent there. */
export function isHttpsApi(apiUrl: string): boolean {
  return !('rule' in parseApiUrl(apiUrl, { isInLambda: true }));
}

/** Not so of a token, nor of what the CDK gives until `valueFromLookup` has looked: the deployment decides. */
function isKnown(text: string): boolean {
  return !Token.isUnresolved(text) && !text.startsWith('dummy-value-for-');
}
