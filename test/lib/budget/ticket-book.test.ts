import { describe, expect, test } from 'vitest';

import type { Permit, TicketBook } from '../../../lib/budget/call-budget.ts';
import { createPace } from '../../../lib/budget/ticket-book.ts';
import { openScene, START_MS, watch } from '../../fixtures/virtual-time/budget.ts';
import { virtualClock } from '../../fixtures/virtual-time/time.ts';

const WAIT = { patienceMs: () => 20_000 };

describe('a book of tickets', () => {
  test('one write serves a batch of ten, each call at its own moment', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 10, ...WAIT });
    const sent: number[] = [];
    const all = Promise.all(Array.from({ length: 10 }, () => book.attempt(() => sent.push(scene.elapsed()))));
    await scene.time.run(START_MS + 20_000);
    await all;
    // A burst of a second: six tickets are valid already.
    expect(sent).toEqual([0, 0, 0, 0, 0, 0, 20, 190, 360, 530]);
    expect(scene.asked).toEqual(['take', 'skip']);
    expect(scene.sum('TicketsGranted')).toBe(10);
  });

  test('a call more than expected is one more write, by the last seen counter', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 2, ...WAIT });
    for (let call = 0; call < 3; call += 1) await book.attempt(() => true);
    expect(scene.asked).toEqual(['take', 'skip', 'take']);
  });

  test('reserves no more than is still expected', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 12, ...WAIT });
    const all = Promise.all(Array.from({ length: 12 }, () => book.attempt(() => true)));
    await scene.time.run(START_MS + 20_000);
    await all;
    expect(scene.sum('TicketsGranted')).toBe(12);
    expect(scene.asked).toEqual(['take', 'skip', 'take']);
  });

  test('calls in the turn of the check, and waits for what the call returns', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook(WAIT);
    const answer = Promise.withResolvers<string>();
    const attempt = watch(book.attempt(() => answer.promise));
    await scene.time.run(START_MS);
    expect(attempt.settled).toBe(false);
    answer.resolve('answer');
    await scene.time.run(START_MS);
    expect(attempt.value).toBe('answer');
  });

  test('an unused ticket stays in the book', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook(WAIT);
    expect(await book.attempt(() => undefined)).toBeUndefined();
    expect(await book.attempt(() => 'sent')).toBe('sent');
    expect(scene.sum('TicketsGranted')).toBe(1);
  });

  test('a call that throws has used its ticket', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook(WAIT);
    const failing = book.attempt(() => {
      throw new Error('failed');
    });
    await expect(failing).rejects.toThrow('failed');
    await book.attempt(() => true);
    expect(scene.sum('TicketsGranted')).toBe(2);
  });

  test('a frozen instance that thaws minutes later sends nothing on an old ticket', async () => {
    const scene = await openScene();
    const clock = virtualClock(scene.time);
    let frozen = false;
    const freezing = {
      ...clock,
      // Timers of a frozen instance fire when it thaws.
      sleep: (ms: number, signal?: AbortSignal) => clock.sleep(frozen ? 600_000 : ms, signal),
    };
    const book = scene.instance(freezing).openBook({ calls: 10, patienceMs: () => 700_000 });
    const sent: number[] = [];
    const all = Array.from({ length: 10 }, () => watch(book.attempt(() => sent.push(scene.elapsed()))));
    frozen = true;
    await scene.time.run(START_MS + 599_999);
    expect(sent).toEqual([0, 0, 0, 0, 0, 0]);
    frozen = false;
    await scene.time.run(START_MS + 700_000);
    expect(all.every(({ error }) => error === undefined)).toBe(true);
    expect(scene.sum('TicketsExpired')).toBe(4);
    // What is known is too old as well: the counter is read anew.
    expect(scene.asked.slice(0, 4)).toEqual(['take', 'skip', 'take', 'skip']);
    expect(sent.slice(6).every((ms) => ms >= 600_000)).toBe(true);
  });

  test('an aborted wait gives its ticket to the next attempt', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 7, ...WAIT });
    for (let call = 0; call < 6; call += 1) await book.attempt(() => true);
    const abort = new AbortController();
    const waiting = watch(book.attempt(() => 'never', { signal: abort.signal }));
    await scene.time.run(START_MS);
    abort.abort(new Error('enough'));
    await scene.time.run(START_MS);
    expect(waiting.error).toEqual(new Error('enough'));
    const next = watch(book.attempt(() => scene.elapsed()));
    await scene.time.run(START_MS + 20);
    expect(next.value).toBe(20);
    expect(scene.sum('TicketsGranted')).toBe(7);
  });

  test('an abort during the reservation leaves it to the others', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook(WAIT);
    const abort = new AbortController();
    const first = watch(book.attempt(() => 'first', { signal: abort.signal }));
    const second = watch(book.attempt(() => 'second'));
    abort.abort(new Error('enough'));
    await scene.time.run(START_MS);
    expect(first.error).toEqual(new Error('enough'));
    expect(second.value).toBe('second');
    expect(scene.asked).toEqual(['take', 'skip']);
  });

  test.each([
    ['waits for its ticket', async (book: TicketBook) => watch(book.attempt(() => 'sent'))],
    ['comes afterwards', async () => undefined],
  ])('a closed book rejects an attempt that %s', async (_, begin) => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 7, ...WAIT });
    for (let call = 0; call < 6; call += 1) await book.attempt(() => true);
    const before = await begin(book);
    await scene.time.run(START_MS);
    const { length } = scene.asked;
    book.close();
    const attempt = before ?? watch(book.attempt(() => 'sent'));
    await scene.time.run(START_MS + 20_000);
    expect(attempt.error).toMatchObject({ code: 'budget_closed' });
    // Nor does it take tickets that nobody would use.
    expect(scene.asked).toHaveLength(length);
  });

  test('a book closed during its reservation uses none of its tickets', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 10, ...WAIT });
    const attempt = watch(book.attempt(() => 'sent'));
    book.close();
    await scene.time.run(START_MS + 20_000);
    expect(attempt.error).toMatchObject({ code: 'budget_closed' });
  });

  test('a ticket that was given back is used before those that become valid later', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 8, ...WAIT });
    for (let call = 0; call < 6; call += 1) await book.attempt(() => true);
    const abort = new AbortController();
    const first = watch(book.attempt(() => 'never', { signal: abort.signal }));
    await scene.time.run(START_MS);
    abort.abort(new Error('enough'));
    await scene.time.run(START_MS);
    expect(first.settled).toBe(true);
    const next = [1, 2].map(() => watch(book.attempt(() => scene.elapsed())));
    await scene.time.run(START_MS + 190);
    expect(next.map(({ value }) => value)).toEqual([20, 190]);
  });

  test('counts an attempt that sent nothing, or whose ticket expired, among those still expected', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 12, patienceMs: () => 700_000 });
    await book.attempt(() => undefined);
    await book.attempt(() => true);
    expect(scene.sum('TicketsGranted')).toBe(10);
    // The nine others expire.
    scene.time.skip(600_000);
    const next = watch(book.attempt(() => true));
    await scene.time.run(START_MS + 700_000);
    expect(next.value).toBe(true);
    expect(scene.sum('TicketsExpired')).toBe(9);
    expect(scene.sum('TicketsGranted')).toBe(20);
  });

  test('reserves no more than can be used one after another before it expires', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    const slow = watch(
      budget
        .openBook(WAIT)
        .attempt(() => new Promise((done) => scene.time.at(START_MS + 10_000, () => done(true)))),
    );
    await scene.time.run(START_MS + 10_000);
    expect(slow.value).toBe(true);
    const granted = scene.sum('TicketsGranted');
    // Calls take 10 s and tickets live 15 s: the one that is needed now, and one more.
    await budget.openBook({ calls: 10, ...WAIT }).attempt(() => true);
    expect(scene.sum('TicketsGranted') - granted).toBe(2);
  });

  test('uses a ticket in the last millisecond of its life', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 2, ...WAIT });
    const expiresAtMs = await book.attempt(({ ticket }) => ticket.expiresAtMs);
    await scene.time.run((expiresAtMs ?? 0) + 170);
    expect(await book.attempt(() => scene.elapsed())).toBe(14_170);
    expect(scene.sum('TicketsExpired')).toBe(0);
  });

  test('reports how long each call waited for its ticket, and whose tickets they were', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 7, ...WAIT });
    const all = Array.from({ length: 7 }, () => book.attempt(() => true));
    await scene.time.run(START_MS + 20_000);
    await Promise.all(all);
    expect(scene.sum('TicketWait')).toBe(20);
    const labels = { budget: 'default', stream: 'worker' };
    expect(scene.metrics).toContainEqual(['TicketWait', 20, labels]);
    expect(scene.metrics).toContainEqual(['TicketsGranted', 7, labels]);
  });

  test('books of one instance share nothing but what is known of the counter', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    const sent: number[] = [];
    const books = Array.from({ length: 4 }, () => budget.openBook({ calls: 5, ...WAIT }));
    const all = books.flatMap((book) =>
      Array.from({ length: 5 }, () => book.attempt(() => sent.push(scene.elapsed()))),
    );
    await scene.time.run(START_MS + 20_000);
    await Promise.all(all);
    expect(scene.sum('TicketsGranted')).toBe(20);
    // 20 tickets from a second ago, an interval apart: no two are the same.
    expect(sent).toEqual(Array.from({ length: 20 }, (_, index) => Math.max(0, index * 170 - 1_000)));
  });
});

