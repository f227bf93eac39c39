import * as v from 'valibot';

import type { MinterEvent } from '../contract.ts';
import type { ErrorCode } from '../errors.ts';
import type { InvokeFunction } from './invoke-function.ts';
import type { MintOutcome } from './mint-outcome.ts';

/**
 * Asks the minter for a token and waits for its answer; the token itself comes through the table.
 *
 * @param rejected fingerprint of the token that the API refused; `undefined` if there is none at all
 * @throws whatever the invocation throws, or an error if the answer is not a {@link MintOutcome}
 */
export type AskMinter = (client: string, rejected: string | undefined) => Promise<MintOutcome>;

const code = v.pipe(
  v.string(),
  v.transform((text) => text as ErrorCode),
);

const outcomeSchema = v.variant('status', [
  v.object({ status: v.picklist(['minted', 'current']), fingerprint: v.string() }),
  v.object({ status: v.literal('pending'), retryAtMs: v.number() }),
  v.object({ status: v.literal('failed'), code, retryAtMs: v.exactOptional(v.number()) }),
]);

export function createAskMinter({
  invoke,
  functionName,
  timeoutMs,
}: {
  readonly invoke: InvokeFunction;
  readonly functionName: string;
  readonly timeoutMs: number;
}): AskMinter {
  return async (client, rejected) => {
    const event: MinterEvent = { kind: 'request', client, ...(rejected !== undefined && { rejected }) };
    return v.parse(outcomeSchema, await invoke(functionName, event, AbortSignal.timeout(timeoutMs)));
  };
}
