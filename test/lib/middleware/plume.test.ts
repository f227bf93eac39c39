import middy from '@middy/core';
import type { Context, SQSEvent } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { plume } from '../../../lib/middleware/plume.ts';
import type { PlumeApi } from '../../../lib/plume/api.ts';
import type { Invocation, WorkerBroker } from '../../../lib/plume/broker.ts';

function lambdaContext(remainingMs = 60_000): Context & { plume: PlumeApi } {
  return { getRemainingTimeInMillis: () => remainingMs } as Context & { plume: PlumeApi };
}

/** Notes what is opened, called and closed, in order. */
function recorder() {
  const opened: Invocation[] = [];
  const events: string[] = [];
  const fake: WorkerBroker = {
    open(invocation) {
      const number = opened.push(invocation);
      return {
        fetch: async (input) => {
          events.push(`fetch ${number} ${input}`);
          return new Response(String(number));
        },
        json: () => Promise.reject(new Error('nobody asks for JSON here')),
        budget: () => Promise.reject(new Error('nobody asks for the budget here')),
        redact: (text) => text,
        close: async () => {
          events.push(`close ${number}`);
        },
      };
    },
  };
  return { fake, opened, events };
}

test('gives the handler a fetch, and closes the session after it', async () => {
  const { fake, opened, events } = recorder();
  const handler = middy()
    .use(plume({ client: 'mocha', broker: fake }))
    .handler(async (_event: unknown, context) => (await context.plume.fetch('/v1')).text());
  expect(await handler({}, lambdaContext())).toBe('1');
  expect(opened).toMatchObject([{ client: 'mocha', calls: 1 }]);
  expect(opened[0]?.patienceMs()).toBe(30_000);
  expect(opened[0]?.endsInMs).toBe(59_500);
  expect(events).toEqual(['fetch 1 /v1', 'close 1']);
});

test('expects as many calls as there are records, or as it is told', async () => {
  const { fake, opened } = recorder();
  const bySize = middy()
    .use(plume<SQSEvent>({ client: 'mocha', broker: fake }))
    .handler(async () => {});
  await bySize({ Records: [{}, {}, {}] } as SQSEvent, lambdaContext());
  await bySize({ Records: [] as unknown } as SQSEvent, lambdaContext());
  const byOption = middy()
    .use(
      plume<{ pages: number }>({
        client: 'mocha',
        broker: fake,
        calls: ({ pages }) => pages,
        marginMs: 0,
      }),
    )
    .handler(async () => {});
  await byOption({ pages: 7 }, lambdaContext(5_000));
  expect(opened.map(({ calls }) => calls)).toEqual([3, 1, 7]);
  expect(opened.at(-1)?.patienceMs()).toBe(5_000);
  expect(opened.at(-1)?.endsInMs).toBe(5_000);
});

test('nobody waits into the margin', async () => {
  const { fake, opened } = recorder();
  const handler = middy()
    .use(plume({ client: 'mocha', broker: fake, marginMs: 3_000 }))
    .handler(async () => {});
  await handler({}, lambdaContext(10_000));
  expect(opened[0]?.patienceMs()).toBe(7_000);
});

test('closes after an error of the handler, which stays what it was', async () => {
  const { fake, events } = recorder();
  const handler = middy()
    .use(plume({ client: 'mocha', broker: fake }))
    .handler(async () => {
      throw new Error('mine');
    });
  await expect(handler({}, lambdaContext())).rejects.toThrow('mine');
  expect(events).toEqual(['close 1']);
});

test('closes first of all, as the last middleware, whatever others answer early', async () => {
  const { fake, events } = recorder();
  const handler = middy()
    .use({ before: () => undefined, after: () => 'early' })
    .use(plume({ client: 'mocha', broker: fake }))
    .handler(async () => 'late');
  expect(await handler({}, lambdaContext())).toBe('early');
  expect(events).toEqual(['close 1']);
});

test('tolerates an error of a middleware that ran before it', async () => {
  const { fake, events } = recorder();
  const handler = middy()
    .use({
      before: () => {
        throw new Error('earlier');
      },
    })
    .use(plume({ client: 'mocha', broker: fake }))
    .handler(async () => {});
  await expect(handler({}, lambdaContext())).rejects.toThrow('earlier');
  expect(events).toEqual([]);
});