describe('a turn', () => {
  test('lasts from the check of the time to the sending: nothing is awaited between', async () => {
    const scene = await openScene();
    let turn = 0;
    let checkedInTurn = -1;
    const clock = {
      ...virtualClock(scene.time),
      now: () => {
        checkedInTurn = turn;
        // Whoever awaited anything after this would find another turn.
        queueMicrotask(() => {
          turn += 1;
        });
        return scene.time.now();
      },
    };
    const book = scene.instance(clock).openBook({ calls: 1, ...WAIT });
    const attempt = watch(book.attempt(() => turn === checkedInTurn));
    await scene.time.run(START_MS);
    expect(attempt.value).toBe(true);
  });

  test('does not outlive its book, even with a ticket at hand', async () => {
    const scene = await openScene();
    const book = scene.instance().openBook({ calls: 2, ...WAIT });
    await book.attempt(() => true);
    const late = watch(book.attempt(() => 'sent'));
    book.close();
    await scene.time.run(START_MS);
    expect(late.error).toMatchObject({ code: 'budget_closed' });
  });
});

test('all attempts that are in need share one reservation, however few were expected', async () => {
  const scene = await openScene();
  const book = scene.instance().openBook(WAIT);
  await Promise.all(Array.from({ length: 5 }, () => book.attempt(() => true)));
  expect(scene.asked).toEqual(['take', 'skip', 'take']);
});

