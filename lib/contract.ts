/**
 * What the functions and the infrastructure agree on: names of environment variables, the key layout of
 * the table, metrics with their units. It imports nothing.
 */

/** Environment variables of the functions. */
export const ENV = {
  /** JSON of the broker that the function belongs to: `lib/settings.ts` has its schema. */
  broker: 'PLUME_BROKER',
  /**
   * The streams for which the minter reports WAF blocks: `<budget>#<stream>`, separated by commas.
   * @default - both of its own budget
   */
  watchedStreams: 'PLUME_WATCHED_STREAMS',
  /** The client of a caller function. */
  client: 'PLUME_CLIENT',
  /** The clients of the reference worker, between commas; the first is that of jobs which name none. */
  clients: 'PLUME_CLIENTS',
  /** URL of the queue that the reference worker consumes. */
  jobQueueUrl: 'PLUME_JOB_QUEUE_URL',
  /** URL of the queue that takes the reference worker's results. */
  resultQueueUrl: 'PLUME_RESULT_QUEUE_URL',
  /**
   * JSON of the queues' URLs, by name, that take the results of jobs which name them.
   * @default - there are none
   */
  resultQueueUrls: 'PLUME_RESULT_QUEUE_URLS',
  /** `false`: the reference worker logs no line for a job that is done. */
  logJobs: 'PLUME_LOG_JOBS',
  jobPriority: 'PLUME_JOB_PRIORITY',
  /** URL of the queue that takes jobs which cannot be done. */
  deadLetterQueueUrl: 'PLUME_DEAD_LETTER_QUEUE_URL',
} as const;

export const DEFAULT_SECRET_PREFIX = 'plume/m2m';

/**
 * One table, one string key. `token#<client>` is all that a worker reads; `request#<client>` and
 * `budget#<name>#…` are all that it updates; every other item belongs to the minter.
 */
export const TABLE = {
  partitionKey: 'pk',
  /** Unix seconds. It only cleans up: readers compare times, because a TTL deletion lags by days. */
  ttl: 'ttl',
  /** Sparse index over the `mint#` items: whose token is due, earliest first. */
  dueIndex: { name: 'due', partitionKey: 'due', sortKey: 'dueAtMs' },
  tokenKey: (client: string): string => `token#${client}`,
  mintKey: (client: string): string => `mint#${client}`,
  requestKey: (client: string): string => `request#${client}`,
  /** Up to where the minter has read the list of secrets. */
  listingKey: 'listing',
  /** One counter per stream. It counts in moments, so instances with different intervals may share it. */
  budgetKey: (budget: string, stream: BudgetStream | '*'): string => `budget#${budget}#${stream}`,
  /** An operator's orders to a budget. An item of its own, since IAM cannot tell a name in a condition from a write. */
  orderKey: (budget: string): string => `order#${budget}`,
} as const;

/** The message attributes of the reference worker's jobs that are its own. A sender's others travel along with a job. */
export const JOB_ATTRIBUTES = {
  jobId: 'plume.jobId',
  failures: 'plume.failures',
  submittedAtMs: 'plume.submittedAtMs',
  /** When the WAF last refused the job's call, and when such a refusal last counted against the job. */
  refusedAtMs: 'plume.refusedAtMs',
  countedAtMs: 'plume.countedAtMs',
  /** Why the job is in the dead-letter queue. */
  code: 'plume.code',
} as const;

/** The workers share one stream of tickets; the minter has its own, so that it is never starved. */
export type BudgetStream = 'worker' | 'minter';

/** One stream of one budget. */
export interface StreamOfBudget {
  readonly budget: string;
  readonly stream: BudgetStream;
}

/** How often a job of the reference worker may fail: SQS moves it too, if its worker dies as often. */
export const JOB_MAX_FAILURES = 5;

/** How long the minter has for an event, and a worker waits for its answer. */
export const MINTER_TIMEOUT_MS = 90_000;

