import type { BufferedTelemetry } from '../../lib/telemetry/telemetry.ts';

export const silentTelemetry: BufferedTelemetry = { metric: () => {}, log: () => {}, flush: () => {} };
