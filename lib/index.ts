/**
 * What a function imports: the middleware, the form without Middy, the errors, and the types of a broker's settings.
 *
 * @packageDocumentation
 */

export {
  BudgetBlockedError,
  BudgetClockUnreliableError,
  BudgetClosedError,
  BudgetExhaustedError,
  BudgetPausedError,
  BudgetSettingsConflictError,
  BudgetUnavailableError,
} from './budget/errors.ts';
export type { BudgetForecast, Forecast } from './budget/forecast.ts';
export type { BudgetSettings, StreamSettings } from './budget/settings.ts';
export type { Priority } from './contract.ts';
export {
  ConfigError,
  ERROR_KINDS,
  type ErrorCode,
  type ErrorKind,
  PlumeError,
  type PlumeErrorOptions,
  shouldPostpone,
} from './errors.ts';
export { createPlume, type Plume, type RunOptions } from './middleware/create-plume.ts';
export type { Middleware, MiddlewareRequest } from './middleware/middy.ts';
export type { PlumeOptions } from './middleware/options.ts';
export { type PlumeMiddleware, type PlumeMiddlewareOptions, plume } from './middleware/plume.ts';
export type { InvocationContext, LimitedTime } from './middleware/sessions.ts';
export { type AnyPlumeError, isPlumeError } from './plume/any-error.ts';
export type { PlumeApi } from './plume/api.ts';
export type { Broker } from './plume/broker.ts';
export {
  ApiError,
  ApiUnreachableError,
  type CallEnd,
  InvocationOverError,
  type NamedCall,
  RequestNotRepeatableError,
  RequestRefusedError,
  SessionClosedError,
} from './plume/errors.ts';
export type { Query, QueryValue } from './plume/query.ts';
export type { CallOptions, JsonBody, PlumeRequestInit } from './plume/request-init.ts';
export type { CallInput } from './plume/request-object.ts';
export type { RetryOptions } from './plume/retry-policy.ts';
export { TokenStoreUnavailableError, TokenUnavailableError } from './token/errors.ts';
export type { TokenSettings } from './token/settings.ts';
export type { WafRefusal } from './waf/circuit-breaker.ts';
export { WafBlockedError } from './waf/errors.ts';
export type { IsWafBlock, WafRuleName } from './waf/is-waf-block.ts';
