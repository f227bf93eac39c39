import { forward } from '../../infra/local/emulators/forward.ts';
import {
  type LoopbackServer,
  readBody,
  startLoopbackServer,
} from '../../infra/local/emulators/loopback-server.ts';
import type { Endpoint } from '../fixtures/system/system.ts';

/** How an endpoint fails: its connections are cut; its answers end half-way; it refuses, and says `word`. */
export type TapFault =
  | { readonly kind: 'away' }
  | { readonly kind: 'half' }
  | { readonly kind: 'refusing'; readonly word: string };

/** Writes down what passes between the functions and AWS, and can make it fail. */
export interface Wiretap {
  start(endpoint: Endpoint, url: string): Promise<LoopbackServer>;
  /** Runs `during` while an endpoint fails. */
  failing<Result>(endpoint: Endpoint, fault: TapFault, during: () => Promise<Result>): Promise<Result>;
}

/** @param record hears the bodies, without those parts whose purpose it is to hold a secret */
export function createWiretap(record: (channel: string, text: string) => void): Wiretap {
  const faults = new Map<Endpoint, TapFault>();

  return {
    start: (endpoint, url) =>
      startLoopbackServer(async (request, response) => {
        const body = await readBody(request);
        record(`${endpoint} request`, `${request.url} ${withoutToken(body)}`);
        const fault = faults.get(endpoint);
        if (fault?.kind === 'away') {
          request.socket.destroy();
          return;
        }
        if (fault?.kind === 'refusing') {
          response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
          response.end(JSON.stringify({ __type: 'AccessDeniedException', message: `no: ${fault.word}` }));
          return;
        }
        const answer = await forward(`${url}${request.url}`, request.headers, body);
        if (endpoint !== 'secrets-manager') record(`${endpoint} answer`, withoutToken(answer.body));
        const { 'content-length': _, 'x-amz-crc32': __, ...headers } = answer.headers;
        const end = fault?.kind === 'half' ? answer.body.length / 2 : undefined;
        response.writeHead(answer.status, headers).end(answer.body.subarray(0, end));
      }),
    async failing(endpoint, fault, during) {
      faults.set(endpoint, fault);
      try {
        return await during();
      } finally {
        faults.delete(endpoint);
      }
    },
  };
}

/** The one attribute of the one item that holds a token is its place. */
function withoutToken(body: Buffer): string {
  const text = body.toString();
  if (!text.includes('"accessToken"')) return text;
  const message = JSON.parse(text) as { Item?: { pk?: { S?: string }; accessToken?: unknown } };
  if (message.Item?.pk?.S?.startsWith('token#')) delete message.Item.accessToken;
  return JSON.stringify(message);
}