/** What the minter is invoked with: by its schedule, or by a worker without a usable token. */
export type MinterEvent =
  | { readonly kind: 'tick' }
  | {
      readonly kind: 'request';
      readonly client: string;
      /** The fingerprint of a token that the API answered with 401; absent if there is no token at all. */
      readonly rejected?: string;
    };

export const METRIC_NAMESPACE = 'PlumeM2M';

/** Which of the {@link METRICS} are metrics of CloudWatch: those that are alarmed, or all. */
export type MetricChoice = 'alarmed' | 'all';

/** The dimension `service`, which every metric carries besides its own, if no other is given. */
export const DEFAULT_SERVICE = 'token-broker';

/** Codes of the errors that a mint can end with. README says what each means. */
export const MINT_FAILURES = [
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'unsupported_grant_type',
  'oauth_error_unknown',
  'oauth_response_invalid',
  'oauth_throttled',
  'oauth_unavailable',
  'secret_malformed',
  'secret_missing',
  'secret_unavailable',
  'token_expired_on_arrival',
  'token_store_unavailable',
  'waf_blocked',
] as const;

/** The code of an error that a mint can end with. */
export type MintFailure = (typeof MINT_FAILURES)[number];

/**
 * Everything that the functions measure. Alarms and widgets take names from here alone. What an alarm reads is a metric of
 * CloudWatch; the rest are fields of the log, for Logs Insights, since each metric is paid for in every hour in which it is
 * sent. Clients are no dimension: there may be thousands, and an alarm can only be set for a combination that is known
 * beforehand.
 */
export const METRICS = {
  /** A token was minted and stored. */
  TokenMinted: { unit: 'Count', keeps: 'sum', dimensions: [], properties: ['client'] },
  /** A mint failed; `code` is one of {@link MINT_FAILURES}. */
  MintFailed: { unit: 'Count', keeps: 'sum', alarmed: true, dimensions: ['code'], properties: ['client'] },
  /** Seconds until the stored token is no longer served; emitted per due client at every tick: watch its minimum. */
  SecondsToExpiry: {
    unit: 'Seconds',
    keeps: 'latest',
    alarmed: true,
    dimensions: [],
    properties: ['client'],
  },
  /** Two sources of a token's expiry differ by more than the grace. */
  ExpiryDisagreement: { unit: 'Count', keeps: 'sum', dimensions: [], properties: ['client'] },
  /** The minter could not list the secrets in a tick, such as because AWS refused ListSecrets. */
  SecretsNotListed: { unit: 'Count', keeps: 'sum', alarmed: true, dimensions: [], properties: [] },
  /** Clients whose last mint failed; emitted at every tick, 0 included, and as long as it lasts. */
  ClientsFailing: { unit: 'Count', keeps: 'latest', alarmed: true, dimensions: [], properties: [] },
  /** The secret of a client is gone: its token was deleted, and it is forgotten. */
  ClientRemoved: { unit: 'Count', keeps: 'sum', alarmed: true, dimensions: [], properties: ['client'] },
  /** A worker was given a token; `source` is memory, table or minter. */
  TokenServed: { unit: 'Count', keeps: 'sum', dimensions: ['source'], properties: ['client'] },
  /** The API answered 401. */
  TokenRejected: { unit: 'Count', keeps: 'sum', dimensions: [], properties: ['client'] },
  /** A call succeeded on the retry after a 401. */
  TokenRecovered: { unit: 'Count', keeps: 'sum', dimensions: [], properties: ['client'] },
  /** Tickets handed out, in blocks: each is a call that may be made. */
  TicketsGranted: {
    unit: 'Count',
    keeps: 'sum',
    alarmed: { stream: 'worker' },
    dimensions: ['budget', 'stream'],
    properties: [],
  },
  /** A reservation was refused; it is made again if the call has the time to wait. */
  TicketsRefused: { unit: 'Count', keeps: 'sum', dimensions: ['budget', 'stream'], properties: [] },
  /** How long a call waited for its turn. */
  TicketWait: { unit: 'Milliseconds', keeps: 'maximum', dimensions: ['budget', 'stream'], properties: [] },
  /** A ticket expired before it was used. */
  TicketsExpired: { unit: 'Count', keeps: 'sum', dimensions: ['budget', 'stream'], properties: [] },
  /** 1 while the WAF blocks a stream, else 0; emitted at every tick. */
  CallsResting: {
    unit: 'Count',
    keeps: 'latest',
    alarmed: true,
    dimensions: ['budget'],
    properties: ['stream'],
  },
  /** How long ago the pause of a budget was ordered; emitted at every tick while it lasts. */
  PauseAge: { unit: 'Seconds', keeps: 'latest', alarmed: true, dimensions: ['budget'], properties: [] },
  /** The WAF refuses the address, so a stream makes no calls: emitted when each pause begins. */
  WafBlocked: { unit: 'Count', keeps: 'sum', dimensions: ['budget'], properties: [] },
  /** Calls that the WAF refused while others passed: for their content, or because a `tokenUrl` is wrong. */
  WafRefusedCall: { unit: 'Count', keeps: 'sum', alarmed: true, dimensions: ['budget'], properties: [] },
  /** A counter stands further ahead than any caller can have moved it: its stream stands still. */
  CounterImplausible: {
    unit: 'Count',
    keeps: 'sum',
    alarmed: true,
    dimensions: ['budget'],
    properties: [],
  },
  /** How far this clock is from DynamoDB's, when that is more than its `Date` header can explain. */
  ClockOffset: { unit: 'Milliseconds', keeps: 'latest', dimensions: ['budget'], properties: [] },
  /** How long ago a job first came to the queue, when the reference worker takes it up: also as a postponed copy. */
  JobAge: { unit: 'Seconds', keeps: 'maximum', alarmed: true, dimensions: [], properties: ['client'] },
  /** Jobs that the reference worker completed; 0 for a job that it took up and did not complete. */
  JobDone: { unit: 'Count', keeps: 'sum', alarmed: true, dimensions: [], properties: ['client'] },
  /** A job must wait, and went back to the queue with that delay. */
  JobPostponed: { unit: 'Count', keeps: 'sum', dimensions: [], properties: ['client'] },
  /** A job failed, and the queue delivers it again. */
  JobFailed: { unit: 'Count', keeps: 'sum', dimensions: [], properties: ['client'] },
  /** A job went to the dead-letter queue. */
  JobDead: { unit: 'Count', keeps: 'sum', dimensions: [], properties: ['client'] },
} as const satisfies Record<string, MetricDefinition>;

