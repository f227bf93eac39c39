import { dynamo, logBytes } from './dollars.ts';
import { PRICES } from './prices.ts';
import type { BenchReport } from './report.ts';
import { countWaiting, type Demand, type WaitingCount, type WaitingPolicy } from './waiting.ts';

/** The reference worker's memory, as in infra/aws. */
const WORKER_GIGABYTES = 0.5;
/** The reference worker's line of a job, in bytes. */
export const JOB_LINE = 500;

/** What waits in an invocation is paid for; what goes back to the queue is sent, received, logged and looked at again. */
export function waitingReport(waiting: AllWaiting): BenchReport {
  const rows = (Object.keys(waiting) as Demand[]).flatMap((demand) =>
    (Object.keys(POLICIES) as PolicyName[]).map((name) => {
      const count = waiting[demand][name];
      const { done, seconds, invocations, postponed, writes, ageSeconds } = count;
      return [
        DEMAND_TITLES[demand],
        POLICY_TITLES[name],
        (seconds / done).toFixed(2),
        (invocations / done).toFixed(2),
        (postponed / done).toFixed(2),
        (writes / done).toFixed(2),
        ageSeconds.toFixed(1),
        (1e6 * waitingPerCall(count)).toFixed(2),
      ];
    }),
  );
  return {
    title: "Waiting: the reference worker's jobs, for each that is done",
    columns: [
      'demand',
      'a batch',
      'seconds of Lambda',
      'invocations',
      'gone back',
      'writes',
      'age, s',
      'dollars a million',
    ],
    rows,
    notes: [
      'The default waits, with four invocations at a time: the cheapest of these. More of them make no more calls, since the budget is what limits, and each is paid for while it waits.',
      'Five minutes each on virtual time: the table takes 10 ms, the API 200 ms. Counted: Lambda at 512 MB, table writes, messages that go back, their lines in the log.',
    ],
  };
}

const POLICIES = {
  wait: { maxWaitMs: 30_000, concurrency: 4 },
  waitTen: { maxWaitMs: 30_000, concurrency: 10 },
  goBack: { maxWaitMs: 2_000, concurrency: 4 },
  goBackTen: { maxWaitMs: 2_000, concurrency: 10 },
} as const satisfies Record<string, WaitingPolicy>;
type PolicyName = keyof typeof POLICIES;
/** By demand and policy. */
export type AllWaiting = Readonly<Record<Demand, Readonly<Record<PolicyName, WaitingCount>>>>;
const POLICY_TITLES: Readonly<Record<PolicyName, string>> = {
  wait: 'waits up to 30 s, 4 at a time (the default)',
  waitTen: 'waits up to 30 s, 10 at a time',
  goBack: 'goes back after 2 s, 4 at a time',
  goBackTen: 'goes back after 2 s, 10 at a time',
};
const DEMAND_TITLES: Readonly<Record<Demand, string>> = {
  steady: '4 jobs a second, one by one',
  bursts: '1000 jobs at once, every five minutes',
  saturated: '7 jobs a second, more than the budget',
};
const WAITING_MS = 300_000;

export async function countAllWaiting(): Promise<AllWaiting> {
  const result = {} as Record<Demand, Record<PolicyName, WaitingCount>>;
  for (const demand of Object.keys(DEMAND_TITLES) as Demand[]) {
    result[demand] = {} as Record<PolicyName, WaitingCount>;
    for (const [name, policy] of Object.entries(POLICIES))
      result[demand][name as PolicyName] = await countWaiting(demand, policy, WAITING_MS);
  }
  return result;
}

/** Lambda's time and requests, of a job that is done. */
export function lambdaPerCall({ done, seconds, invocations }: WaitingCount): number {
  const { gigabyteSecond, millionInvocations } = PRICES.lambda;
  return (seconds * WORKER_GIGABYTES * gigabyteSecond + (invocations * millionInvocations) / 1e6) / done;
}

/** A message that goes back is sent; a batch is received and deleted. */
function waitingPerCall(count: WaitingCount): number {
  const { done, invocations, postponed, writes } = count;
  const messages = ((postponed + 2 * invocations) * PRICES.sqs.millionRequests) / 1e6;
  return (
    lambdaPerCall(count) +
    (messages + dynamo({ reads: 0, writes: 1 }, writes) + logBytes(postponed * JOB_LINE)) / done
  );
}
