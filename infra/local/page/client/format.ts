/** Time since the run's begin. */
export function formatTime(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
}

export function formatSpan(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function formatValue(value: number): string {
  if (Math.abs(value) < 0.005) return '0';
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}
