import type { MinterEvent } from '../contract.ts';
import type { InvokeFunction } from './invoke-function.ts';
import { isMintOutcome, type MintOutcome } from './mint-outcome.ts';

/**
 * Asks the minter for a token and waits for its answer; the token itself comes through the table.
 *
 * @param rejected fingerprint of the token that the API refused; `undefined` if there is none at all
 * @throws whatever the invocation throws, or an error if the answer is not a {@link MintOutcome}
 */
export type AskMinter = (client: string, rejected: string | undefined) => Promise<MintOutcome>;

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
    const answer = await invoke(functionName, event, AbortSignal.timeout(timeoutMs));
    if (isMintOutcome(answer)) return answer;
    throw new TypeError("the minter's answer is not the outcome of a mint");
  };
}
