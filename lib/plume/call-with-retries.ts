import { retryAfterMs } from '../platform/retry-after.ts';
import type { ApiRequest } from './api-request.ts';
import { type Answer, type CallDependencies, type CallScope, callApi } from './call-api.ts';
import { ApiUnreachableError, RequestNotRepeatableError } from './errors.ts';
import { type RetryOptions, retryDelayMs } from './retry-policy.ts';

/** The whole of one call. What waiting cannot mend in the caller's time is returned, or thrown, as it is. */
export async function callWithRetries(
  dependencies: CallDependencies & { readonly random: () => number },
  scope: CallScope & { readonly retry: RetryOptions },
  request: ApiRequest,
  signal: AbortSignal,
): Promise<Answer> {
  const { clock, telemetry, random } = dependencies;
  const { client, patienceMs } = scope;

  for (let retries = 0; ; retries += 1) {
    let end: Answer | ApiUnreachableError;
    try {
      end = await callApi(dependencies, scope, request, signal);
      if (end.response.ok) return end;
    } catch (error) {
      if (!(error instanceof ApiUnreachableError) || signal.aborted) throw error;
      end = error;
    }
    const answer = end instanceof ApiUnreachableError ? undefined : end;
    const status = answer?.response.status;
    const delayMs = retryDelayMs(
      request.retry ?? scope.retry,
      {
        method: request.method,
        status,
        retryAfterMs: retryAfterMs(answer?.response.headers.get('retry-after') ?? null, clock.now()),
        retries,
        patienceMs: patienceMs(),
      },
      random(),
    );
    if (delayMs === undefined) {
      if (end instanceof ApiUnreachableError) throw end;
      return end;
    }
    await answer?.response.body?.cancel();
    if (!request.repeatable)
      throw new RequestNotRepeatableError(client, request, { status, requestId: answer?.requestId() });
    telemetry.log('warn', 'a call failed and is made again', { client, status, delayMs });
    await clock.sleep(delayMs, signal);
  }
}
