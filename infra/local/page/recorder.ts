import { putFunctionMetric } from '../emulators/cloudwatch/function-metrics.ts';
import { createMetricStore } from '../emulators/cloudwatch/metric-store.ts';
import { putQueueMetrics } from '../emulators/cloudwatch/queue-metrics.ts';
import { alarmsOf, type CloudFormationTemplate } from '../emulators/cloudwatch/template.ts';
import { secondMsOf } from '../emulators/cloudwatch/time-scale.ts';
import type { RunEvent } from '../run/events.ts';
import type { Profile } from '../run/profile.ts';
import { failuresOf, type Report } from '../run/report.ts';
import { reportFigures, wafText } from '../run/report-text.ts';
import type { RunUnderWay } from '../run/run.ts';
import type { RunState } from '../run/run-state.ts';
import { createAlarmRecord } from './alarm-record.ts';
import { faultMarks, faultViews } from './fault-views.ts';
import { createStatusRecord, type PageOrder, partnersOf, type StatusRecord } from './status-record.ts';
import { createTokenRecord } from './token-record.ts';
import type { RunView, View } from './view.ts';
import { createWidgetRecords } from './widget-records.ts';
import { createWindowRecord } from './window-record.ts';

/** Turns the events of a run into what the page shows. */
export interface Recorder {
  /** Watches a run from its begin; returns the function that ends the watching. */
  record(run: RunUnderWay): () => void;
  /** undefined: no run has begun. */
  view(): View | undefined;
  /** Gives an order to the operator function. @returns whether it was carried out; false if no run is under way */
  order(verb: PageOrder): Promise<boolean>;
  /** The last view, with what the run came to. */
  finish(report: Report): void;
}

const EVERY_MS = 500;

/** @param template of the stack that the run stands for: its alarms and its dashboard are the page's */
export function createRecorder(profile: Profile, template: CloudFormationTemplate): Recorder {
  let look: (() => View) | undefined;
  let last: View | undefined;
  let status: StatusRecord | undefined;
  let beganAtMs = 0;

  return {
    record(run) {
      const { events, earlier, startedAtMs, state, now, faultDesk, deployment } = run;
      const runView = runViewOf(profile, run.durationMs);
      const secondMs = secondMsOf(profile);
      const scale = { startedAtMs, secondMs };
      const alarms = alarmsOf(template);
      const looksBackMs = Math.max(
        ...alarms.map(({ query, evaluationPeriods }) => query.periodSeconds * (evaluationPeriods + 1)),
      );
      const store = createMetricStore(looksBackMs * secondMs);
      const alarmRecords = alarms.map((alarm) => createAlarmRecord(alarm, store, scale));
      const widgets = createWidgetRecords(template, store, scale);
      const tokens = createTokenRecord(profile.token.graceMs, startedAtMs);
      const calls = createWindowRecord(profile.budget, startedAtMs);
      const record = createStatusRecord(deployment, { startedAtMs, orderMs: profile.budget.windowMs });
      status = record;
      beganAtMs = startedAtMs;
      const over = new AbortController();

      const add = (event: RunEvent): void => {
        putFunctionMetric(store, event, template, secondMs);
        tokens.add(event);
        if (event.kind === 'call') calls.add(event);
        if (event.kind === 'log') widgets.addLine(event.line);
      };
      for (const event of earlier) add(event);
      const unsubscribe = events.subscribe(add);
      void putQueueMetrics({
        queues: deployment.queues,
        template,
        store,
        now,
        everyMs: EVERY_MS,
        secondMs,
        signal: over.signal,
      });

      look = () => {
        const nowMs = now();
        return {
          nowMs: Math.round(nowMs - startedAtMs),
          run: runView,
          isSilent: state.apiCalls === 0,
          figures: figuresOf(state),
          window: calls.view(nowMs),
          tokens: tokens.view(),
          ...record.view(),
          faults: faultViews(faultDesk),
          marks: faultMarks(state, startedAtMs),
          alarms: alarmRecords.map((record) => record(nowMs)),
          widgets: widgets.views(nowMs),
        };
      };
      // Also while no page is open: alarms are raised and graphs go on.
      const timer = setInterval(() => look?.(), EVERY_MS);
      return () => {
        clearInterval(timer);
        over.abort();
        status = undefined;
        unsubscribe();
        last = look?.();
      };
    },
    view() {
      // Only while a page is open: it asks the functions.
      status?.refresh();
      return last ?? look?.();
    },
    order: async (verb) => (await status?.order(verb)) ?? false,
    finish(report) {
      if (last === undefined) return;
      const partners = partnersOf(report.inspection, beganAtMs);
      last = { ...last, partners, figures: reportFigures(report), result: { failures: failuresOf(report) } };
    },
  };
}

/** The figures of a run under way. */
function figuresOf(state: RunState): View['figures'] {
  return [
    ['jobs', `${state.latencies.size} of ${state.submitted.size} done`],
    ['API calls', String(state.apiCalls)],
    ['tokens', `${state.mints} minted, ${state.expiredTokensSent} sent expired`],
    ['401', `${state.rejected401} answered, ${state.metrics.get('TokenRecovered') ?? 0} calls recovered`],
    ['window', `at most ${state.maxCallsInWindow} calls`],
    ['WAF', wafText(state)],
    ['instances', `${state.instances.get('worker') ?? 0} of the worker`],
  ];
}

function runViewOf(profile: Profile, durationMs: number): RunView {
  const { worker, clockAllowanceMs, networkDelayMs } = profile.budget;
  return {
    profile: profile.name,
    durationMs,
    firstSilenceMs: worker.horizonMs + 2 * clockAllowanceMs + networkDelayMs,
    cloudWatchMinuteMs: 60 * secondMsOf(profile),
  };
}
