import type { MetricStore } from './metric-store.ts';
import { dataPoint, type Query } from './query.ts';

/** An alarm of the template. */
export interface AlarmDefinition {
  readonly name: string;
  readonly description: string;
  readonly query: Query;
  readonly comparison: keyof typeof COMPARISONS;
  readonly threshold: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly treatMissingData: 'breaching' | 'notBreaching' | 'ignore' | 'missing';
}

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

const COMPARISONS = {
  GreaterThanOrEqualToThreshold: (value: number, threshold: number) => value >= threshold,
  GreaterThanThreshold: (value: number, threshold: number) => value > threshold,
  LessThanOrEqualToThreshold: (value: number, threshold: number) => value <= threshold,
  LessThanThreshold: (value: number, threshold: number) => value < threshold,
};

/**
 * The state of an alarm by its last complete periods, as CloudWatch tells it.
 *
 * @param secondMs how long one second of CloudWatch lasts here, in ms: a local run's minutes pass faster
 * @param sinceMs when there was anything to measure: what lies before is not missing
 */
export function alarmState(
  alarm: AlarmDefinition,
  store: MetricStore,
  nowMs: number,
  secondMs = 1000,
  sinceMs = Number.NEGATIVE_INFINITY,
): AlarmState {
  const periodMs = alarm.query.periodSeconds * secondMs;
  const endMs = Math.floor(nowMs / periodMs) * periodMs;
  const points = Array.from({ length: alarm.evaluationPeriods }, (_, back) => endMs - back * periodMs)
    .filter((toMs) => toMs - periodMs >= sinceMs)
    .map((toMs) => dataPoint(alarm.query, store, toMs - periodMs, toMs));
  const isKnown = points.some((point) => point !== undefined);
  const { treatMissingData, datapointsToAlarm, threshold } = alarm;
  const isMissing = treatMissingData === 'missing' || treatMissingData === 'ignore';
  if (points.length === 0 || (!isKnown && isMissing)) return 'INSUFFICIENT_DATA';
  const breaches = COMPARISONS[alarm.comparison];
  const breaching = points.filter((point) =>
    point === undefined ? treatMissingData === 'breaching' : breaches(point, threshold),
  );
  return breaching.length >= datapointsToAlarm ? 'ALARM' : 'OK';
}
