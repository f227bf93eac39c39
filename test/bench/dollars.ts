import type { TableRequests } from './cost-counts.ts';
import { PRICES } from './prices.ts';

/** What requests of the table and lines of the log cost, in US dollars. */

export function dynamo({ reads, writes }: TableRequests, times: number): number {
  const { millionReads, millionWrites } = PRICES.dynamodb;
  return (times * (reads * millionReads + writes * millionWrites)) / 1e6;
}

export function logBytes(bytes: number): number {
  return (bytes / 2 ** 30) * PRICES.cloudwatch.gigabyteOfLogs;
}
