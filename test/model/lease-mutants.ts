import type { LEASE_SYSTEMS } from './lease-system.ts';
import type { Mutant } from './mutants.ts';

const UNDER_LEASE = 'minter/mint-under-lease.ts';
const RECORDS = 'minter/client-records.ts';

/** Each would let two minters mint for one need, or one overwrite the other; `system` is where that is seen. */
export const LEASE_MUTANTS: readonly (Mutant & {
  readonly system: keyof typeof LEASE_SYSTEMS;
  readonly violation: RegExp;
})[] = [
  {
    what: 'a lease may be taken while another minter holds it',
    system: 'three minters',
    violation: /tokens were asked for/,
    file: RECORDS,
    from: 'leaseUntilMs <= :now)',
    to: 'leaseUntilMs <= :now OR leaseUntilMs > :now)',
  },
  {
    what: 'a lease ends at once',
    system: 'three minters',
    violation: /has no token/,
    file: 'minter/minter.ts',
    from: 'untilMs: nowMs + leaseMs(budget, settings),',
    to: 'untilMs: nowMs,',
  },
  {
    what: 'a lease does not end with its minter',
    system: 'a minter that dies',
    violation: /has no token/,
    file: UNDER_LEASE,
    from: 'const LEASE_LENGTH = 3;',
    to: 'const LEASE_LENGTH = 4;',
  },
  {
    what: 'the token is not looked at again under the lease',
    system: 'three minters',
    violation: /tokens were asked for/,
    file: UNDER_LEASE,
    from: 'if (current && !isToBeReplaced(',
    to: 'if (current && now() < 0 && !isToBeReplaced(',
  },
  {
    what: 'a minter that comes too late asks for a token all the same',
    system: 'a minter that comes too late',
    violation: /without a lease/,
    file: 'minter/mint-ticket.ts',
    from: 'now() <= sendByMs ? send(isValid) : undefined',
    to: 'send(isValid)',
  },
  {
    what: 'a token is stored over one that its minter has not seen',
    system: 'a minter that comes too late',
    violation: /one over the other/,
    file: 'token/token-store.ts',
    from: 'attribute_not_exists(fingerprint)${',
    to: 'attribute_not_exists(fingerprint) OR attribute_exists(fingerprint)${',
  },
];
