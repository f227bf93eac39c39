import { writeReadme } from './bench-readme.ts';
import { benchBudget } from './budget.ts';
import { benchColdStart } from './cold-start.ts';
import { benchCost } from './cost.ts';
import { benchHerd } from './herd.ts';
import { benchRecover } from './recover.ts';
import { type Bench, type BenchReport, formatReport, machine } from './report.ts';
import { benchScale } from './scale.ts';
import { benchThroughput } from './throughput.ts';
import { benchWarm } from './warm.ts';

/** `npm run bench`: comparisons with what people use instead, on the same engine in the same run. */
const BENCHES: Readonly<Record<string, Bench>> = {
  warm: benchWarm,
  herd: benchHerd,
  recover: benchRecover,
  'cold-start': benchColdStart,
  throughput: benchThroughput,
  scale: benchScale,
  budget: benchBudget,
  cost: benchCost,
};

const HELP = `usage: npm run bench -- [name] [flags] [--json] [--write]

Without a name all of them, one after the other. --json prints one line of JSON for each table, the machine with it.
--write puts what was found into test/bench/README.md.

${Object.entries(BENCHES)
  .map(([name, { help }]) => `  ${name}: ${help}`)
  .join('\n')}
`;

interface Output {
  readonly json: boolean;
  readonly write: boolean;
}

async function main(args: readonly string[]): Promise<void> {
  const output = { json: args.includes('--json'), write: args.includes('--write') };
  const [name, ...flags] = args.filter((arg) => arg !== '--json' && arg !== '--write');
  if (name === undefined) return runAll(Object.keys(BENCHES), [], output);
  if (BENCHES[name] === undefined || flags.includes('--help')) {
    (BENCHES[name] ? console.log : console.error)(HELP);
    process.exitCode = BENCHES[name] || name === '--help' ? 0 : 2;
    return;
  }
  return runAll([name], flags, output);
}

async function runAll(
  names: readonly string[],
  flags: readonly string[],
  { json, write }: Output,
): Promise<void> {
  const here = machine(new Date());
  if (!json)
    console.log(`${here.cpu}, ${here.cores} cores, ${here.memoryGb} GB, Node ${here.node}, ${here.date}\n`);
  const found = new Map<string, readonly BenchReport[]>();
  for (const name of names) {
    const reports = (await BENCHES[name]?.run(flags)) ?? [];
    found.set(name, reports);
    for (const report of reports)
      console.log(json ? JSON.stringify({ bench: name, machine: here, ...report }) : formatReport(report));
  }
  if (write) writeReadme(Object.keys(BENCHES), found, here);
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
  process.exitCode = 2;
});
