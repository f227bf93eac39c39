import type { UntimedEvent } from '../../run/events.ts';
import { forward } from '../forward.ts';
import { type LoopbackServer, readBody, startLoopbackServer } from '../loopback-server.ts';
import { grantedTickets } from './granted-tickets.ts';

export interface CountingProxy extends LoopbackServer {
  /** While true, the connection of every request is cut: the table cannot be reached. */
  setAway(isAway: boolean): void;
}

/**
 * Stands between the functions and the engine: one event per request, and one for the tickets that it grants. Requests are
 * complete before they are passed on, because dynalite ends the whole process when a caller disconnects in the middle of one.
 */
export async function startCountingProxy(
  engineUrl: string,
  record: (event: UntimedEvent) => void,
): Promise<CountingProxy> {
  let away = false;
  const server = await startLoopbackServer(async (request, response) => {
    const body = await readBody(request);
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? 'unknown';
    if (away) {
      record({ kind: 'table-request', operation, status: 0 });
      request.socket.destroy();
      return;
    }
    const startedMs = performance.now();
    const answer = await forward(engineUrl, request.headers, body);
    record({ kind: 'table-request', operation, status: answer.status });
    const granted = grantedTickets(operation, body, answer);
    if (granted) record({ kind: 'tickets-granted', ...granted, durationMs: performance.now() - startedMs });
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  return {
    ...server,
    setAway(isAway) {
      away = isAway;
    },
  };
}
