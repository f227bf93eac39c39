import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';

import type { FunctionEvent } from '../../run/events.ts';
import { captureOutput } from './output.ts';
import type { FunctionError, ThreadAnswer, ThreadData, ThreadRequest } from './thread-messages.ts';

export type InvocationResult =
  | { readonly ok: true; readonly payload: string }
  | { readonly ok: false; readonly error: FunctionError };

type StopReason = Extract<FunctionEvent, { kind: 'instance-stopped' }>['reason'];

/** A function as the local Lambda knows it. */
export interface LocalFunction {
  readonly name: string;
  /** file: URL of the bundle, an ES module that exports `handler`. */
  readonly bundleUrl: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Told to the function; not enforced. */
  readonly memoryMb: number;
  /** Instances that may run at once; a call beyond that is throttled. */
  readonly concurrency: number;
}

/** One execution environment of a function: a thread with memory and environment variables of its own. */
export interface Instance {
  readonly id: string;
  /** One at a time. Never rejects; a time-out ends the instance, as it does in Lambda. */
  invoke(invocation: string, payload: string, traceId: string): Promise<InvocationResult>;
  stop(reason: StopReason): Promise<void>;
  readonly stopped: boolean;
}

/** @param threadUrl what the thread runs: see `compileThread` */
export function startInstance(
  local: LocalFunction,
  threadUrl: URL,
  record: (event: FunctionEvent) => void,
): Instance {
  const { name } = local;
  const id = randomUUID();
  const worker = new Worker(threadUrl, {
    env: { ...local.environment, AWS_LAMBDA_FUNCTION_NAME: name },
    stdout: true,
    stderr: true,
    workerData: {
      bundleUrl: local.bundleUrl,
      handlerName: 'handler',
      functionName: name,
      memoryMb: local.memoryMb,
      instance: id,
    } satisfies ThreadData,
  });
  captureOutput(worker.stdout, { name, instance: id }, record);
  captureOutput(worker.stderr, { name, instance: id }, record);
  record({ kind: 'instance-started', name, instance: id });

  let stopped = false;
  let settle: ((result: InvocationResult) => void) | undefined;
  const ready = Promise.withResolvers<void>();

  function end(reason: StopReason, error: FunctionError): void {
    if (stopped) return;
    stopped = true;
    record({ kind: 'instance-stopped', name, instance: id, reason });
    settle?.({ ok: false, error });
    ready.resolve();
  }

  worker.on('message', (message: ThreadAnswer) => {
    if (message.kind === 'ready') ready.resolve();
    else if (message.kind === 'init-failure') {
      end('crashed', message.error);
      void worker.terminate();
    } else if (message.kind === 'answer') settle?.({ ok: true, payload: message.payload });
    else settle?.({ ok: false, error: message.error });
  });
  // An uncaught exception; 'exit' follows.
  worker.on('error', (error) => end('crashed', exitError(`exception ${error.name}`)));
  worker.on('exit', (code) => end('crashed', exitError(`exit status ${code}`)));

  return {
    id,
    get stopped() {
      return stopped;
    },
    async invoke(invocation, payload, traceId) {
      const result = new Promise<InvocationResult>((resolve) => {
        settle = resolve;
      });
      await ready.promise;
      if (stopped) return result;
      const deadlineMs = Date.now() + local.timeoutMs;
      const request: ThreadRequest = { id: invocation, traceId, payload, deadlineMs };
      worker.postMessage(request);
      const timer = setTimeout(() => {
        const seconds = (local.timeoutMs / 1000).toFixed(2);
        end('timed-out', {
          errorType: 'Sandbox.Timedout',
          errorMessage: `Task timed out after ${seconds} seconds`,
        });
        void worker.terminate();
      }, local.timeoutMs);
      try {
        return await result;
      } finally {
        clearTimeout(timer);
        settle = undefined;
      }
    },
    async stop(reason) {
      end(reason, exitError('signal: killed'));
      await worker.terminate();
    },
  };
}

function exitError(how: string): FunctionError {
  return { errorType: 'Runtime.ExitError', errorMessage: `Runtime exited with error: ${how}` };
}
