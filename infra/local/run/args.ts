import { parseArgs } from 'node:util';

export interface Args {
  readonly durationSeconds: number;
  readonly workers: number;
  readonly json: boolean;
  readonly vendorLimits: boolean;
  readonly faults: boolean;
  /** The page's port, 0 for any that is free; undefined: no page. */
  readonly pagePort: number | undefined;
  /** Where the report is written as a page; undefined: nowhere. */
  readonly reportFile: string | undefined;
  readonly help: boolean;
}

/** The command line cannot be understood. The message names the flag and the rule. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const HELP = `Runs the token broker on this machine: the functions' real bundles, an embedded DynamoDB, queue and
Secrets Manager, and a Plume cloud with a WAF. Ends with a report.

Usage: npm start -- [options]

  --for <seconds>   how long work comes in (default 60, at least 10); the run ends when all of it is done
  --workers <n>     instances of the worker function (default 8, at most 100)
  --vendor-limits   2000 calls per 300 s; the default is a scaled-down profile with the same arithmetic
  --no-faults       no revoked token, outage or killed instance by itself; the page still orders faults
  --port <n>        of the live page on 127.0.0.1 (default: any that is free)
  --no-page         leave out the live page
  --report <file>   write the report as one HTML file, with the pictures of the page
  --json            print the report alone, as one line of JSON; progress goes to stderr
  --help, -h        print this

AWS_ENDPOINT_URL_DYNAMODB names another DynamoDB than the embedded one.

Exit codes
  1   a job was lost or not done in time, a fault was not recovered from, the WAF refused a call, the window
      held more calls than the limit, or an expired token was sent
  2   an option or AWS_ENDPOINT_URL_DYNAMODB is wrong, or the port is taken
`;

const OPTION_TYPES = {
  for: { type: 'string' },
  workers: { type: 'string' },
  json: { type: 'boolean', default: false },
  'vendor-limits': { type: 'boolean', default: false },
  'no-faults': { type: 'boolean', default: false },
  'no-page': { type: 'boolean', default: false },
  port: { type: 'string' },
  report: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;
const OPTIONS = Object.keys(OPTION_TYPES);

/**
 * @param environment npm keeps options for itself that stand before `--`, and tells of them there
 * @throws {UsageError}
 */
export function parseCommandLine(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Args {
  const kept = OPTIONS.filter((name) => environment[`npm_config_${name.replaceAll('-', '_')}`] !== undefined);
  if (kept.length > 0) {
    throw new UsageError(
      `npm kept ${kept.map((name) => `--${name}`).join(' and ')} for itself: write npm start -- --${kept[0]} …`,
    );
  }
  const values = parse(args);
  return {
    durationSeconds: wholeNumber('--for', values.for, 60, 10, 86_400),
    workers: wholeNumber('--workers', values.workers, 8, 1, 100),
    json: values.json,
    vendorLimits: values['vendor-limits'],
    faults: !values['no-faults'],
    pagePort: values['no-page'] ? undefined : wholeNumber('--port', values.port, 0, 1, 65_535),
    reportFile: fileName(values.report),
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: OPTION_TYPES,
    });
    return values;
  } catch (error) {
    // The parser's message names the argument; what follows its first sentence is advice on positional arguments.
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(message.split(/\.\s|\n/)[0]);
  }
}

function fileName(text: string | undefined): string | undefined {
  if (text === '') throw new UsageError('--report must name a file');
  return text;
}

function wholeNumber(
  flag: string,
  text: string | undefined,
  fallback: number,
  minimum: number,
  maximum: number,
): number {
  if (text === undefined) return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= maximum) return value;
  throw new UsageError(`${flag} must be a whole number from ${minimum} to ${maximum}`);
}
