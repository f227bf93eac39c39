import type {
  BudgetBlockedError,
  BudgetClockUnreliableError,
  BudgetClosedError,
  BudgetExhaustedError,
  BudgetPausedError,
  BudgetSettingsConflictError,
  BudgetUnavailableError,
} from '../budget/errors.ts';
import { type ConfigError, isPlumeError as isOfThisLibrary } from '../errors.ts';
import type { TokenStoreUnavailableError, TokenUnavailableError } from '../token/errors.ts';
import type { WafBlockedError } from '../waf/errors.ts';
import type {
  ApiError,
  ApiUnreachableError,
  InvocationOverError,
  RequestNotRepeatableError,
  RequestRefusedError,
  SessionClosedError,
} from './errors.ts';

/** Every error that a call, the middleware, `createPlume` or the construct can throw. Its `code` says which. */
export type AnyPlumeError =
  | ConfigError
  | TokenUnavailableError
  | TokenStoreUnavailableError
  | BudgetExhaustedError
  | BudgetBlockedError
  | BudgetPausedError
  | BudgetSettingsConflictError
  | BudgetUnavailableError
  | BudgetClockUnreliableError
  | BudgetClosedError
  | WafBlockedError
  | ApiUnreachableError
  | ApiError
  | RequestRefusedError
  | RequestNotRepeatableError
  | InvocationOverError
  | SessionClosedError;

/** True for errors of this library, also of another copy of it. Their `code` tells them apart, with the fields of each. */
export function isPlumeError(error: unknown): error is AnyPlumeError {
  return isOfThisLibrary(error);
}
