import type { UpdateItemCommandInput, UpdateItemCommandOutput } from '@aws-sdk/client-dynamodb';

import { TABLE } from '../../../../lib/contract.ts';

/** The span of a counter that one request has granted to its caller: from `fromMs` until before `toMs`. */
export interface GrantedTickets {
  /** The partition key of the counter's item. */
  readonly counter: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a request to a ticket counter has granted, as the wire shows it; undefined if it has granted nothing. */
export function grantedTickets(
  operation: string,
  request: Buffer,
  answer: { readonly status: number; readonly body: Buffer },
): GrantedTickets | undefined {
  if (operation !== 'UpdateItem' || answer.status !== 200) return undefined;
  const input = JSON.parse(request.toString()) as UpdateItemCommandInput;
  const counter = input.Key?.[TABLE.partitionKey]?.S ?? '';
  if (!/\bnextMs = /.test(input.UpdateExpression ?? '')) return undefined;
  const { Attributes = {} } = JSON.parse(answer.body.toString()) as Partial<UpdateItemCommandOutput>;
  const toMs = Number(Attributes.nextMs?.N);
  const given = (name: string): number => Number(input.ExpressionAttributeValues?.[name]?.N);
  // Taken: so much; skipped: from the floor on; a probe: from where the counter was seen. A new counter grants nothing.
  const fromMs = [toMs - given(':advance'), given(':floor'), given(':seen')].find(Number.isFinite);
  return fromMs === undefined ? undefined : { counter, fromMs, toMs };
}
