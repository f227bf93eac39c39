import { parentPort, workerData } from 'node:worker_threads';
import { InvokeStore, InvokeStoreBase } from '@aws/lambda-invoke-store';

import type { ThreadAnswer, ThreadData, ThreadRequest } from './thread-messages.ts';

/** The inside of one instance: loads the bundle once, then serves one invocation after the other. */

const { bundleUrl, handlerName, functionName, memoryMb, instance } = workerData as ThreadData;
const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread');

type Handler = (event: unknown, context: object) => Promise<unknown>;

// Lambda's runtime tells logs and SDK clients of the invocation in the same way.
const invocations = await InvokeStore.getInstanceAsync();
const handler = await loadHandler();
post({ kind: 'ready' });

port.on('message', async ({ id, traceId, payload, deadlineMs }: ThreadRequest) => {
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    memoryLimitInMB: String(memoryMb),
    awsRequestId: id,
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: instance,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
  try {
    const { REQUEST_ID, X_RAY_TRACE_ID } = InvokeStoreBase.PROTECTED_KEYS;
    const invocation = { [REQUEST_ID]: id, [X_RAY_TRACE_ID]: traceId };
    const result = await invocations.run(invocation, () => handler(JSON.parse(payload), context));
    // Lambda answers null where a handler returns nothing.
    post({ kind: 'answer', id, payload: JSON.stringify(result) ?? 'null' });
  } catch (error) {
    post({ kind: 'failure', id, error: describe(error) });
  }
});

async function loadHandler(): Promise<Handler> {
  try {
    const module = (await import(bundleUrl)) as Record<string, Handler>;
    const loaded = module[handlerName];
    if (typeof loaded !== 'function') throw new Error(`the bundle exports no function ${handlerName}`);
    return loaded;
  } catch (error) {
    post({ kind: 'init-failure', error: describe(error) });
    // The pool ends the thread. By itself it might be gone before its last message is.
    port?.on('message', () => {});
    return new Promise(() => {});
  }
}

function post(message: ThreadAnswer): void {
  port?.postMessage(message);
}

/** What Lambda answers with `X-Amz-Function-Error`. */
function describe(error: unknown): { errorType: string; errorMessage: string; trace: string[] } {
  return error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: error.stack?.split('\n') ?? [] }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };
}
