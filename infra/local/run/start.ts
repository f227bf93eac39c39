import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { EngineError } from '../emulators/dynamodb/engine.ts';
import type { Page } from '../page/page.ts';
import { type Args, HELP, parseCommandLine, UsageError } from './args.ts';
import { interrupted } from './interrupted.ts';
import { type Profile, SCALED_PROFILE, VENDOR_PROFILE } from './profile.ts';
import { showProgress } from './progress.ts';
import { failuresOf } from './report.ts';
import { reportText } from './report-text.ts';

/** `npm start`: see `--help`. */

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    return await start(parseCommandLine(argv, process.env));
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
  await checkOutputs(args);
  const { signal, isOutputClosed } = interrupted();
  const profile = args.vendorLimits ? VENDOR_PROFILE : SCALED_PROFILE;
  const output = args.json ? process.stderr : process.stdout;
  output.write('Bundling the functions and starting the local deployment ...\n');
  // Not above: a command line that is wrong is told so at once.
  const { run } = await import('./run.ts');
  const page = await openPage(args, profile);
  if (page?.url !== undefined) output.write(`See it, and try faults on it: ${page.url}\n`);
  const watchers = [showProgress(profile, output), ...(page === undefined ? [] : [page.watch])];
  try {
    const report = await run({
      profile,
      durationMs: args.durationSeconds * 1000,
      workers: args.workers,
      faults: args.faults,
      dynamodbUrl: process.env.AWS_ENDPOINT_URL_DYNAMODB,
      signal,
      watch(underWay) {
        const unwatch = watchers.map((watch) => watch(underWay));
        return () => {
          for (const end of unwatch) end();
        };
      },
    });
    await page?.finish(report);
    if (isOutputClosed()) return 141;
    process.stdout.write(args.json ? `${JSON.stringify(report)}\n` : `\n${reportText(report)}`);
    return failuresOf(report).length === 0 ? 0 : 1;
  } finally {
    await page?.stop();
  }
}

/** @throws {UsageError} what the page needs cannot be had: better now than when the run is over */
async function checkOutputs({ pagePort, reportFile }: Args): Promise<void> {
  if (reportFile !== undefined) {
    const file = await open(reportFile, 'a').catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`--report must name a file that can be written (${error.code})`);
    });
    await file.close();
  }
  if (pagePort !== undefined) await refusingTakenPort(pagePort, () => tryPort(pagePort));
}

async function openPage({ pagePort, reportFile }: Args, profile: Profile): Promise<Page | undefined> {
  if (pagePort === undefined && reportFile === undefined) return undefined;
  const { startPage } = await import('../page/page.ts');
  return refusingTakenPort(pagePort, () => startPage({ profile, port: pagePort, reportFile }));
}

/** @throws {UsageError} somebody else listens on the port */
async function refusingTakenPort<Result>(
  port: number | undefined,
  listen: () => Promise<Result>,
): Promise<Result> {
  return listen().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new UsageError(`--port must be one that is free: ${port} is taken`);
  });
}

/** Before the page is made, which takes some seconds. @throws EADDRINUSE */
async function tryPort(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}
