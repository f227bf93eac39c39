import { expect, test } from 'vitest';

import { systemClock } from '../lib/clock.ts';

test('a sleep that is ended rejects with the reason of whoever ended it', async () => {
  const reason = new Error('enough');
  const abort = new AbortController();
  const sleeping = systemClock.sleep(60_000, abort.signal);
  abort.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  await expect(systemClock.sleep(60_000, abort.signal)).rejects.toBe(reason);
});
