import { describe, expect, test } from 'vitest';

import { longestBlockMs } from '../../../lib/budget/budget-parts.ts';
import type { CallBudget } from '../../../lib/budget/call-budget.ts';
import type { MintBudget, MintRequestKind } from '../../../lib/budget/mint-budget.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { answerRule } from '../../../lib/waf/answer-rule.ts';
import { WafBlockedError } from '../../../lib/waf/errors.ts';
import { openScene, START_MS, watch } from '../../fixtures/virtual-time/budget.ts';

const REFUSED = () => new Response('<html>', { status: 403, headers: { 'content-type': 'text/html' } });
const PASSED = () => Response.json({});

/** One call of an instance, with its patience. */
function call(budget: CallBudget, answer: () => Response | Promise<Response>, patienceMs = 0) {
  const waf = answerRule('mocha', 'GET /v1/locations', budget.isWafBlock);
  return budget.openBook({ patienceMs: () => patienceMs }).attempt(async () => answer(), { waf });
}

/** One request of a minter. */
function mint(budget: MintBudget, answer: () => Response, kind: MintRequestKind = 'renewal') {
  const waf = answerRule('mocha', 'a request to the authorization server', budget.isWafBlock);
  return budget.openBook({ kind, patienceMs: () => 0 }).attempt(async () => answer(), { waf });
}

/** As many refused calls of an instance as open the breaker: it rests a second after each. */
async function refuseUntilOpen(
  scene: Awaited<ReturnType<typeof openScene>>,
  budget: CallBudget,
): Promise<void> {
  for (let calls = 0; calls < 4; calls += 1) {
    await scene.time.run(scene.time.now() + (calls === 0 ? 0 : 1_000));
    const refused = watch(call(budget, REFUSED));
    await scene.time.run(scene.time.now());
    expect(refused.error).toBeInstanceOf(WafBlockedError);
  }
}

describe('while every client fails', () => {
  /** The minter's own stream, after a rest: half-open. */
  const halfOpen = async () => {
    const scene = await openScene();
    const next = { refusedAtMs: START_MS - 9_000, blockedUntilMs: START_MS - 1_000, openings: 3 };
    await scene.memory.replaceBreaker('minter', { seen: {}, next });
    scene.memory.moveTo('minter', START_MS - 90_000);
    return scene;
  };

  test("a retry is the minter's probe, and its answer closes the breaker: otherwise no token would be minted again", async () => {
    const scene = await halfOpen();
    expect((await mint(scene.minter(), PASSED, 'retry'))?.status).toBe(200);
    expect((await scene.memory.read('minter')).breaker).toEqual({ clearedAtMs: START_MS });
  });

  test('the refusal of a retry says nothing: the breaker rests no longer for it, and the next request probes', async () => {
    const scene = await halfOpen();
    await expect(mint(scene.minter(), REFUSED, 'retry')).rejects.toMatchObject({ code: 'waf_blocked' });
    expect((await scene.memory.read('minter')).breaker).toMatchObject({ openings: 3 });
    await scene.time.run(START_MS + 3_001);
    expect((await mint(scene.minter(), PASSED))?.status).toBe(200);
  });
});

describe('one refusal', () => {
  test('is an error that says it may be this call alone, and rests its own instance for a second', async () => {
    const scene = await openScene();
    const [own, other] = [scene.instance(), scene.instance()];
    await expect(call(own, REFUSED)).rejects.toMatchObject({
      code: 'waf_blocked',
      client: 'mocha',
      refused: 'call',
      refusedAtMs: START_MS,
      refusedSinceMs: START_MS,
      // A tenth of the window, and half of as much again.
      retryAtMs: START_MS + 45_000,
    });
    expect((await call(other, PASSED))?.status).toBe(200);
    const next = watch(call(own, PASSED, 20_000));
    await scene.time.run(START_MS + 999);
    expect(next.settled).toBe(false);
    await scene.time.run(START_MS + 1_000);
    expect(next.value).toBeInstanceOf(Response);
  });

  test('is forgotten when a call passes that was sent after it, and told as one of a call', async () => {
    const scene = await openScene();
    const [own, other] = [scene.instance(), scene.instance()];
    await call(own, REFUSED).catch(() => {});
    // It learns of the suspicion by its own reservation; its call is sent a moment later than the refused one.
    await scene.time.run(START_MS + 1);
    await call(other, PASSED);
    expect((await scene.memory.read('worker')).breaker).toEqual({ clearedAtMs: START_MS + 1 });
    expect(scene.sum('WafRefusedCall')).toBe(1);
    expect(scene.sum('WafBlocked')).toBe(0);
  });

  test('costs nothing else: without one no answer is written', async () => {
    const scene = await openScene();
    await call(scene.instance(), PASSED);
    expect(scene.asked).toEqual(['take', 'skip']);
  });

  test('of a call that no answer came to is none', async () => {
    const scene = await openScene();
    const failing = call(scene.instance(), () => Promise.reject(new Error('reset')));
    await expect(failing).rejects.toThrow('reset');
    expect((await scene.memory.read('worker')).breaker).toEqual({});
  });

  test('keeps the tickets of the others in its book: they wait for a second', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    const book = budget.openBook({ calls: 2, patienceMs: () => 20_000 });
    const waf = answerRule('mocha', 'GET /v1', budget.isWafBlock);
    await book.attempt(async () => REFUSED(), { waf }).catch(() => {});
    const second = watch(book.attempt(() => scene.elapsed(), {}));
    await scene.time.run(START_MS + 5_000);
    expect(second.value).toBe(1_000);
    expect(scene.sum('TicketsGranted')).toBe(2);
  });
});

