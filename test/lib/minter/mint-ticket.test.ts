import { expect, test } from 'vitest';

import type { ClientRecord } from '../../../lib/minter/client-record.ts';
import { kindOfMint } from '../../../lib/minter/mint-ticket.ts';
import type { MintReason } from '../../../lib/minter/mint-times.ts';

const DUE: MintReason = { kind: 'due', dueAtMs: 0 };
const LAST_TRY: MintReason = { ...DUE, despiteRest: 'retry' };
const ASKED: MintReason = { kind: 'request' };
const REJECTED: MintReason = { ...ASKED, rejected: '0123456789abcdef' };

const NEW: ClientRecord = { wanted: false, counts: {} };
const SERVED: ClientRecord = { ...NEW, expiresAtMs: 1 };
const FAILING: ClientRecord = { ...SERVED, errorCode: 'invalid_client' };

test.each([
  ['first', 'of a client that has none', DUE, NEW],
  ['first', 'that a worker of such a client asks for', ASKED, NEW],
  ['renewal', 'that is about to end', DUE, SERVED],
  ['renewal', 'that is missing, of a client that had one', ASKED, SERVED],
  ['forced', 'that the API rejects', REJECTED, SERVED],
  ['retry', 'of a client whose mints fail', DUE, FAILING],
  ['retry', 'that the API rejects, while mints fail', REJECTED, FAILING],
  ['renewal', 'that is about to end, while mints fail', LAST_TRY, FAILING],
] as const)('the ticket is one for a %s, for a token %s', (kind, _, reason, record) => {
  expect(kindOfMint(reason, record)).toBe(kind);
});
