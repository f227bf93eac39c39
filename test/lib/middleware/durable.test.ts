import { readFileSync } from 'node:fs';
import type { DurableContext, withDurableExecution } from '@aws/durable-execution-sdk-js';
import { LocalDurableTestRunner } from '@aws/durable-execution-sdk-js-testing';
import middy from '@middy/core';
import { executionModeDurableContext } from '@middy/core/DurableContext';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { createTestBroker, type TestBroker } from '../../../infra/testing/index.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { createPlume, type Plume, plume } from '../../../lib/index.ts';
import { durableRename } from './durable-rename.ts';

/** Durable functions, run by their own test kit: an invocation ends at each wait, and the handler runs again from its start. */

// Not with skipped time: that is by timers which would also end the broker's requests at once.
beforeAll(() => LocalDurableTestRunner.setupTestEnvironment({ skipTime: false }));
afterAll(() => LocalDurableTestRunner.teardownTestEnvironment());

let broker: TestBroker;
beforeEach(async () => {
  broker = await createTestBroker();
});
afterEach(() => broker.stop());

const runnerOf = (handlerFunction: ReturnType<typeof withDurableExecution>) =>
  new LocalDurableTestRunner({ handlerFunction });
const payload = { id: 7, name: 'Maribor' };

describe("the chapter's pattern", () => {
  /** Five seconds go by from one run of the step to the next. */
  function stepByStep(of: TestBroker): Plume & { runs: number } {
    const { run } = createPlume({ client: 'mocha', broker: of, maxWaitMs: 500 });
    const counted: Plume & { runs: number } = {
      runs: 0,
      run(work, options) {
        if (counted.runs > 0) of.clock.advance(5_000);
        counted.runs += 1;
        return run(work, options);
      },
    };
    return counted;
  }

  test('stands in the chapter as it is run here', () => {
    const [, ...lines] = readFileSync('test/lib/middleware/durable-rename.ts', 'utf8').split('\n\n');
    expect(readFileSync('lib/README.md', 'utf8')).toContain(lines.join('\n\n'));
  });

  test('makes a call once, and keeps its answer', async () => {
    const mocha = stepByStep(broker);
    const execution = await runnerOf(durableRename(mocha)).run({ payload });
    expect(execution.getStatus()).toBe('SUCCEEDED');
    expect(execution.getResult()).toMatchObject({ ok: true, method: 'PUT', path: '/v1/locations/7' });
    expect(broker.statuses).toEqual([200]);
  });

  test('waits outside of any invocation until the moment that the error names, and calls again', async () => {
    // Callers come back spread over the horizon.
    const worker = { ...DEFAULT_BUDGET_SETTINGS.worker, horizonMs: 1_000 };
    await using hasty = await createTestBroker({ budget: { worker } });
    const mocha = stepByStep(hasty);
    hasty.exhaustBudget(3_000);
    const execution = await runnerOf(durableRename(mocha)).run({ payload });
    expect(execution.getStatus()).toBe('SUCCEEDED');
    const waits = execution
      .getOperations()
      .filter((operation) => operation.getType() === 'WAIT')
      .map((operation) => operation.getWaitDetails()?.waitSeconds);
    expect(waits).toHaveLength(1);
    expect([1, 2, 3, 4]).toContain(waits[0]);
    expect(execution.getInvocations()).toHaveLength(2);
    expect([mocha.runs, hasty.statuses]).toEqual([2, [200]]);
  });
});

test("plume() works in Middy's durable mode", async () => {
  const handler = middy({ executionMode: executionModeDurableContext })
    .use(plume({ client: 'mocha', broker }))
    .handler(async (_event: unknown, context) => {
      const durable = context as unknown as DurableContext;
      return durable.step('call', () => context.plume.json('/v1/locations'));
    });
  const execution = await runnerOf(handler as never).run();
  expect(execution.getResult()).toEqual({ ok: true, method: 'GET', path: '/v1/locations' });
});
