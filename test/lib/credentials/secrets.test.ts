import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LOCAL_SDK_CONFIG } from '../../../infra/local/emulators/local.ts';
import {
  type LoopbackServer,
  readBody,
  sendJson,
  startLoopbackServer,
} from '../../../infra/local/emulators/loopback-server.ts';
import { startSecretsManager } from '../../../infra/local/emulators/secrets-manager/secrets-manager.ts';
import { createSecrets, type RejectedSecret, type Secrets } from '../../../lib/credentials/secrets.ts';
import { silentError } from '../../fixtures/leaks.ts';
import { VENDOR } from '../../fixtures/vendor-document.ts';

const { authorization, tokenUrl, scope, clientSecret } = VENDOR;
const VALUE = JSON.stringify({ authorization, tokenUrl, scope });
const START_MS = Date.UTC(2026, 0, 1);

let nowMs: number;
let requests: number;
let rejected: RejectedSecret[];
let server: LoopbackServer;
let client: SecretsManagerClient;
let secrets: Secrets;

function connect(endpoint: string): void {
  client = new SecretsManagerClient({ ...LOCAL_SDK_CONFIG, endpoint, maxAttempts: 1 });
  client.middlewareStack.add(
    (next) => (request) => {
      requests += 1;
      return next(request);
    },
    { step: 'finalizeRequest' },
  );
  secrets = createSecrets({
    secretsManager: client,
    prefix: 'plume/m2m',
    onRejected: (secret) => rejected.push(secret),
  });
}

/** All pages of the list, one after the other. */
async function listed({ list }: Secrets, changedSinceMs?: number) {
  return (await Array.fromAsync(list({ changedSinceMs }))).flatMap(({ entries }) => entries);
}

beforeEach(async () => {
  nowMs = START_MS;
  requests = 0;
  rejected = [];
  server = await startSecretsManager(() => nowMs);
  connect(server.url);
});

afterEach(async () => {
  client.destroy();
  await server.stop();
});

async function create(name: string, value: string | undefined = VALUE): Promise<string | undefined> {
  nowMs += 1000;
  const { VersionId } = await client.send(new CreateSecretCommand({ Name: name, SecretString: value }));
  return VersionId;
}

describe('reading a secret', () => {
  test('gives its credentials and version', async () => {
    const versionId = await create('plume/m2m/mocha');
    const read = await secrets.read('mocha');
    expect(read.versionId).toBe(versionId);
    expect(read.credentials()).toMatchObject({ client: 'mocha', clientId: VENDOR.clientId, scope });
    expect(read.credentials().authorization).toBe(authorization);
  });

  test('sees a rotation at once', async () => {
    await create('plume/m2m/mocha');
    const rotated = JSON.stringify({ clientId: 'new', clientSecret: 'pair', tokenUrl, scope });
    const { VersionId } = await client.send(
      new PutSecretValueCommand({ SecretId: 'plume/m2m/mocha', SecretString: rotated }),
    );
    const read = await secrets.read('mocha');
    expect(read.versionId).toBe(VersionId);
    expect(read.credentials().clientId).toBe('new');
  });

  test('that does not exist or is scheduled for deletion says so', async () => {
    expect(await silentError(() => secrets.read('latte'), [clientSecret])).toMatchObject({
      code: 'secret_missing',
      client: 'latte',
      message: expect.stringContaining('plume/m2m/latte'),
    });
    await create('plume/m2m/mocha');
    await client.send(new DeleteSecretCommand({ SecretId: 'plume/m2m/mocha' }));
    expect((await silentError(() => secrets.read('mocha'), [clientSecret])).code).toBe('secret_missing');
  });

  test('that is malformed says which rule failed', async () => {
    await create('plume/m2m/mocha', JSON.stringify({ authorization, tokenUrl, scope: clientSecret }));
    const error = await silentError((await secrets.read('mocha')).credentials, [clientSecret]);
    expect(error).toMatchObject({ code: 'secret_malformed', rule: expect.stringContaining('scope') });
  });

  test('is refused to a name that no client can have, without a request', async () => {
    const error = await silentError(() => secrets.read('../other'), []);
    expect(error.code).toBe('config_invalid');
    expect(requests).toBe(0);
  });

  test.each([
    ['AccessDeniedException', 400, 'AccessDeniedException'],
    ['DecryptionFailure', 400, 'DecryptionFailure'],
    ['ThrottlingException', 400, 'ThrottlingException'],
    ['InternalServiceError', 500, 'InternalServiceError'],
  ])('fails with %s: unavailable, in AWS words and no others', async (type, status, reason) => {
    const broken = await startLoopbackServer(async (request, response) => {
      await readBody(request);
      sendJson(response, status, { __type: type, Message: `echo ${clientSecret}` });
    });
    connect(broken.url);
    const expected = { code: 'secret_unavailable', reason };
    expect(await silentError(() => secrets.read('mocha'), [clientSecret])).toMatchObject(expected);
    expect(await silentError(() => listed(secrets), [clientSecret])).toMatchObject(expected);
    await broken.stop();
  });

  test('fails without a connection: unavailable', async () => {
    await server.stop();
    const error = await silentError(() => secrets.read('mocha'), [clientSecret]);
    expect(error).toMatchObject({ code: 'secret_unavailable', reason: 'ECONNREFUSED' });
  });

  test('that is binary, or comes without a version, is refused', async () => {
    const answers: object[] = [{ VersionId: 'v1', SecretBinary: btoa(VALUE) }, { SecretString: VALUE }];
    const odd = await startLoopbackServer(async (request, response) => {
      await readBody(request);
      sendJson(response, 200, answers.shift());
    });
    connect(odd.url);
    const binary = await secrets.read('mocha');
    expect((await silentError(binary.credentials, [clientSecret])).code).toBe('secret_malformed');
    expect((await silentError(() => secrets.read('mocha'), [clientSecret])).code).toBe('secret_unavailable');
    await odd.stop();
  });
});

