import { ENV, type MinterEvent } from '../../lib/contract.ts';
import { type BenchWorld, startBenchWorld } from './bench-world.ts';
import { type EntryName, type MeasuredBundle, measureBundles } from './bundle-sizes.ts';
import { runNode } from './child.ts';
import { readCounts } from './options.ts';
import { type Bench, type BenchReport, targetNote } from './report.ts';
import { median } from './samples.ts';

/**
 * What an instance pays before its first answer: bytes to load, code to run, and the way to the first token. Bundles are
 * those that are deployed; every start is a fresh process, all contenders take turns.
 */
export const benchColdStart: Bench = {
  help: 'bundles, their import and the way to the first answer, in fresh processes [--rounds 60]',
  async run(args) {
    const { rounds } = readCounts(args, { rounds: 60 });
    const { bundles, remove } = await measureBundles();
    const world = await startBenchWorld({ clientsWithoutToken: rounds + 1 });
    try {
      const starts = await measureStarts(bundles, world, rounds);
      return [startReport(bundles, starts, rounds), contentReport(bundles)];
    } finally {
      await world.stop();
      remove();
    }
  },
};

/** Of the bare function's. A test holds that of the bytes. */
const IMPORT_TARGET = 1.1;
const FIRST_TARGET = 1.2;
export const BYTES_TARGET = 1.2;

/** What two equal functions may differ by, for a verdict on others. */
const NOISE = 0.05;

/** `again` is the bare function once more: what differs between the two is the machine. */
type ContenderName = EntryName | 'again';

const TITLES: Readonly<Record<ContenderName, string>> = {
  bare: 'Middy + DynamoDB client, bare',
  again: 'the same once more',
  hello: "README's worker",
  powertools: 'Middy + Powertools `getSecret`, mints by itself',
  worker: '`functions/worker`',
  minter: '`functions/minter`',
};
const NAMES = Object.keys(TITLES) as ContenderName[];

function entryOf(name: ContenderName): EntryName {
  return name === 'again' ? 'bare' : name;
}

interface Start {
  readonly importMs: number;
  /** From the beginning of the import to the first answer. */
  readonly firstMs: number;
}

/** In plain JavaScript: a start must not pay for taking types away. */
const START = `
const beganMs = performance.now();
const { handler } = await import(process.env.BENCH_BUNDLE);
const importMs = performance.now() - beganMs;
await handler(JSON.parse(process.env.BENCH_EVENT), { awsRequestId: 'bench', getRemainingTimeInMillis: () => 30_000 });
process.send({ importMs, firstMs: performance.now() - beganMs });
`;

async function measureStarts(
  bundles: Readonly<Record<EntryName, MeasuredBundle>>,
  world: BenchWorld,
  rounds: number,
): Promise<Readonly<Record<ContenderName, Start[]>>> {
  const starts = Object.fromEntries(NAMES.map((name) => [name, [] as Start[]])) as Record<
    ContenderName,
    Start[]
  >;
  for (let round = 0; round <= rounds; round += 1) {
    // Whoever comes first finds another machine than who comes last.
    const order = NAMES.map((_, index) => NAMES[(index + round) % NAMES.length] as ContenderName);
    for (const name of order) {
      const start = await runNode<Start>(['--input-type=module', '--eval', START], {
        ...world.environment,
        [ENV.clients]: 'mocha',
        [ENV.jobQueueUrl]: 'http://127.0.0.1:1/jobs',
        [ENV.resultQueueUrl]: 'http://127.0.0.1:1/results',
        [ENV.deadLetterQueueUrl]: 'http://127.0.0.1:1/dead',
        BENCH_BUNDLE: bundles[entryOf(name)].url,
        BENCH_EVENT: JSON.stringify(eventFor(name, world.clientsWithoutToken[round] ?? '')),
      });
      // The first round brings the files into the machine's cache.
      if (round > 0) starts[name].push(start);
    }
  }
  return starts;
}

function eventFor(name: ContenderName, client: string): object {
  const mint: MinterEvent = { kind: 'request', client };
  return name === 'minter' ? mint : { Records: [] };
}

