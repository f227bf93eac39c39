import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

import type { FunctionEvent } from '../../run/events.ts';
import { readBody, sendJson, startLoopbackServer } from '../loopback-server.ts';
import { createFunctionPool, type FunctionPool, ThrottledError } from './function-pool.ts';
import type { LocalFunction } from './instance.ts';
import { compileThread } from './thread-url.ts';

export interface LocalLambda {
  readonly url: string;
  /** Adds a function. It may be invoked at once, through the API or directly. */
  add(local: LocalFunction): FunctionPool;
  stop(): Promise<void>;
}

const INVOCATIONS = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;

/**
 * Lambda's Invoke API (`RequestResponse` and `Event`) over threads. An `Event` invocation is made once: there is no
 * retry and no dead-letter queue.
 */
export async function startLambda(record: (event: FunctionEvent) => void): Promise<LocalLambda> {
  const threadUrl = await compileThread();
  const pools = new Map<string, FunctionPool>();

  const server = await startLoopbackServer(async (request, response) => {
    const payload = (await readBody(request)).toString() || '{}';
    const { pathname } = new URL(request.url ?? '/', 'http://lambda');
    const [, encodedName] = INVOCATIONS.exec(pathname) ?? [];
    if (request.method !== 'POST' || encodedName === undefined) {
      return refuse(response, 404, 'UnknownOperationException', 'only Invoke is known here');
    }
    const name = functionNameOf(decodeURIComponent(encodedName));
    const pool = pools.get(name);
    if (pool === undefined) {
      return refuse(response, 404, 'ResourceNotFoundException', `Function not found: ${name}`);
    }
    try {
      JSON.parse(payload);
    } catch {
      return refuse(
        response,
        400,
        'InvalidRequestContentException',
        'Could not parse request body into json',
      );
    }
    try {
      const trace = request.headers['x-amzn-trace-id'];
      const invocation = pool.invoke(payload, typeof trace === 'string' ? trace : undefined);
      if (request.headers['x-amz-invocation-type'] === 'Event') {
        // Throttling shows within this turn; the outcome of the invocation is not reported.
        await Promise.race([invocation, Promise.resolve()]);
        invocation.catch(() => {});
        response.writeHead(202, { 'x-amzn-requestid': randomUUID() }).end();
        return;
      }
      const result = await invocation;
      sendJson(response, 200, result.ok ? JSON.parse(result.payload) : result.error, {
        'x-amzn-requestid': randomUUID(),
        'x-amz-executed-version': '$LATEST',
        ...(!result.ok && { 'x-amz-function-error': 'Unhandled' }),
      });
    } catch (error) {
      if (!(error instanceof ThrottledError)) throw error;
      refuse(response, 429, 'TooManyRequestsException', 'Rate Exceeded.');
    }
  });

  return {
    url: server.url,
    add(local) {
      const pool = createFunctionPool(local, threadUrl, record);
      pools.set(local.name, pool);
      return pool;
    },
    async stop() {
      await Promise.all([...pools.values()].map((pool) => pool.stop()));
      await server.stop();
    },
  };
}

/** From a name, a partial ARN or an ARN, with or without a qualifier. */
function functionNameOf(identifier: string): string {
  const [, afterFunction] = /(?:^|:)function:([^:]+)/.exec(identifier) ?? [];
  return afterFunction ?? (identifier.split(':')[0] as string);
}

function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  sendJson(response, status, { Type: 'User', message }, { 'x-amzn-errortype': type });
}
