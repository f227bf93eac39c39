/** What passes between a function's pool and the threads of its instances. */

export interface ThreadData {
  readonly bundleUrl: string;
  readonly handlerName: string;
  readonly functionName: string;
  readonly memoryMb: number;
  readonly instance: string;
}

export interface ThreadRequest {
  /** The invocation's request id. */
  readonly id: string;
  /** The header of the trace that the invocation belongs to. */
  readonly traceId: string;
  /** JSON of the event. */
  readonly payload: string;
  /** Unix ms. */
  readonly deadlineMs: number;
}

export type ThreadAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'init-failure'; readonly error: FunctionError }
  | { readonly kind: 'answer'; readonly id: string; readonly payload: string }
  | { readonly kind: 'failure'; readonly id: string; readonly error: FunctionError };

/** The payload of a failed invocation, as Lambda answers it. */
export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}
