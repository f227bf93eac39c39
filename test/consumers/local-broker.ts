import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

import { SCALED_PROFILE } from '../../infra/local/run/profile.ts';
import type { MinterEvent } from '../../lib/contract.ts';
import { addPlumeCloud } from '../fixtures/system/plume-cloud.ts';
import { startSystem } from '../fixtures/system/system.ts';
import type { Installed } from './installed.ts';

/** The consumers' functions with the package's minter, on this machine. */
export interface LocalBroker {
  invoke(file: string, event: unknown): Promise<unknown>;
  /** What a worker's environment has, for programs that run elsewhere. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** @param functions the consumers' files that are bundled as functions */
export async function startLocalBroker(
  { root, packageRoot }: Installed,
  functions: readonly string[],
): Promise<LocalBroker> {
  const system = await startSystem({ budget: SCALED_PROFILE.budget, functions: [] });
  const { cloud } = await addPlumeCloud(system, { lifetimeSeconds: 600 });
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
  const environment = system.withSecrets({ apiUrl: cloud.apiUrl });
  const add = (name: string, file: string) =>
    system.add(name, { bundleUrl: pathToFileURL(file).href, environment, concurrency: 2 });
  const minter = add('minter', join(packageRoot, '.package/infra/bundles/minter/index.mjs'));
  const workers = new Map(
    functions.map((file) => {
      const bundle = file.split('/').at(-1)?.replace(/\.ts$/, '.mjs') ?? '';
      return [file, add(file, join(root, 'bundles', bundle))];
    }),
  );
  const tick: MinterEvent = { kind: 'tick' };
  await minter.invoke(JSON.stringify(tick));

  return {
    async invoke(file, event) {
      const result = await workers.get(file)?.invoke(JSON.stringify(event));
      if (!result?.ok) throw new Error(`${file} failed: ${JSON.stringify(result?.error)}`);
      return JSON.parse(result.payload);
    },
    environment,
    stop: () => system.stop(),
  };
}