describe('a permit at the wire', () => {
  test('is not valid after the life of its ticket', async () => {
    const scene = await openScene();
    const permits: Permit[] = [];
    await scene
      .instance()
      .openBook(WAIT)
      .attempt((permit) => permits.push(permit));
    expect(permits[0]?.isValid()).toBe(true);
    await scene.time.run(START_MS + 14_001);
    expect(permits[0]?.isValid()).toBe(false);
  });

  test('is not valid while the time is not known', async () => {
    const scene = await openScene();
    let isKnown = true;
    const now = () => {
      if (isKnown) return scene.time.now();
      throw new Error('no clock');
    };
    const permits: Permit[] = [];
    await scene
      .instance({ ...virtualClock(scene.time), now })
      .openBook(WAIT)
      .attempt((permit) => permits.push(permit));
    isKnown = false;
    expect(permits[0]?.isValid()).toBe(false);
  });
});

test('the pace of calls is that of the first, moved by a fifth towards each other one', () => {
  const pace = createPace();
  expect(pace.callMs).toBe(0);
  pace.note(1_000);
  expect(pace.callMs).toBe(1_000);
  pace.note(2_000);
  expect(pace.callMs).toBe(1_200);
  pace.note(200);
  expect(pace.callMs).toBe(1_000);
});
