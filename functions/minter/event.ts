import * as v from 'valibot';

import type { MinterEvent } from '../../lib/contract.ts';
import { ConfigError } from '../../lib/errors.ts';
import { checkClientName } from '../../lib/platform/client-name.ts';

const schema = v.variant('kind', [
  v.object({ kind: v.literal('tick') }),
  v.object({
    kind: v.literal('request'),
    client: v.string(),
    rejected: v.exactOptional(v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/))),
  }),
]);

/** @throws {ConfigError} naming the rule, never the value */
export function parseEvent(event: unknown): MinterEvent {
  const result = v.safeParse(schema, event);
  if (!result.success) {
    throw new ConfigError(
      'the minter takes { "kind": "tick" } or { "kind": "request", "client": "…", "rejected"?: "16 hex digits of a fingerprint" }',
    );
  }
  if (result.output.kind === 'request') checkClientName(result.output.client);
  return result.output;
}
