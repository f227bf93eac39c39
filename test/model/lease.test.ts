import { expect, test } from 'vitest';

import { createClientRecords } from '../../lib/minter/client-records.ts';
import { createMinter } from '../../lib/minter/minter.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { explore } from './explore.ts';
import { LEASE_MUTANTS } from './lease-mutants.ts';
import { LEASE_FILES, LEASE_SYSTEMS, type LeaseCode, leaseSystem } from './lease-system.ts';
import { withMutant } from './mutants.ts';

const CODE: LeaseCode = { createMinter, createClientRecords, createTokenStore, createMintRequests };

test.each(Object.entries(LEASE_SYSTEMS))(
  'no schedule of %s mints twice for one need, or leaves a worker without its token',
  async (name, system) => {
    const found = await explore(leaseSystem(CODE, system));
    expect(found.counterexample).toBeUndefined();
    expect(found.states).toBeGreaterThan(50);
    console.log(`${name}: ${found.states} states`);
  },
);

test.each(LEASE_MUTANTS)('the explorer finds the schedule that breaks the lease if $what', (mutant) =>
  withMutant<LeaseCode>(mutant, LEASE_FILES, async (code) => {
    const found = await explore(leaseSystem({ ...CODE, ...code }, LEASE_SYSTEMS[mutant.system]));
    expect(found.counterexample?.violation).toMatch(mutant.violation);
  }),
);
