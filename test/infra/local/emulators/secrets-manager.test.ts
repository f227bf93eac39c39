import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  type ListSecretsCommandInput,
  PutSecretValueCommand,
  paginateListSecrets,
  SecretsManagerClient,
  UpdateSecretCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LOCAL_SDK_CONFIG } from '../../../../infra/local/emulators/local.ts';
import type { LoopbackServer } from '../../../../infra/local/emulators/loopback-server.ts';
import { startSecretsManager } from '../../../../infra/local/emulators/secrets-manager/secrets-manager.ts';

let nowMs = Date.UTC(2026, 0, 1);
let server: LoopbackServer;
let client: SecretsManagerClient;

beforeEach(async () => {
  server = await startSecretsManager(() => nowMs);
  client = new SecretsManagerClient({ ...LOCAL_SDK_CONFIG, endpoint: server.url });
});

afterEach(async () => {
  client.destroy();
  await server.stop();
});

async function create(...names: string[]): Promise<void> {
  for (const Name of names) {
    nowMs += 1000;
    await client.send(new CreateSecretCommand({ Name, SecretString: `value of ${Name}` }));
  }
}

async function names(input: ListSecretsCommandInput): Promise<unknown[]> {
  const { SecretList } = await client.send(new ListSecretsCommand(input));
  return SecretList?.map(({ Name }) => Name) ?? [];
}

test('a secret is read by name and by ARN', async () => {
  await create('plume/m2m/mocha');
  const byName = await client.send(new GetSecretValueCommand({ SecretId: 'plume/m2m/mocha' }));
  expect(byName.SecretString).toBe('value of plume/m2m/mocha');
  expect(byName.CreatedDate).toEqual(new Date(nowMs));
  const byArn = await client.send(new GetSecretValueCommand({ SecretId: byName.ARN }));
  expect(byArn.VersionId).toBe(byName.VersionId);
});

test('a new version becomes the current one, and the one before stays reachable', async () => {
  await create('s');
  const first = await client.send(new GetSecretValueCommand({ SecretId: 's' }));
  nowMs += 5000;
  const put = await client.send(new PutSecretValueCommand({ SecretId: 's', SecretString: 'second' }));
  expect(put.VersionStages).toEqual(['AWSCURRENT']);
  const current = await client.send(new GetSecretValueCommand({ SecretId: 's' }));
  expect(current).toMatchObject({ SecretString: 'second', VersionId: put.VersionId });
  const previous = new GetSecretValueCommand({ SecretId: 's', VersionStage: 'AWSPREVIOUS' });
  expect(await client.send(previous)).toMatchObject({ VersionId: first.VersionId });
  const { VersionId } = await client.send(new UpdateSecretCommand({ SecretId: 's', SecretString: 'third' }));
  const { SecretList } = await client.send(new ListSecretsCommand({}));
  expect(SecretList?.[0]).toMatchObject({
    LastChangedDate: new Date(nowMs),
    SecretVersionsToStages: {
      [VersionId as string]: ['AWSCURRENT'],
      [put.VersionId as string]: ['AWSPREVIOUS'],
    },
  });
});

test('a version that is pending does not become current', async () => {
  await create('s');
  const pending = { SecretId: 's', SecretString: 'next', VersionStages: ['AWSPENDING'] };
  await client.send(new PutSecretValueCommand(pending));
  expect((await client.send(new GetSecretValueCommand({ SecretId: 's' }))).SecretString).toBe('value of s');
});

test('the name filter means a beginning; lists are sorted and paged', async () => {
  await create('plume/m2m/mocha', 'plume/m2m/latte', 'plume/m2m-other', 'other/plume/m2m/x');
  nowMs += 1000;
  await client.send(new PutSecretValueCommand({ SecretId: 'plume/m2m/mocha', SecretString: 'new' }));
  const Filters = [{ Key: 'name' as const, Values: ['plume/m2m/'] }];
  expect(await names({ Filters })).toEqual(['plume/m2m/latte', 'plume/m2m/mocha']);
  expect(await names({ Filters, SortBy: 'last-changed-date', SortOrder: 'desc' })).toEqual([
    'plume/m2m/mocha',
    'plume/m2m/latte',
  ]);
  const pages: number[] = [];
  for await (const { SecretList } of paginateListSecrets({ client, pageSize: 3 }, {})) {
    pages.push(SecretList?.length ?? 0);
  }
  expect(pages).toEqual([3, 1]);
});

test('a secret scheduled for deletion is neither read nor listed', async () => {
  await create('a', 'b');
  await client.send(new DeleteSecretCommand({ SecretId: 'a' }));
  await expect(client.send(new GetSecretValueCommand({ SecretId: 'a' }))).rejects.toMatchObject({
    name: 'InvalidRequestException',
  });
  expect(await names({})).toEqual(['b']);
  expect(await names({ IncludePlannedDeletion: true })).toEqual(['b', 'a']);
  await client.send(new DeleteSecretCommand({ SecretId: 'b', ForceDeleteWithoutRecovery: true }));
  expect(await names({ IncludePlannedDeletion: true })).toEqual(['a']);
});

test('errors are those of AWS', async () => {
  await create('a');
  const get = (SecretId: string, VersionId?: string) =>
    client.send(new GetSecretValueCommand({ SecretId, ...(VersionId && { VersionId }) }));
  await expect(get('nobody')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  await expect(get('a', 'none')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  await expect(client.send(new CreateSecretCommand({ Name: 'a' }))).rejects.toMatchObject({
    name: 'ResourceExistsException',
  });
});
