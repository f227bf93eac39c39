import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';

import { apiRequest } from '../../lib/plume/api-request.ts';
import { send } from '../../lib/plume/send.ts';

/** What an invocation keeps of a call is what the end of the invocation must still reach. */

const base = new URL('https://api.plume.example/');

const sent = (fetch: typeof globalThis.fetch, signal: AbortSignal) =>
  send({
    client: 'mocha',
    request: apiRequest('mocha', base, '/v1'),
    token: 'token',
    fetch,
    timeoutMs: 1_000,
    signal,
  });

test.each(['text', 'cancel'] as const)(
  'an answer is kept until it has been read or dropped: %s',
  async (end) => {
    const { signal } = new AbortController();
    const response = await sent(async () => new Response('{}'), signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await (end === 'text' ? response.text() : response.body?.cancel());
    await expect.poll(() => getEventListeners(signal, 'abort')).toHaveLength(0);
  },
);

test('nothing is kept of an answer without a body, and of a call that failed', async () => {
  const { signal } = new AbortController();
  await sent(async () => new Response(null, { status: 204 }), signal);
  const failed = sent(() => Promise.reject(new TypeError('fetch failed', { cause: new Error() })), signal);
  await expect(failed).rejects.toMatchObject({ code: 'api_unreachable' });
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});
