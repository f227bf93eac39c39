import { clientsOf, type Fault, isAccepted, nextFact } from './fault.ts';

/** Recovered: the API takes another token. */
export const revokeToken: Fault = {
  name: 'token-revoked',
  label: 'Revoke the live token',
  isMoment: true,
  effect: 'Workers are answered 401; one mint replaces the token for all of them.',
  async inject(context, { begun }) {
    const { world, profile } = context;
    const client = clientsOf(profile).worker;
    await nextFact(context, isAccepted);
    begun(`the live token of ${client} is revoked`);
    const revoked = world.cloud.revoke(client);
    await nextFact(context, (fact) => isAccepted(fact) && !revoked.includes(fact.fingerprint ?? ''));
  },
};
