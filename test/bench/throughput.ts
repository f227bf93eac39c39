import { startBenchWorld } from './bench-world.ts';
import { runFile } from './child.ts';
import { readCounts } from './options.ts';
import { type Bench, targetNote } from './report.ts';
import { median } from './samples.ts';
import type { Contender, Speed, ThroughputInput, ThroughputResult } from './throughput-process.ts';

/** How many calls one process can make, where the budget allows any number of them, beside `fetch` by itself. */
export const benchThroughput: Bench = {
  help: 'calls a second of one process, beside bare `fetch` [--rounds 40] [--calls 1500]',
  async run(args) {
    const { rounds, calls } = readCounts(args, { rounds: 40, calls: 1_500 });
    const input: ThroughputInput = { inFlight: [1, TARGET.inFlight, 128], rounds, calls };
    const world = await startBenchWorld();
    let results: ThroughputResult;
    try {
      const file = new URL('./throughput-process.ts', import.meta.url);
      results = await runFile(file, world.environment, input);
    } finally {
      await world.stop();
    }
    const atTarget = results.find(({ inFlight }) => inFlight === TARGET.inFlight);
    const share = atTarget ? shareOf(atTarget, 'callsPerSecond', 'timed') : Number.NaN;
    const ofBare = atTarget ? shareOf(atTarget, 'callsPerSecond') : Number.NaN;
    const attempt = atTarget ? shareOf(atTarget, 'callsPerSecond', 'timed', 'attempt') : Number.NaN;
    const bareAgain = atTarget ? shareOf(atTarget, 'callsPerSecond', 'bare', 'again') : Number.NaN;
    const canTell = Math.abs(bareAgain - 1) <= TARGET.noise;
    return [
      {
        title: `Throughput: calls a second of one process, medians of ${rounds} rounds of ${calls}`,
        columns: ['in flight', 'caller', 'calls a second', 'of bare `fetch`', 'µs of CPU for a call'],
        rows: results.flatMap((result) =>
          (Object.keys(TITLES) as Contender[]).map((name) => [
            result.inFlight,
            TITLES[name],
            median(result[name].map(({ callsPerSecond }) => callsPerSecond)),
            shareOf(result, 'callsPerSecond', 'bare', name).toFixed(2),
            median(result[name].map(({ cpuUs }) => cpuUs)).toFixed(0),
          ]),
        ),
        notes: [
          canTell
            ? targetNote(
                `\`context.plume.fetch\` makes at least ${TARGET.share} of the calls of \`fetch\` with a time-out, with ${TARGET.inFlight} in flight`,
                share >= TARGET.share,
                `${share.toFixed(2)}; of bare \`fetch\`, ${ofBare.toFixed(2)}`,
              )
            : `Cannot tell: bare \`fetch\` came out at ${bareAgain.toFixed(2)} of itself, so the machine is too busy to judge.`,
          `What a call costs beyond bare \`fetch\`: a time-out, its end with the invocation, one request at most, and a look at the wire whether its ticket is still valid. These are what one attempt does, which makes ${attempt.toFixed(2)} of the calls of \`fetch\` with a time-out. Then one look at the token, a ticket, two metrics.`,
          'Shares are medians of what was measured side by side in each round. API and DynamoDB are in another process of the same machine.',
          'The budget allows 1000 calls a second and an hour of them lies ready: nobody waits for a ticket, and one write takes up to 1700. With the default of 5.9 a second one write takes ten, and the budget, not the process, is what limits.',
        ],
      },
    ];
  },
};

const TARGET = { inFlight: 16, share: 0.85, noise: 0.05 };

const TITLES: Readonly<Record<Contender, string>> = {
  bare: 'bare `fetch`, constant token',
  again: 'the same once more',
  timed: '`fetch` with a time-out, constant token',
  attempt: 'one attempt of this library, without token and ticket',
  plume: '`context.plume.fetch`',
};

/** Median of the rounds: what disturbs the machine hits both alike. */
function shareOf(
  result: ThroughputResult[number],
  measure: keyof Speed,
  of: Contender = 'bare',
  name: Contender = 'plume',
): number {
  return median(
    result[name].map((speed, round) => speed[measure] / (result[of][round]?.[measure] ?? Number.NaN)),
  );
}