describe('listing secrets', () => {
  test('finds the clients under the prefix, and reports what is none', async () => {
    const mocha = await create('plume/m2m/mocha');
    const latte = await create('plume/m2m/latte');
    await create('plume/m2m-other/x');
    await create('plume/m2m/a/b');
    await client.send(new CreateSecretCommand({ Name: 'plume/m2m/empty' }));
    await create('plume/m2m/gone');
    await client.send(new DeleteSecretCommand({ SecretId: 'plume/m2m/gone' }));
    expect(await listed(secrets)).toEqual([
      { client: 'latte', versionId: latte, changedAtMs: START_MS + 2000 },
      { client: 'mocha', versionId: mocha, changedAtMs: START_MS + 1000 },
    ]);
    expect(rejected.map(({ secretName }) => secretName).sort()).toEqual(['plume/m2m/a/b', 'plume/m2m/empty']);
  });

  test('costs one request when little has changed, however many there are', async () => {
    for (let i = 0; i < 250; i++) await create(`plume/m2m/client-${i}`);
    requests = 0;
    expect(await listed(secrets)).toHaveLength(250);
    expect(requests).toBe(3);

    nowMs += 3_600_000;
    const sinceMs = nowMs;
    const { VersionId } = await client.send(
      new PutSecretValueCommand({ SecretId: 'plume/m2m/client-7', SecretString: VALUE }),
    );
    requests = 0;
    expect(await listed(secrets, sinceMs)).toEqual([
      { client: 'client-7', versionId: VersionId, changedAtMs: sinceMs },
    ]);
    expect(await listed(secrets, sinceMs + 1)).toEqual([]);
    expect(requests).toBe(2);
  });

  test('reads on where the engine ignores the order asked for', async () => {
    const pages = [[5, 1], [2, 9], [3]];
    const unordered = await startLoopbackServer(async (request, response) => {
      const { NextToken = '0' } = JSON.parse((await readBody(request)).toString());
      const index = Number(NextToken);
      sendJson(response, 200, {
        SecretList: pages[index]?.map((seconds) => ({
          Name: `plume/m2m/c${seconds}`,
          LastChangedDate: seconds,
          SecretVersionsToStages: { old: ['AWSPREVIOUS'], now: ['AWSCURRENT'] },
        })),
        ...(index + 1 < pages.length && { NextToken: String(index + 1) }),
      });
    });
    connect(unordered.url);
    // The first page looks sorted and reaches back to second 1: only a span that it does not cover reads on.
    expect((await listed(secrets, 1000)).map((entry) => entry.client)).toEqual([
      'c5',
      'c1',
      'c2',
      'c9',
      'c3',
    ]);
    pages[0] = [1, 5];
    expect((await listed(secrets, 4000)).map((entry) => entry.client)).toEqual(['c5', 'c9']);
    await unordered.stop();
  });
});
