/**
 * What Lambda's runtime knows of the current invocation. It keeps apart invocations that run at once in one environment,
 * which a variable at module scope could not.
 */

/** @returns Lambda's request id, or undefined outside of an invocation */
export function currentRequestId(): string | undefined {
  const requestId = store()?.getRequestId?.();
  // The store returns '-' when there is no invocation.
  return requestId === '-' ? undefined : requestId;
}

/** What Lambda sets among a function's environment variables. */
export interface LambdaEnvironment {
  readonly AWS_LAMBDA_FUNCTION_NAME?: string | undefined;
  readonly AWS_LAMBDA_LOG_LEVEL?: string | undefined;
  readonly _X_AMZN_TRACE_ID?: string | undefined;
}

/**
 * @param environment where runtimes without the invoke store keep it, as the SDK's clients do: only inside Lambda
 * @returns the X-Ray trace header of the invocation, or undefined where there is none
 */
export function currentTraceHeader({
  AWS_LAMBDA_FUNCTION_NAME,
  _X_AMZN_TRACE_ID,
}: LambdaEnvironment): string | undefined {
  return store()?.getXRayTraceId?.() ?? ((AWS_LAMBDA_FUNCTION_NAME && _X_AMZN_TRACE_ID) || undefined);
}

/** What Lambda's runtime for Node.js leaves on the global object; its package is `@aws/lambda-invoke-store`. */
interface InvokeStore {
  readonly getRequestId?: () => string;
  readonly getXRayTraceId?: () => string | undefined;
}

function store(): InvokeStore | undefined {
  return (globalThis as { readonly awslambda?: { readonly InvokeStore?: InvokeStore } }).awslambda
    ?.InvokeStore;
}
