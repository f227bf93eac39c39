import type { LambdaClient } from '@aws-sdk/client-lambda';
import * as v from 'valibot';

import type { MinterEvent } from '../contract.ts';
import type { ErrorCode } from '../errors.ts';
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

/** Through Lambda's Invoke API. The SDK is loaded at the first call: most instances never make one. */
export function createAskMinter({
  functionName,
  timeoutMs,
}: {
  functionName: string;
  timeoutMs: number;
}): AskMinter {
  let lambda: LambdaClient | undefined;

  return async (client, rejected) => {
    const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
    lambda ??= new LambdaClient({ maxAttempts: 1 });
    const event: MinterEvent = { kind: 'request', client, ...(rejected !== undefined && { rejected }) };
    const { FunctionError, Payload } = await lambda.send(
      new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) }),
      { abortSignal: AbortSignal.timeout(timeoutMs) },
    );
    if (FunctionError !== undefined || Payload === undefined) throw new Error('the minter function failed');
    return v.parse(outcomeSchema, JSON.parse(Payload.transformToString()));
  };
}
