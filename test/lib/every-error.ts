import { JobMalformedError } from '../../functions/worker/job.ts';
import { JobFailedError } from '../../functions/worker/process-job.ts';
import * as budget from '../../lib/budget/errors.ts';
import * as credentials from '../../lib/credentials/errors.ts';
import { ConfigError, PlumeError } from '../../lib/errors.ts';
import * as minter from '../../lib/minter/errors.ts';
import { OAuthError } from '../../lib/oauth/errors.ts';
import * as calls from '../../lib/plume/errors.ts';
import * as token from '../../lib/token/errors.ts';
import { WafBlockedError } from '../../lib/waf/errors.ts';
import { firstRefusal } from '../fixtures/open-budget.ts';

const call = { method: 'GET', path: '/v1' };
const end = { status: 500, requestId: 'r', retryAtMs: 0 };

/** One error of each class, under the name of its class. */
export const EVERY_ERROR: Readonly<Record<string, PlumeError>> = {
  PlumeError: new PlumeError('api_error', 'x'),
  ConfigError: new ConfigError('x'),
  SecretMalformedError: new credentials.SecretMalformedError('mocha', 'x'),
  SecretMissingError: new credentials.SecretMissingError('mocha', 'x'),
  SecretUnavailableError: new credentials.SecretUnavailableError({ client: 'mocha' }, 'x'),
  OAuthError: new OAuthError('mocha', { endpoint: 'token', code: 'invalid_client' }),
  ClientRecordsUnavailableError: new minter.ClientRecordsUnavailableError('read', 'x'),
  SecretOutdatedError: new minter.SecretOutdatedError('mocha'),
  TokenExpiredOnArrivalError: new minter.TokenExpiredOnArrivalError('mocha', 1),
  TokenUnavailableError: new token.TokenUnavailableError('mocha', { retryAtMs: 0 }),
  TokenStoreUnavailableError: new token.TokenStoreUnavailableError('mocha', 'read', 'x'),
  BudgetExhaustedError: new budget.BudgetExhaustedError('x', 0),
  BudgetBlockedError: new budget.BudgetBlockedError('x', 0),
  BudgetPausedError: new budget.BudgetPausedError('x', 0),
  BudgetSettingsConflictError: new budget.BudgetSettingsConflictError('x', 0),
  BudgetUnavailableError: new budget.BudgetUnavailableError('x', 0),
  BudgetClockUnreliableError: new budget.BudgetClockUnreliableError('x', 0),
  BudgetClosedError: new budget.BudgetClosedError(),
  WafBlockedError: new WafBlockedError('mocha', 'GET /v1', firstRefusal(0, 0)),
  ApiUnreachableError: new calls.ApiUnreachableError('mocha', call, 'timeout'),
  RequestRefusedError: new calls.RequestRefusedError('mocha', call, 'x'),
  RequestNotRepeatableError: new calls.RequestNotRepeatableError('mocha', call, end),
  ApiError: new calls.ApiError('mocha', call, end),
  InvocationOverError: new calls.InvocationOverError('mocha', 0),
  SessionClosedError: new calls.SessionClosedError('mocha'),
  JobMalformedError: new JobMalformedError('x'),
  JobFailedError: new JobFailedError('mocha', 500),
};
