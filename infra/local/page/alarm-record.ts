import { DEFAULT_SERVICE } from '../../../lib/contract.ts';
import { type AlarmDefinition, type AlarmState, alarmState } from '../emulators/cloudwatch/alarm.ts';
import type { MetricStore } from '../emulators/cloudwatch/metric-store.ts';
import type { AlarmView } from './view.ts';

/** An alarm's state, and when it was raised before. */
export function createAlarmRecord(
  alarm: AlarmDefinition,
  store: MetricStore,
  { startedAtMs, secondMs }: { readonly startedAtMs: number; readonly secondMs: number },
): (nowMs: number) => AlarmView {
  const raised: { readonly fromMs: number; toMs?: number }[] = [];
  return (nowMs) => {
    const atMs = Math.round(nowMs - startedAtMs);
    const state: AlarmState = alarmState(alarm, store, nowMs, secondMs, startedAtMs);
    const last = raised.at(-1);
    const wasRaised = last !== undefined && last.toMs === undefined;
    if (state === 'ALARM' && !wasRaised) raised.push({ fromMs: atMs });
    if (state !== 'ALARM' && wasRaised) last.toMs = atMs;
    // Alarms are named after their stack; the page shows one.
    const name = alarm.name.replace(`${DEFAULT_SERVICE}-`, '');
    const { description } = alarm;
    return { name, description, state, raised: raised.map((time) => ({ ...time })) };
  };
}
