import { randomBytes, randomUUID } from 'node:crypto';

import type { FunctionEvent } from '../../run/events.ts';
import { type Instance, type InvocationResult, type LocalFunction, startInstance } from './instance.ts';

/** The instances of one function: started when needed, reused when idle. */
export interface FunctionPool {
  /**
   * @param traceId the header of the caller's trace @default - a new trace, which X-Ray does not record
   * @throws {ThrottledError} every instance that may run is busy
   */
  invoke(payload: string, traceId?: string): Promise<InvocationResult>;
  /** The ids of the instances that are serving an invocation, longest first. */
  busy(): readonly string[];
  /** Ends an instance, as a host that dies does. False: there is no such instance. */
  kill(instance: string): Promise<boolean>;
  stop(): Promise<void>;
}

export class ThrottledError extends Error {
  override readonly name = 'ThrottledError';
}

export function createFunctionPool(
  local: LocalFunction,
  threadUrl: URL,
  record: (event: FunctionEvent) => void,
): FunctionPool {
  const { name } = local;
  const idle: Instance[] = [];
  const busy = new Set<Instance>();

  function take(): Instance {
    for (let instance = idle.pop(); instance !== undefined; instance = idle.pop()) {
      if (!instance.stopped) return instance;
    }
    return startInstance(local, threadUrl, record);
  }

  return {
    async invoke(payload, traceId = newTrace()) {
      if (busy.size >= local.concurrency) {
        record({ kind: 'invocation-throttled', name });
        throw new ThrottledError(`all ${local.concurrency} instances of ${name} are busy`);
      }
      const instance = take();
      busy.add(instance);
      const id = randomUUID();
      const startedMs = performance.now();
      record({ kind: 'invocation-started', name, instance: instance.id, id });
      const result = await instance.invoke(id, payload, traceId);
      busy.delete(instance);
      if (!instance.stopped) idle.push(instance);
      record({
        kind: 'invocation-ended',
        name,
        instance: instance.id,
        id,
        durationMs: performance.now() - startedMs,
        error: result.ok ? undefined : result.error.errorType,
      });
      return result;
    },
    busy: () => [...busy].map(({ id }) => id),
    async kill(id) {
      const instance = [...busy, ...idle].find((candidate) => candidate.id === id);
      await instance?.stop('killed');
      return instance !== undefined;
    },
    async stop() {
      await Promise.all([...busy, ...idle].map((instance) => instance.stop('shut-down')));
    },
  };
}

/** @see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader */
function newTrace(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
  return `Root=1-${seconds}-${hex(12)};Parent=${hex(8)};Sampled=0`;
}