describe('four refusals in a row', () => {
  test('stop every instance of the stream at its next reservation, and no other stream', async () => {
    const scene = await openScene();
    const own = scene.instance();
    await refuseUntilOpen(scene, own);
    expect(scene.sum('WafBlocked')).toBe(1);
    await expect(call(own, PASSED)).rejects.toMatchObject({ code: 'budget_blocked' });
    await expect(call(scene.instance(), PASSED)).rejects.toMatchObject({ code: 'budget_blocked' });
    expect((await mint(scene.minter(), PASSED))?.status).toBe(200);
  });

  test('tell the error that the address is refused, and when to come back: within a second of the end of the rest', async () => {
    const scene = await openScene();
    const own = scene.instance();
    await refuseUntilOpen(scene, own);
    const { blockedUntilMs = 0 } = (await scene.memory.read('worker')).breaker;
    const probe = watch(call(own, REFUSED, 20_000));
    await scene.time.run(blockedUntilMs + 500);
    expect(probe.error).toMatchObject({ refused: 'address', refusedSinceMs: START_MS });
    const error = await call(own, PASSED).catch((thrown: unknown) => thrown);
    const restsUntilMs = (await scene.memory.read('worker')).breaker.blockedUntilMs ?? 0;
    const { retryAtMs } = error as { retryAtMs: number };
    expect(retryAtMs).toBeGreaterThanOrEqual(restsUntilMs);
    expect(retryAtMs).toBeLessThanOrEqual(restsUntilMs + 1_000);
  });

  test('let one probe through after the rest; its answer lets the others through', async () => {
    const scene = await openScene();
    const [own, other] = [scene.instance(), scene.instance()];
    await refuseUntilOpen(scene, own);
    const before = scene.asked.length;
    const answer = Promise.withResolvers<Response>();
    const probe = watch(call(own, () => answer.promise, 20_000));
    const waiting = watch(call(other, PASSED, 20_000));
    await scene.time.run(scene.time.now() + 2_000);
    expect(scene.asked.slice(before)).toContain('probe');
    expect(waiting.settled).toBe(false);
    answer.resolve(PASSED());
    await scene.time.run(scene.time.now() + 5_000);
    expect(probe.value).toBeInstanceOf(Response);
    expect(waiting.value).toBeInstanceOf(Response);
    expect((await scene.memory.read('worker')).breaker).toEqual({ clearedAtMs: expect.any(Number) });
  });

  test('drop the tickets in hand: they are worth nothing while calls rest', async () => {
    const scene = await openScene();
    const [own, other] = [scene.instance(), scene.instance()];
    const book = other.openBook({ calls: 3, patienceMs: () => 0 });
    await book.attempt(() => true);
    await refuseUntilOpen(scene, own);
    const waf = answerRule('mocha', 'GET /v1', other.isWafBlock);
    // It does not know yet: one of its tickets is lost to that.
    await expect(book.attempt(async () => REFUSED(), { waf })).rejects.toMatchObject({ refused: 'address' });
    await expect(book.attempt(() => true)).rejects.toMatchObject({ code: 'budget_blocked' });
  });
});

