import { failuresOf, type Report } from './report.ts';

/** The report as people read it. */
export function reportText(report: Report): string {
  const failures = failuresOf(report);
  const rows: (readonly [string, string])[] = [
    ...reportFigures(report),
    ...report.faults.map((fault): [string, string] => [
      `fault at ${fault.atSeconds} s`,
      `${fault.detail}: ${fault.recoveredAfterMs === null ? 'NOT recovered' : `recovered after ${fault.recoveredAfterMs} ms`}`,
    ]),
    ['result', failures.length === 0 ? 'good' : `FAILED: ${failures.join('; ')}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join('');
}

/** Its figures: a name and what there is to say of it. */
export function reportFigures(report: Report): readonly (readonly [name: string, text: string])[] {
  return [
    ['duration', `${report.durationSeconds} s${report.interrupted ? ' (interrupted)' : ''}`],
    [
      'jobs',
      `${report.jobsSubmitted} submitted, ${report.jobsDone} done, ${report.jobsWaiting} waiting, ${report.jobsLost} lost (${report.jobsInDeadLetterQueue} in the dead-letter queue)`,
    ],
    ['latency', `p50 ${report.p50Ms ?? '-'} ms, p99 ${report.p99Ms ?? '-'} ms from submission to result`],
    ['API calls', String(report.apiCalls)],
    [
      'tokens',
      `${report.mints} minted over ${report.lifetimes} lifetimes, ${report.expiredTokensSent} sent expired`,
    ],
    ['401', `${report.rejected401} answered, ${report.recovered401} calls recovered with another token`],
    ['window', `at most ${report.maxCallsInWindow} calls, limit ${report.limit}`],
    ['WAF', wafText(report)],
    [
      'history',
      report.historyErrors.length === 0
        ? `${report.grants} grants of tickets in order and disjoint, one mint per need`
        : `${report.historyErrors.length} errors`,
    ],
    ['DynamoDB', `${report.dynamoRequestsPerCall} requests per API call`],
  ];
}

/** A block that was ordered as a fault refuses calls too: they are counted, and do not fail the run. */
export function wafText({
  wafBlocked,
  wafBlockedByFault,
}: Pick<Report, 'wafBlocked' | 'wafBlockedByFault'>): string {
  const ordered = wafBlockedByFault > 0 ? `, and ${wafBlockedByFault} in blocks that were ordered` : '';
  return `${wafBlocked} calls refused${ordered}`;
}