function startReport(
  bundles: Readonly<Record<EntryName, MeasuredBundle>>,
  starts: Readonly<Record<ContenderName, Start[]>>,
  rounds: number,
): BenchReport {
  const importMs = (name: ContenderName): number => median(starts[name].map((start) => start.importMs));
  const firstMs = (name: ContenderName): number => median(starts[name].map((start) => start.firstMs));
  const bytesRatio = (name: ContenderName): number => bundles[entryOf(name)].bytes / bundles.bare.bytes;
  const importRatio = (name: ContenderName): number => importMs(name) / importMs('bare');
  const firstRatio = firstMs('hello') / firstMs('bare');
  const canTell = [importRatio('again'), firstMs('again') / firstMs('bare')].every(
    (ratio) => Math.abs(ratio - 1) <= NOISE,
  );
  return {
    title: `Cold start: medians of ${rounds} fresh processes each`,
    columns: ['function', 'bytes', 'to bare', 'modules', 'import, ms', 'to bare', 'first answer, ms'],
    rows: NAMES.map((name) => [
      TITLES[name],
      bundles[entryOf(name)].bytes,
      bytesRatio(name).toFixed(2),
      bundles[entryOf(name)].modules,
      importMs(name).toFixed(1),
      importRatio(name).toFixed(2),
      // Its answer would need a queue, and says nothing of tokens.
      name === 'worker' ? '' : firstMs(name).toFixed(1),
    ]),
    notes: [
      ...(canTell
        ? [
            targetNote(
              `the import of README's worker takes at most ${IMPORT_TARGET} of the bare one`,
              importRatio('hello') <= IMPORT_TARGET,
              importRatio('hello').toFixed(2),
            ),
            targetNote(
              `its first answer takes at most ${FIRST_TARGET} of the bare one's`,
              firstRatio <= FIRST_TARGET,
              firstRatio.toFixed(2),
            ),
          ]
        : [
            `Cannot tell whether the import takes at most ${IMPORT_TARGET} and the first answer at most ${FIRST_TARGET} of the bare function's: that came out at ${importRatio('again').toFixed(2)} and ${(firstMs('again') / firstMs('bare')).toFixed(2)} of itself, so the machine is too busy to judge.`,
          ]),
      targetNote(
        `its bundle has at most ${BYTES_TARGET} of the bare one's bytes`,
        bytesRatio('hello') <= BYTES_TARGET,
        bytesRatio('hello').toFixed(2),
      ),
      "The first answer is the API's, after a token from the table (bare, README's worker, which also takes a ticket) or from a secret and the token endpoint (Powertools); the minter's is a new token. Everything is asked over loopback: in AWS each request costs some milliseconds more.",
    ],
  };
}

function contentReport(bundles: Readonly<Record<EntryName, MeasuredBundle>>): BenchReport {
  const { hello, bare, powertools } = bundles;
  const origins = [...hello.bytesOf.keys()].sort((a, b) => added(b) - added(a));
  function added(origin: string): number {
    return (hello.bytesOf.get(origin) ?? 0) - (bare.bytesOf.get(origin) ?? 0);
  }
  const shown = origins.filter((origin) => added(origin) > 500);
  const others = origins.filter((origin) => added(origin) <= 500);
  const sum = (of: ReadonlyMap<string, number>, names: readonly string[]): number =>
    names.reduce((total, name) => total + (of.get(name) ?? 0), 0);
  const row = (title: string, names: readonly string[]): (string | number)[] => [
    title,
    sum(hello.bytesOf, names),
    sum(bare.bytesOf, names),
    sum(hello.bytesOf, names) - sum(bare.bytesOf, names),
    sum(powertools.bytesOf, names),
  ];
  return {
    title: "What README's worker is made of, in bytes of its bundle",
    columns: ['package', "README's worker", 'bare', 'added', 'Powertools'],
    rows: [...shown.map((origin) => row(origin, [origin])), row(`${others.length} others, of both`, others)],
  };
}
