import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

import { readBody } from './loopback-server.ts';

/** A server's whole answer. */
export interface ForwardedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Passes a complete POST request on to another server. */
export async function forward(
  url: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<ForwardedAnswer> {
  return new Promise((resolve, reject) => {
    // Headers go on as they are, Host among them: it is part of what was signed.
    const request = httpRequest(url, { method: 'POST', headers }, async (response) => {
      try {
        resolve({
          status: response.statusCode ?? 500,
          headers: response.headers,
          body: await readBody(response),
        });
      } catch (error) {
        reject(error);
      }
    });
    request.on('error', reject).end(body);
  });
}
