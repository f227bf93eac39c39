import type { IncomingMessage } from 'node:http';

/** Tests put another address here. It is believed from a loopback peer alone. */
export const TEST_ADDRESS_HEADER = 'x-test-source-address';

/** The address that the WAF counts a call for. */
export function sourceAddressOf(request: IncomingMessage): string {
  const peer = request.socket.remoteAddress ?? 'unknown';
  const isLoopback = peer === '::1' || /^(::ffff:)?127\./.test(peer);
  const header = request.headers[TEST_ADDRESS_HEADER];
  return isLoopback && typeof header === 'string' ? header : peer;
}
