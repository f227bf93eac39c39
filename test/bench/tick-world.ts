import { BatchWriteItemCommand, UpdateItemCommand, type WriteRequest } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import pMap from 'p-map';

import { LOCAL_SDK_CONFIG } from '../../infra/local/emulators/local.ts';
import { startSecretsManager } from '../../infra/local/emulators/secrets-manager/secrets-manager.ts';
import { DEFAULT_SECRET_PREFIX, TABLE } from '../../lib/contract.ts';
import { createSecrets } from '../../lib/credentials/secrets.ts';
import { accessToken } from '../../lib/token/access-token.ts';
import { startTable } from '../fixtures/table.ts';
import { createWorld } from '../fixtures/virtual-time/minter.ts';
import { countRequests } from './count-requests.ts';

/** The requests of one tick, and how long it took. */
export interface TickCount {
  readonly table: number;
  readonly secrets: number;
  readonly token: number;
  readonly ms: number;
}

/** A minter on an embedded table and an embedded Secrets Manager, as if it had been at work for long. */
export interface TickWorld {
  /** Adds clients until there are so many. Their tokens are good for days. */
  grow(clients: number): Promise<void>;
  /** One tick, a minute after the last, in which so many tokens are due. */
  tick(due: number): Promise<TickCount>;
  stop(): Promise<void>;
}

const LIFETIME_SECONDS = 86_400;
const PARALLEL = 16;
/** The most that one BatchWriteItem takes. */
const BATCH = 25;

export async function startTickWorld(): Promise<TickWorld> {
  const engine = await startTable();
  const world = createWorld(engine);
  const { clock, server } = world;
  server.lifetimeSeconds = () => LIFETIME_SECONDS;
  const secretsServer = await startSecretsManager(clock.now);
  const secretsManager = new SecretsManagerClient({ ...LOCAL_SDK_CONFIG, endpoint: secretsServer.url });
  const secrets = createSecrets({ secretsManager, prefix: DEFAULT_SECRET_PREFIX });
  const counted = { table: 0, secrets: 0 };
  countRequests(engine.dynamodb, () => {
    counted.table += 1;
  });
  countRequests(secretsManager, () => {
    counted.secrets += 1;
  });
  const names: string[] = [];
  let turn = 0;

  return {
    async grow(clients) {
      const added = Array.from({ length: clients - names.length }, (_, index) =>
        nameOf(names.length + index),
      );
      names.push(...added);
      const versions = await pMap(added, create, { concurrency: PARALLEL });
      await pMap(batches(added.flatMap((name, index) => itemsOf(name, versions[index] ?? ''))), put, {
        concurrency: PARALLEL,
      });
      // The list of all is read, and what is new is old news.
      await world.listing.save({ missing: {}, listedAtMs: clock.now(), allBegunAtMs: 0 });
      await world.tick({ secrets });
      clock.advance(3_600_000);
      await world.tick({ secrets });
    },
    async tick(due) {
      clock.advance(world.settings.tickMs);
      await pMap(Array.from({ length: due }, next), makeDue, { concurrency: PARALLEL });
      Object.assign(counted, { table: 0, secrets: 0 });
      const tokensBefore = server.mints();
      const startedMs = performance.now();
      const summary = await world.tick({ secrets });
      const ms = performance.now() - startedMs;
      if (summary.minted !== due) throw new Error(`${summary.minted} of ${due} were minted for`);
      return { ...counted, token: server.mints() - tokensBefore, ms };
    },
    async stop() {
      secretsManager.destroy();
      await secretsServer.stop();
      await engine.stop();
    },
  };

  /** All take turns. */
  function next(): string {
    turn = (turn + 1) % names.length;
    return names[turn] ?? '';
  }

  async function create(name: string): Promise<string> {
    const { VersionId = '' } = await secretsManager.send(
      new CreateSecretCommand({
        Name: `${DEFAULT_SECRET_PREFIX}/${name}`,
        SecretString: JSON.stringify({
          authorization: `Basic ${btoa(`${name}:secret`)}`,
          scope: 'partnerId:mocha-partner role:partnerIdAdmin',
          tokenUrl: 'https://sso.example/v1/token',
        }),
      }),
    );
    return VersionId;
  }

  function itemsOf(name: string, versionId: string): WriteRequest[] {
    const expiresAtMs = clock.now() + 10 * 1000 * LIFETIME_SECONDS;
    const token = accessToken(`seed-${name}`, clock.now(), expiresAtMs);
    const times = { issuedAtMs: { N: String(token.issuedAtMs) }, expiresAtMs: { N: String(expiresAtMs) } };
    return [
      {
        [TABLE.partitionKey]: { S: TABLE.tokenKey(name) },
        accessToken: { S: token.value },
        fingerprint: { S: token.fingerprint },
        ...times,
      },
      {
        [TABLE.partitionKey]: { S: TABLE.mintKey(name) },
        due: { S: 'mint' },
        dueAtMs: times.expiresAtMs,
        expiresAtMs: times.expiresAtMs,
        listedVersion: { S: versionId },
        usedVersion: { S: versionId },
      },
    ].map((Item) => ({ PutRequest: { Item } }));
  }

  function put(items: WriteRequest[]): Promise<unknown> {
    return engine.dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [engine.table]: items } }));
  }

  function makeDue(name: string): Promise<unknown> {
    return engine.dynamodb.send(
      new UpdateItemCommand({
        TableName: engine.table,
        Key: { [TABLE.partitionKey]: { S: TABLE.mintKey(name) } },
        UpdateExpression: 'SET dueAtMs = :now, wanted = :yes',
        ExpressionAttributeValues: { ':now': { N: String(clock.now()) }, ':yes': { BOOL: true } },
      }),
    );
  }
}

function nameOf(index: number): string {
  return `client-${index}`;
}

function batches<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) =>
    items.slice(BATCH * index, BATCH * (index + 1)),
  );
}