test('keeps invocations that share an environment apart', async () => {
  const { fake, events } = recorder();
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const handler = middy()
    .use(plume<{ gate: 0 | 1 }>({ client: 'mocha', broker: fake }))
    .handler(async (event: { gate: 0 | 1 }, context) => {
      await gates[event.gate].promise;
      return (await context.plume.fetch('/v1')).text();
    });
  const first = handler({ gate: 0 }, lambdaContext());
  const second = handler({ gate: 1 }, lambdaContext());
  gates[1].resolve();
  expect(await second).toBe('2');
  expect(events).toEqual(['fetch 2 /v1', 'close 2']);
  gates[0].resolve();
  expect(await first).toBe('1');
  expect(events).toEqual(['fetch 2 /v1', 'close 2', 'fetch 1 /v1', 'close 1']);
});

describe('two of them in one handler', () => {
  test('give each client its own calls, under a name of its own', async () => {
    const { fake, opened, events } = recorder();
    const handler = middy()
      .use(plume({ client: 'mocha', broker: fake }))
      .use(plume({ client: 'latte', broker: fake, as: 'latte' }))
      .handler(async (_event: unknown, context) => {
        await context.latte.fetch('/v1');
        await context.plume.fetch('/v1');
      });
    await handler({}, lambdaContext() as Context & { plume: PlumeApi; latte: PlumeApi });
    expect(opened.map(({ client }) => client)).toEqual(['mocha', 'latte']);
    expect(events).toEqual(['fetch 2 /v1', 'fetch 1 /v1', 'close 2', 'close 1']);
  });

  test('are refused under one name, before a call carries the token of the other client', async () => {
    const { fake, events } = recorder();
    const handler = middy()
      .use(plume({ client: 'mocha', broker: fake }))
      .use(plume({ client: 'latte', broker: fake }))
      .handler(async (_event: unknown, context) => context.plume.fetch('/v1'));
    await expect(handler({}, lambdaContext())).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('with the option as'),
    });
    expect(events).toEqual(['close 1']);
  });
});

test("takes a durable function's context, which holds that of Lambda", async () => {
  const { fake, opened } = recorder();
  const { before } = plume({ client: 'mocha', broker: fake });
  const context = { lambdaContext: lambdaContext(20_000) } as unknown as Context & { plume: PlumeApi };
  await before({ event: {}, context, response: undefined, error: undefined, internal: {} });
  expect(opened[0]?.endsInMs).toBe(19_500);
  expect((await context.plume.fetch('/v1')).status).toBe(200);
});

test.each([{}, { lambdaContext: {} }, { lambdaContext: null }])(
  "a context that is not Lambda's is refused: %j",
  async (context) => {
    const handler = middy()
      .use(plume({ client: 'mocha', broker: recorder().fake }))
      .handler(async () => {});
    await expect(handler({}, context as never)).rejects.toMatchObject({ code: 'config_invalid' });
  },
);

describe('at construction', () => {
  test.each(['', 'a/b', 'a#b', 'x'.repeat(129)])('the client %j is refused', (client) => {
    expect(() => plume({ client, broker: recorder().fake })).toThrow(
      expect.objectContaining({ code: 'config_invalid' }),
    );
  });

  test.each([
    { maxWaitMs: Number.NaN },
    { maxWaitMs: -1 },
    { maxWaitMs: Number.POSITIVE_INFINITY },
    { maxWaitMs: 30 * 86_400_000 },
    { maxWaitMs: '5' },
    { maxWaitMs: null },
    { marginMs: -1 },
    { marginMs: 900_001 },
    { retry: null },
    { retry: 'often' },
    { priority: 'high' },
    { isWafBlock: true },
    { calls: 3 },
    { as: '' },
    { as: 7 },
    { broker: {} },
  ])('the option %j is refused', (option) => {
    const [name = ''] = Object.keys(option);
    const options = { client: 'mocha', broker: recorder().fake, ...option };
    expect(() => plume(options as never)).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(name) }),
    );
  });

  test.each([undefined, null, 'mocha'])('options that are %j are refused', (options) => {
    expect(() => plume(options as never)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });

  test.each([Number.NaN, -1, 1.5])('%d calls are refused when they are asked for', async (count) => {
    const { fake, opened } = recorder();
    const handler = middy()
      .use(plume({ client: 'mocha', broker: fake, calls: () => count }))
      .handler(async () => {});
    await expect(handler({}, lambdaContext())).rejects.toMatchObject({ code: 'config_invalid' });
    expect(opened).toEqual([]);
  });

  test('an environment without the broker is refused by the name of its variable', () => {
    expect(() => plume({ client: 'mocha' })).toThrow('PLUME_BROKER is missing');
  });
});
