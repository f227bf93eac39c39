/** What a WAF with an exact rolling window would have seen. `arrivalsMs` need not be sorted. */
export function rollingWindow(
  arrivalsMs: readonly number[],
  windowMs: number,
  limit: number,
): { readonly largest: number; readonly beyondLimit: number } {
  const sorted = Float64Array.from(arrivalsMs).sort();
  let largest = 0;
  let beyondLimit = 0;
  let oldest = 0;
  for (const [index, atMs] of sorted.entries()) {
    while ((sorted[oldest] as number) <= atMs - windowMs) oldest += 1;
    const inWindow = index - oldest + 1;
    largest = Math.max(largest, inWindow);
    if (inWindow > limit) beyondLimit += 1;
  }
  return { largest, beyondLimit };
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
