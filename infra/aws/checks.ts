import { Token } from 'aws-cdk-lib';

import { checkBudgetSettings } from '../../lib/budget/check-settings.ts';
import { checkClientName } from '../../lib/platform/client-name.ts';
import { parseApiUrl } from '../../lib/platform/endpoint-url.ts';
import { readSecretPrefix, readSettings } from '../../lib/settings.ts';

/**
 * The functions' own checks, made before anything is deployed: a limit that does not hold must fail the synthesis, not
 * the first start of a function. That is why `infra/aws` takes more from `lib` than the contract, here and nowhere else.
 */
export { checkClientName };

/**
 * @param environment what the functions will be given
 * @throws {ConfigError} with the rule, and the arithmetic where a budget exceeds its limit
 */
export function checkEnvironment(environment: Readonly<Record<string, string>>): void {
  readSecretPrefix(environment);
  checkBudgetSettings(readSettings(environment).budget);
}

/** @throws {Error} naming the rule: tokens are sent there */
export function checkApiUrl(apiUrl: string): string {
  if (Token.isUnresolved(apiUrl)) return apiUrl;
  const parsed = parseApiUrl(apiUrl);
  // What may be plain http on a developer's machine may not be so in AWS.
  const rule =
    'rule' in parsed ? parsed.rule : apiUrl.startsWith('https:') ? undefined : 'must be an https URL';
  if (rule === undefined) return apiUrl;
  throw new Error(`apiUrl ${rule}`);
}
