import { startBenchWorld } from './bench-world.ts';
import { runFile } from './child.ts';
import { readCounts } from './options.ts';
import { type Bench, targetNote } from './report.ts';
import { median, quantile } from './samples.ts';
import type { WarmInput, WarmResult } from './warm-process.ts';

/** What an instance pays at each invocation once everything is in memory, beside what people use to keep a secret there. */
export const benchWarm: Bench = {
  help: 'what `plume()` adds to a warm invocation [--rounds 40] [--invocations 1000] [--heapInvocations 100000] [--calls 500]',
  async run(args) {
    const input: WarmInput = readCounts(args, {
      rounds: 40,
      invocations: 1_000,
      heapInvocations: 100_000,
      calls: 500,
    });
    const world = await startBenchWorld();
    let result: WarmResult;
    try {
      result = await runFile(new URL('./warm-process.ts', import.meta.url), world.environment, input);
    } finally {
      await world.stop();
    }
    const { idle, heap, calling, linesIdle, linesCalling } = result;
    const added = (name: string): number => median(idle[name] ?? []) - median(idle.bare ?? []);
    const toCall = median(calling.plume ?? []) - median(calling.bare ?? []);
    const theirs = added('middy secrets-manager');
    const perInvocation = (heap.plume ?? Number.NaN) / input.heapInvocations;
    return [
      {
        title: `Warm: ${input.rounds * input.invocations} invocations each, by turns`,
        columns: [
          'handler',
          'median, µs',
          'added, µs',
          '99 %, µs',
          `heap after ${input.heapInvocations} more, kB`,
        ],
        rows: Object.entries(idle).map(([name, samples]) => [
          TITLES[name] ?? name,
          median(samples).toFixed(1),
          name === 'bare' ? '' : added(name).toFixed(1),
          quantile(samples, 0.99).toFixed(1),
          ((heap[name] ?? 0) / 1000).toFixed(0),
        ]),
        notes: [
          targetNote(
            `\`plume()\` adds at most ${ADDED_TARGET_US} µs`,
            added('plume') <= ADDED_TARGET_US,
            `${added('plume').toFixed(1)} µs`,
          ),
          targetNote(
            'and no more than `@middy/secrets-manager` with its cache',
            added('plume') <= theirs,
            `${added('plume').toFixed(1)} µs against ${theirs.toFixed(1)} µs`,
          ),
          targetNote(
            'the heap is flat: less than a byte stays of an invocation',
            perInvocation < 1,
            `${perInvocation.toFixed(2)} bytes`,
          ),
          `These handlers make no call, and \`plume()\` writes ${linesIdle} lines to the log (stdout goes to /dev/null). One that makes a call writes ${linesCalling} lines of metrics, and takes ${(median(calling.plume ?? []) / 1000).toFixed(2)} ms against ${(median(calling.bare ?? []) / 1000).toFixed(2)} ms of a bare \`fetch\` with a token that is constant: ${(toCall / 1000).toFixed(2)} ms more, nearly all of it the write to an embedded DynamoDB that takes the ticket.`,
        ],
      },
    ];
  },
};

const ADDED_TARGET_US = 15;

const TITLES: Readonly<Record<string, string>> = {
  bare: 'Middy, bare',
  plume: '`plume()`',
  'middy secrets-manager': '`@middy/secrets-manager`, cached',
  powertools: 'Powertools `getSecret`, cached',
};
