import type { Context } from 'aws-lambda';

/**
 * What Middy 6 and 7 give to the hooks of a middleware. Declared here, because Middy 7 has no types for CommonJS: a program
 * of CommonJS could not read declarations that import it (TS1479).
 */
export interface MiddlewareRequest<TEvent = unknown, TContext extends Context = Context> {
  /** Lambda's event. */
  event: TEvent;
  /** Lambda's context, with what middlewares added. */
  context: TContext;
  /** What the handler returned. */
  response: unknown;
  /** What the handler or another middleware threw. */
  error: unknown;
  /** What middlewares keep for one invocation. */
  internal: object;
}

/** A middleware as Middy's `use` takes it. */
export interface Middleware<TEvent = unknown, TContext extends Context = Context> {
  /** Runs before the handler. */
  before: (request: MiddlewareRequest<TEvent, TContext>) => void | Promise<void>;
  /** Runs after the handler. */
  after: (request: MiddlewareRequest<TEvent, TContext>) => void | Promise<void>;
  /** Runs after an error, also one of a middleware that ran before this one. */
  onError: (request: MiddlewareRequest<TEvent, TContext>) => void | Promise<void>;
}
