/**
 * What a function imports: the middleware, the form without Middy, the errors, and the types of a broker's settings.
 *
 * @packageDocumentation
 */

export type { BudgetSettings, StreamSettings } from './budget/settings.ts';
export { type ErrorCode, isPlumeError, PlumeError, type PlumeErrorOptions } from './errors.ts';
export { createPlume, type Plume, type PlumeInvocation } from './middleware/create-plume.ts';
export type { PlumeContext, PlumeOptions } from './middleware/options.ts';
export { type PlumeMiddleware, type PlumeMiddlewareOptions, plume } from './middleware/plume.ts';
export type { InvocationContext } from './middleware/sessions.ts';
export { ApiError, type NamedCall } from './plume/errors.ts';
export type { PlumeCaller } from './plume/plume-caller.ts';
export type { CallOptions, JsonBody, PlumeRequestInit, Query, QueryValue } from './plume/request-init.ts';
export type { RetryOptions } from './plume/retry-policy.ts';
export type { Invocation, PlumeSession } from './plume/session-calls.ts';
export type { TokenSettings } from './token/settings.ts';
export type { IsWafBlock } from './waf/waf-block.ts';