describe('the inspector', () => {
  test('is told of a refusal, and nobody else is', async () => {
    const scene = await openScene();
    const inspector = scene.minter({ tellsBreaker: false });
    const refused = mint(inspector, REFUSED, 'inspection');
    await expect(refused).rejects.toMatchObject({ code: 'waf_blocked', refused: 'call' });
    expect((await scene.memory.read('minter')).breaker).toEqual({});
  });
});

describe('what nobody can have meant is not believed', () => {
  test.each([
    ['the longest pause, if that is longer', 20_000, 45_000 + 4_000],
    ['the longest line and a probe, if they are', 40_000, 60_000 + 3_000 + 4_000],
  ])('a valid block reaches as far ahead as %s, and the allowance of two clocks', (_, horizonMs, blockMs) => {
    const { worker } = DEFAULT_BUDGET_SETTINGS;
    const settings = { ...DEFAULT_BUDGET_SETTINGS, worker: { ...worker, horizonMs } };
    expect(longestBlockMs(settings, 'worker')).toBe(blockMs);
  });

  test.each([
    ['in the year 9999', 253_370_764_800_000],
    ['a minute beyond the longest rest', START_MS + 105_000],
    ['that is over', START_MS - 1],
  ])('a block %s is ended by one probe', async (_, blockedUntilMs) => {
    const scene = await openScene();
    await scene.memory.replaceBreaker('worker', { seen: {}, next: { blockedUntilMs } });
    expect((await call(scene.instance(), PASSED))?.status).toBe(200);
    expect(scene.asked).toEqual(['take', 'probe', 'breaker']);
    expect((await scene.memory.read('worker')).breaker).toEqual({ clearedAtMs: START_MS });
  });

  test('refusals of the future count for nothing', async () => {
    const scene = await openScene();
    const future = { refusals: 3, suspectSinceMs: START_MS + 60_000, refusedAtMs: START_MS + 60_000 };
    await scene.memory.replaceBreaker('worker', { seen: {}, next: future });
    await call(scene.instance(), REFUSED).catch(() => {});
    expect((await scene.memory.read('worker')).breaker).toMatchObject({ refusedAtMs: START_MS });
  });
});

test('a reply under way does not undo what this instance has written meanwhile', async () => {
  const scene = await openScene();
  const own = scene.instance();
  await refuseUntilOpen(scene, own);
  await scene.time.run(scene.time.now() + 5_000);
  // The reservation is under way when the probe of the same instance is refused.
  const answer = Promise.withResolvers<Response>();
  const probe = watch(call(own, () => answer.promise, 20_000));
  await scene.time.run(scene.time.now());
  answer.resolve(REFUSED());
  await scene.time.run(scene.time.now());
  expect(probe.error).toMatchObject({ refused: 'address' });
  await expect(call(own, PASSED)).rejects.toMatchObject({ code: 'budget_blocked' });
});

test('a refusal is told to the operator with its error, stream and budget', async () => {
  const scene = await openScene();
  await call(scene.instance(), REFUSED).catch(() => {});
  expect(scene.logged).toEqual([
    [
      'warn',
      'the WAF refused a call',
      { budget: 'default', stream: 'worker', error: expect.objectContaining({ code: 'waf_blocked' }) },
    ],
  ]);
});

test('a caller that has ended does not wait until its refusal is written', async () => {
  const scene = await openScene();
  scene.counter.replaceBreaker = () => new Promise(() => {});
  const budget = scene.instance();
  const ended = new AbortController();
  const waf = answerRule('mocha', 'GET /v1', budget.isWafBlock);
  const refused = watch(
    budget.openBook({ patienceMs: () => 0 }).attempt(async () => REFUSED(), { waf, signal: ended.signal }),
  );
  await scene.time.run(START_MS + 1);
  expect(refused.settled).toBe(false);
  ended.abort(new Error('the invocation is over'));
  await scene.time.run(START_MS + 2);
  expect(refused.error).toEqual(new Error('the invocation is over'));
});

test('a breaker that cannot be written rests its own instance, and fails no call', async () => {
  const scene = await openScene();
  const own = scene.instance();
  const book = own.openBook({ calls: 2, patienceMs: () => 20_000 });
  const waf = answerRule('mocha', 'GET /v1', own.isWafBlock);
  const refused = book.attempt(
    async () => {
      scene.away = true;
      return REFUSED();
    },
    { waf },
  );
  await expect(refused).rejects.toMatchObject({ code: 'waf_blocked', refused: 'call' });
  const next = watch(book.attempt(() => scene.elapsed()));
  await scene.time.run(START_MS + 5_000);
  expect(next.value).toBe(1_000);
});
