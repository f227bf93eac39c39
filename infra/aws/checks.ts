import { type Duration, Token } from 'aws-cdk-lib/core';

import { checkBudgetSettings } from '../../lib/budget/check-settings.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { MINTER_TIMEOUT_MS } from '../../lib/contract.ts';
import { checkClientName, isSecretPrefix, SECRET_PREFIX_RULE } from '../../lib/platform/client-name.ts';
import { parseApiUrl } from '../../lib/platform/endpoint-url.ts';
import { violationOf } from '../../lib/platform/schema.ts';
import {
  type BrokerSettings,
  type MinterSettings,
  WORKER_SCHEMA,
  type WorkerSettings,
} from '../../lib/settings.ts';
import { TOKEN_SCHEMA } from '../../lib/token/settings.ts';

/**
 * The functions' own checks, made before anything is deployed: a limit that does not hold must fail the synthesis, not
 * the first start of a function. That is why `infra/aws` takes more from `lib` than contract and settings, here and nowhere
 * else. And AWS's: what it would refuse fails the synthesis too, not the deployment.
 */

/** Half of the minter's time is for the ticket, the other half for two requests and for recording the outcome. */
const MAX_REQUEST_TIMEOUT_MS = MINTER_TIMEOUT_MS / 6;
/** An alarm looks at two windows, and CloudWatch's alarms at a day at most (PutMetricAlarm, EvaluationPeriods). */
const MAX_WINDOW_MS = 12 * 3_600_000;
const MAX_TICK_MINUTES = 60;

/**
 * @param settings what the functions will be given
 * @throws {Error} with the rule, and the arithmetic where a budget exceeds its limit
 */
export function checkSettings(settings: Omit<MinterSettings, 'table'>): void {
  const { apiUrl, secretPrefix, service, tokenLife, budget } = settings;
  if (isKnown(apiUrl) && !isHttpsApi(apiUrl)) throw new Error(`apiUrl must be ${HTTPS_API_RULE}`);
  if (isKnown(secretPrefix) && !isSecretPrefix(secretPrefix))
    throw new Error(`secretPrefix must be ${SECRET_PREFIX_RULE}`);
  if (isKnown(service) && !SERVICE_NAME.test(service))
    throw new Error(`serviceName must be ${SERVICE_NAME_RULE}`);
  const violation = violationOf(TOKEN_SCHEMA, tokenLife, 'tokenLife');
  if (violation !== undefined) throw new Error(violation);
  if (tokenLife.requestTimeoutMs > MAX_REQUEST_TIMEOUT_MS) {
    throw new Error(
      `tokenLife.requestTimeoutMs is ${tokenLife.requestTimeoutMs}; it must be at most ${MAX_REQUEST_TIMEOUT_MS}, since the minter ends after ${MINTER_TIMEOUT_MS} ms`,
    );
  }
  checkBudget(budget);
  if (budget.windowMs > MAX_WINDOW_MS) {
    throw new Error(
      `budget.windowMs is ${budget.windowMs}; it must be at most ${MAX_WINDOW_MS}, 12 hours: CloudWatch has no alarm that looks at two longer windows`,
    );
  }
}

/** @throws {Error} as the function would at its start */
export function checkBudget(budget: BrokerSettings['budget']): void {
  checkBudgetSettings(isKnown(budget.name) ? budget : { ...budget, name: DEFAULT_BUDGET_SETTINGS.name });
}

/** @throws {Error} if they are not what a broker's parameter holds */
export function checkAttributes(attributes: WorkerSettings & { readonly key?: string | undefined }): void {
  const violation = violationOf(WORKER_SCHEMA, attributes, 'attributes');
  if (violation !== undefined) throw new Error(`${violation}: give the value of the broker's SSM parameter`);
  for (const name of ['table', 'minter', 'key'] as const) {
    // AWS owns the key of some tables.
    if (name === 'key' && attributes.key === undefined) continue;
    if (Token.isUnresolved(attributes[name]) || attributes[name]?.startsWith('arn:')) continue;
    throw new Error(`attributes.${name} must be an ARN; give the value of the broker's SSM parameter`);
  }
}

/** @throws {Error} if no secret can be named so */
export function checkClient(client: string): void {
  if (isKnown(client)) checkClientName(client);
}

/** @throws {Error} if EventBridge Scheduler has no such rate, or CloudWatch no such period */
export function checkTick(tick: Duration): void {
  const minutes = tick.toMinutes({ integral: false });
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= MAX_TICK_MINUTES) return;
  throw new Error(
    `tick is ${minutes} minutes; it must be a whole number of minutes from 1 to ${MAX_TICK_MINUTES}`,
  );
}

/** Whether secrets of the one are named as those of the other may be. */
export function mayFindTheSame(prefix: string, other: string): boolean {
  return `${prefix}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${prefix}/`);
}

export const HTTPS_API_RULE = 'an https URL without a path';

/** Tokens are sent there. */
export function isHttpsApi(apiUrl: string): boolean {
  return !('rule' in parseApiUrl(apiUrl, { isInLambda: true }));
}

/** It begins the names of alarms, which are at most 255 characters long. */
const SERVICE_NAME = /^[\w.-]{1,128}$/;
const SERVICE_NAME_RULE = '1 to 128 letters, digits and _.-';

/** Not so of a token, nor of what the CDK gives until `valueFromLookup` has looked: the deployment decides. */
function isKnown(text: string): boolean {
  return !Token.isUnresolved(text) && isLookedUp(text);
}

/** Not so of what the CDK gives until `valueFromLookup` has looked. */
export function isLookedUp(text: string): boolean {
  return !text.startsWith('dummy-value-for-');
}
