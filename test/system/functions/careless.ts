import { inspect } from 'node:util';

import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { plume } from '../../../lib/middleware/plume.ts';
import type { PlumeApi } from '../../../lib/plume/api.ts';

export interface CarelessEvent {
  readonly client: string;
  /** What is done with the call: awaited, forgotten, or followed by a bug. */
  readonly mode: 'await' | 'forget' | 'crash' | 'reject';
  /** The API's answer that is asked for as JSON, twice if need be, in place of all else. */
  readonly json?: string;
  /** Said on every channel there is: shows that somebody listens. */
  readonly say?: string;
}

/** Prints everything that it gets hold of, as deep as it goes, and lets every error through. */
export const handler = (event: CarelessEvent, context: Context): Promise<unknown> =>
  middy()
    .use({
      onError: ({ error }) => {
        print('error', error);
        console.error(error);
      },
    })
    .use(plume({ client: event.client, maxWaitMs: 2_000 }))
    .handler(careless)(event, context);

async function careless(
  { client, mode, json, say }: CarelessEvent,
  context: Context & { plume: PlumeApi },
): Promise<unknown> {
  print('context', context);
  if (say !== undefined) {
    console.log(Buffer.from(`Basic ${say}`).toString('base64'));
    console.error(encodeURIComponent(say));
    throw new Error(`a bug that says ${say}`);
  }
  if (json !== undefined) {
    const query = { email: 'a@b.example' };
    return context.plume.json(`/api/${client}/${json}`, { query, retry: { limit: 1 } });
  }
  const call = context.plume.fetch(`/api/${client}/ok`, { method: 'POST', body: '{}' });
  print('call', call);
  if (mode === 'forget') return 'forgotten';
  const response = await call;
  print('response', response);
  print('headers', [...response.headers]);
  const body = await response.text();
  if (mode === 'crash') throw new Error('a bug', { cause: response });
  if (mode === 'reject') void Promise.reject(Object.assign(new Error('nobody catches this'), { response }));
  return { status: response.status, body, context, response };
}

function print(what: string, value: unknown): void {
  console.log(what, inspect(value, { showHidden: true, depth: 12, getters: true, maxArrayLength: 50 }));
}
