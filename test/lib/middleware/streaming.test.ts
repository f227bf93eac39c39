import { PassThrough, Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import middy from '@middy/core';
import { executionModeStreamifyResponse } from '@middy/core/StreamifyResponse';
import type { Context } from 'aws-lambda';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

import { createPlume, type PlumeApi, plume } from '../../../lib/index.ts';
import { type CloudBroker, startCloudBroker } from '../../fixtures/memory.ts';

/** The API sends the second half of its answer when the test says so: after the handler has returned. */
const cloud: CloudBroker = await startCloudBroker();
afterAll(() => cloud.stop());
let release: () => void;
let aborted: boolean;
beforeEach(() => {
  const gate = Promise.withResolvers<void>();
  release = gate.resolve;
  aborted = false;
  cloud.seen.flushes = 0;
  cloud.seen.logged.length = 0;
  slow = async (_url, init) => {
    const half = (part: string) => new TextEncoder().encode(part);
    const body = new ReadableStream({
      async start(controller) {
        init?.signal?.addEventListener('abort', () => {
          aborted = true;
          controller.error(init.signal?.reason);
        });
        controller.enqueue(half('first '));
        await gate.promise;
        if (aborted) return;
        controller.enqueue(half('second'));
        controller.close();
      },
    });
    return new Response(body);
  };
});
let slow: typeof fetch;

const options = () => ({ client: 'mocha', broker: cloud.caller({ fetch: (...call) => slow(...call) }) });
const lambdaContext = () => ({ getRemainingTimeInMillis: () => 60_000 }) as Context & { plume: PlumeApi };

/** What the runtime of Lambda gives to handlers that stream their answers: a global of its own. */
Object.assign(globalThis, {
  awslambda: {
    streamifyResponse: (handler: unknown) => handler,
    HttpResponseStream: { from: (stream: Writable) => stream },
  },
});
type Streaming = (event: unknown, responseStream: Writable, context: Context) => Promise<void>;

/** Begins an invocation, looks at what it does, and returns what it streamed. */
async function invoke(handler: Streaming, whileUnderWay: () => void | Promise<void>): Promise<string> {
  const responseStream = new PassThrough();
  const streamed = text(responseStream);
  const invocation = handler({}, responseStream, lambdaContext());
  await new Promise((resolve) => responseStream.once('data', resolve));
  await whileUnderWay();
  await invocation;
  return streamed;
}

describe("Middy's streaming mode", () => {
  const answering = (respond: (body: Readable) => unknown) =>
    middy({ executionMode: executionModeStreamifyResponse })
      .use(plume(options()))
      .handler(async (_event: unknown, context) => {
        const { body } = await context.plume.fetch('/v1');
        return respond(Readable.fromWeb(body as never));
      }) as unknown as Streaming;

  test.each<[string, (body: Readable) => unknown]>([
    ['a stream', (body) => body],
    ['a web stream', (body) => Readable.toWeb(body)],
    ['an answer of a function URL', (body) => ({ statusCode: 200, headers: {}, body })],
  ])('%s ends with the calls that feed it, and not before', async (_, respond) => {
    const streamed = await invoke(answering(respond), () => {
      expect([aborted, cloud.seen.flushes]).toEqual([false, 0]);
      release();
    });
    expect(streamed).toBe('first second');
    expect(cloud.seen.flushes).toBe(1);
    expect(cloud.seen.logged).toEqual([]);
  });

  test('a reader that goes away ends the calls', async () => {
    const responseStream = new PassThrough();
    const invocation = answering((body) => body)({}, responseStream, lambdaContext());
    await new Promise((resolve) => responseStream.once('data', resolve));
    responseStream.destroy();
    await expect(invocation).rejects.toThrow();
    expect([aborted, cloud.seen.flushes]).toEqual([true, 1]);
  });

  test('a text is answered as ever, and its calls end with the handler', async () => {
    const handler = middy({ executionMode: executionModeStreamifyResponse })
      .use(plume(options()))
      .handler(async () => 'text') as unknown as Streaming;
    expect(await invoke(handler, () => expect(cloud.seen.flushes).toBe(1))).toBe('text');
  });
});

test("Lambda's own streamifyResponse: what is awaited within the run is streamed whole", async () => {
  const mocha = createPlume(options());
  const handler: Streaming = (_event, responseStream, context) =>
    mocha.run(
      async ({ fetch }) => pipeline(Readable.fromWeb((await fetch('/v1')).body as never), responseStream),
      { context },
    );
  expect(await invoke(handler, release)).toBe('first second');
  expect(cloud.seen.flushes).toBe(1);
});

describe('a run that returns a stream', () => {
  const returned = (): Promise<Readable> =>
    createPlume(options()).run(async ({ fetch }) => Readable.fromWeb((await fetch('/v1')).body as never));

  test('ends with it', async () => {
    const stream = await returned();
    expect([aborted, cloud.seen.flushes]).toEqual([false, 0]);
    release();
    expect(await text(stream)).toBe('first second');
    expect(cloud.seen.flushes).toBe(1);
  });

  test('ends with it if it is dropped unread', async () => {
    const stream = await returned();
    stream.destroy();
    await new Promise((resolve) => stream.once('close', resolve));
    expect([aborted, cloud.seen.flushes]).toEqual([true, 1]);
  });

  test('ends with it if it fails, and the failure stays what it was', async () => {
    const stream = await createPlume(options()).run(async ({ fetch }) => {
      await fetch('/v1');
      return Readable.from(
        (async function* () {
          yield 'first';
          throw new Error('mine');
        })(),
      );
    });
    await expect(text(stream)).rejects.toThrow('mine');
    expect(cloud.seen.flushes).toBe(1);
  });
});
