import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

import { createClient, createSecrets } from '../../infra/local/emulators/client-secrets.ts';
import { startLambda } from '../../infra/local/emulators/lambda/lambda.ts';
import { ownedBy } from '../../infra/local/emulators/owned.ts';
import { LOCAL_SDK_CONFIG } from '../../infra/local/emulators/sdk-config.ts';
import { startSecretsManager } from '../../infra/local/emulators/secrets-manager/secrets-manager.ts';
import { startPlumeCloud } from '../../infra/local/plume-cloud/plume-cloud.ts';
import { SCALED_PROFILE } from '../../infra/local/run/profile.ts';
import { ENV, type MinterEvent } from '../../lib/contract.ts';
import { startTable } from '../fixtures/table.ts';
import type { Installed } from './installed.ts';

/** The consumers' functions with the package's minter, on this machine. */
export interface LocalBroker {
  invoke(file: string, event: unknown): Promise<unknown>;
  /** Runs a script of the consumers, and returns what it printed. */
  runScript(file: string): Promise<string>;
  stop(): Promise<void>;
}

/** @param functions the consumers' files that are bundled as functions */
export async function startLocalBroker(
  { root, packageRoot }: Installed,
  functions: readonly string[],
): Promise<LocalBroker> {
  await using stack = new AsyncDisposableStack();
  const owned = ownedBy(stack);
  const client = createClient({ name: 'mocha', lifetimeSeconds: 600 });
  const table = owned(await startTable());
  const secretsManager = owned(await startSecretsManager(Date.now));
  const { limit, windowMs } = SCALED_PROFILE.budget;
  const cloud = owned(
    await startPlumeCloud({
      clients: [client],
      waf: { limit, windowMs, release: 'new-frame' },
      latencyMs: 5,
      record: () => {},
      now: Date.now,
    }),
  );
  owned(await createSecrets(secretsManager.url, [client], cloud.tokenUrl));
  const lambda = owned(await startLambda(() => {}));

  await build({
    entryPoints: functions.map((file) => join(root, file)),
    outdir: join(root, 'bundles'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    // As the consumers' stack has it: in the other order the SDK's CommonJS is taken, which cannot be in an ES module.
    mainFields: ['module', 'main'],
    logLevel: 'error',
  });
  const { hostname, protocol, port, path } = await table.client.config.endpoint!();
  const environment = {
    AWS_REGION: LOCAL_SDK_CONFIG.region,
    AWS_ACCESS_KEY_ID: LOCAL_SDK_CONFIG.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_SDK_CONFIG.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: `${protocol}//${hostname}:${port}${path}`,
    AWS_ENDPOINT_URL_LAMBDA: lambda.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
    [ENV.table]: table.table,
    [ENV.minterFunction]: 'minter',
    [ENV.apiUrl]: cloud.apiUrl,
    [ENV.budgetSettings]: JSON.stringify(SCALED_PROFILE.budget),
  };
  const add = (name: string, file: string) =>
    lambda.add({
      name,
      bundleUrl: pathToFileURL(file).href,
      environment,
      concurrency: 2,
      timeoutMs: 30_000,
      memoryMb: 256,
    });
  const minter = add('minter', join(packageRoot, '.package/infra/bundles/minter/index.mjs'));
  const workers = new Map(
    functions.map((file) => {
      const bundle = file.split('/').at(-1)?.replace(/\.ts$/, '.mjs') ?? '';
      return [file, add(file, join(root, 'bundles', bundle))];
    }),
  );
  const tick: MinterEvent = { kind: 'tick' };
  await minter.invoke(JSON.stringify(tick));

  const parts = stack.move();
  return {
    async invoke(file, event) {
      const result = await workers.get(file)?.invoke(JSON.stringify(event));
      if (!result?.ok) throw new Error(`${file} failed: ${JSON.stringify(result?.error)}`);
      return JSON.parse(result.payload);
    },
    async runScript(file) {
      const { stdout } = await promisify(execFile)(process.execPath, [file], {
        cwd: root,
        env: { ...process.env, ...environment },
      });
      return stdout;
    },
    stop: () => parts.disposeAsync(),
  };
}
