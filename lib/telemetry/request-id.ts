/**
 * Which invocation a line is of. Lambda's runtime keeps that apart for invocations that run at once in one environment;
 * a variable of ours could not.
 *
 * @returns Lambda's request id, or undefined outside of an invocation
 */
export function currentRequestId(): string | undefined {
  const requestId = (globalThis as Runtime).awslambda?.InvokeStore?.getRequestId?.();
  // The store's word for none.
  return requestId === '-' ? undefined : requestId;
}

/** What Lambda's runtime for Node.js leaves on the global object; its package is `@aws/lambda-invoke-store`. */
interface Runtime {
  readonly awslambda?: { readonly InvokeStore?: { readonly getRequestId?: () => string } };
}
