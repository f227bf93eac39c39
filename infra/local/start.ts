import { type Args, HELP, parseCommandLine, UsageError } from './args.ts';
import { EngineError } from './dynamodb/engine.ts';
import { interrupted } from './interrupted.ts';
import { SCALED_PROFILE, VENDOR_PROFILE } from './profile.ts';
import { showProgress } from './progress.ts';
import { failuresOf } from './report.ts';
import { reportText } from './report-text.ts';
import { run } from './run.ts';

/** `npm start`: see `--help`. */

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    return await start(parseCommandLine(argv));
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof EngineError)) throw error;
    process.stderr.write(`${error.message}; --help lists the options\n`);
    return 2;
  }
}

async function start(args: Args): Promise<number> {
  if (args.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { signal, isOutputClosed } = interrupted();
  const profile = args.vendorLimits ? VENDOR_PROFILE : SCALED_PROFILE;
  const progress = args.json ? process.stderr : process.stdout;
  progress.write('Bundling the functions and starting the local world ...\n');
  const report = await run({
    profile,
    durationMs: args.durationSeconds * 1000,
    workers: args.workers,
    faults: args.faults,
    dynamodbUrl: process.env.AWS_ENDPOINT_URL_DYNAMODB,
    signal,
    watch: showProgress(profile, progress),
  });
  if (isOutputClosed()) return 141;
  process.stdout.write(args.json ? `${JSON.stringify(report)}\n` : `\n${reportText(report)}`);
  return failuresOf(report).length === 0 ? 0 : 1;
}
