/** A line of any function. */
const LINE = '@timestamp, function, level, message';
const CAUSE = 'error.code, error.message';

/**
 * What people on call ask the logs, in the language of Logs Insights, by name. They put in the words in capitals. A test holds the
 * fields against the lines of a run; the chapter on alarms, logs and metrics has a row for each.
 */
export const LOG_QUERIES: Readonly<Record<string, string>> = {
  'Who used the budget': `filter ispresent(TicketsGranted)
| stats sum(TicketsGranted) as calls by budget, stream, function
| sort calls desc`,

  'One job': `filter jobId = 'JOB_ID'
| fields ${LINE}, client, end, status, durationMs, ageMs, failures, ${CAUSE}, requestId, xray_trace_id
| sort @timestamp asc`,

  'One call': `filter xray_trace_id = 'TRACE_ID'
| fields ${LINE}, client, jobId, fingerprint, ${CAUSE}, requestId
| sort @timestamp asc`,

  'One client': `filter client = 'CLIENT' and ispresent(message) and not ispresent(end)
| fields ${LINE}, fingerprint, verb, ${CAUSE}, requestId, xray_trace_id
| sort @timestamp asc`,

  'Failed mints': `filter ispresent(MintFailed)
| stats sum(MintFailed) as mints, latest(@timestamp) as last by client, code
| sort mints desc`,

  Orders: `filter ispresent(verb) and ispresent(by)
| fields @timestamp, verb, budget, client, reason, by
| sort @timestamp desc`,
};
