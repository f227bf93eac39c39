import { clientsOf, type Fault, isAccepted, nextEvent } from './fault.ts';

/** Recovered: the API takes another token. */
export const revokeToken: Fault = {
  name: 'token-revoked',
  label: 'Revoke the live token',
  isMoment: true,
  effect: 'Workers are answered 401; one mint replaces the token for all of them.',
  async inject(context, { begun }) {
    const { deployment, profile } = context;
    const client = clientsOf(profile).worker;
    await nextEvent(context, isAccepted);
    begun(`the live token of ${client} is revoked`);
    const revoked = deployment.cloud.revoke(client);
    await nextEvent(context, (event) => isAccepted(event) && !revoked.includes(event.fingerprint ?? ''));
  },
};
