import type { ClockOffset } from '../platform/server-clock.ts';
import type { Telemetry } from './telemetry.ts';

/** For `createServerClock`: tells of a clock that differs from DynamoDB's. */
export function reportClockOffset(telemetry: Telemetry, budget: string): (offset: ClockOffset) => void {
  return (offset) => {
    telemetry.metric('ClockOffset', offset.offsetMs, { budget });
    telemetry.log('warn', "this machine's clock differs from DynamoDB's", { ...offset });
  };
}
