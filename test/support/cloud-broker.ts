import { authorizationOf, scopeOf } from '../../infra/local/plume-cloud/clients.ts';
import { type PlumeCloud, startPlumeCloud } from '../../infra/local/plume-cloud/plume-cloud.ts';
import { type Broker, startBroker } from './broker.ts';

const MOCHA = {
  name: 'mocha',
  clientId: 'mocha-id',
  clientSecret: 'mocha-secret',
  partner: 'mocha-partner',
  lifetimeSeconds: 600,
};

/** A broker whose tokens come from a local Plume cloud and are good for its API. */
export interface CloudBroker extends Broker {
  readonly cloud: PlumeCloud;
  /** The statuses of the API's answers so far. */
  readonly statuses: readonly number[];
}

export async function startCloudBroker(): Promise<CloudBroker> {
  const statuses: number[] = [];
  const cloud = await startPlumeCloud({
    clients: [MOCHA],
    waf: { limit: 10_000, windowMs: 300_000, release: 'new-frame' },
    latencyMs: 1,
    record: (fact) => {
      if (fact.kind === 'answer' && fact.endpoint === 'api') statuses.push(fact.status);
    },
    now: Date.now,
  });
  const broker = await startBroker(cloud.apiUrl, async () => {
    const response = await fetch(cloud.tokenUrl, {
      method: 'POST',
      headers: { authorization: authorizationOf(MOCHA) },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: scopeOf(MOCHA) }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  });
  return {
    ...broker,
    cloud,
    statuses,
    async stop() {
      await broker.stop();
      await cloud.stop();
    },
  };
}