export interface MetricDefinition {
  readonly unit: 'Count' | 'Seconds' | 'Milliseconds';
  /** Which of several values of one invocation is written. */
  readonly keeps: 'sum' | 'maximum' | 'latest';
  /** An alarm reads it, or only what has these labels: it is a metric of CloudWatch, whatever the stage says. */
  readonly alarmed?: true | Readonly<Record<string, string>>;
  /** What CloudWatch keeps apart: of few values each. */
  readonly dimensions: readonly string[];
  /** What the line in the log says besides, for Logs Insights. */
  readonly properties: readonly string[];
}

/** The name of a metric, as CloudWatch has it. */
export type MetricName = keyof typeof METRICS;

/** Whether a measurement with these labels is a metric of CloudWatch, and not a field of the log alone. */
export function isMetric(
  name: MetricName,
  labels: Readonly<Record<string, string>>,
  choice: MetricChoice,
): boolean {
  const { alarmed }: MetricDefinition = METRICS[name];
  if (choice === 'all' || alarmed === undefined) return choice === 'all';
  return alarmed === true || Object.entries(alarmed).every(([label, value]) => labels[label] === value);
}

/** How long a line of the call budget a call may join. */
export type Priority = 'normal' | 'low';

export const PRIORITIES: readonly Priority[] = ['normal', 'low'];
export const PRIORITY_RULE = "must be 'normal' or 'low'";

export function isPriority(value: unknown): value is Priority {
  return PRIORITIES.some((priority) => priority === value);
}
