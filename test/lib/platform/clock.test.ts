import { expect, test } from 'vitest';

import { systemClock } from '../../../lib/platform/clock.ts';

test('a sleep longer than a timer can be does not end at once', async () => {
  const abort = new AbortController();
  const ends: string[] = [];
  const sleeping = systemClock.sleep(Number.MAX_SAFE_INTEGER, abort.signal).then(
    () => ends.push('over'),
    () => ends.push('ended'),
  );
  await systemClock.sleep(20);
  abort.abort();
  await sleeping;
  expect(ends).toEqual(['ended']);
});

test('a sleep that is ended rejects with the reason of whoever ended it', async () => {
  const reason = new Error('enough');
  const abort = new AbortController();
  const sleeping = systemClock.sleep(60_000, abort.signal);
  abort.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  await expect(systemClock.sleep(60_000, abort.signal)).rejects.toBe(reason);
});
