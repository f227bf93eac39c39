import assert from 'node:assert/strict';

import type { FunctionPool } from '../../infra/local/emulators/lambda/function-pool.ts';
import { startLambda } from '../../infra/local/emulators/lambda/lambda.ts';
import type { PlumeCloud } from '../../infra/local/plume-cloud/plume-cloud.ts';
import { ENV } from '../../lib/contract.ts';
import type { WorkerSettings } from '../../lib/settings.ts';
import type { DeployedFunction } from './deployed.ts';

/** Deployed functions, run here: emulators of AWS cannot. */
export interface LocalFunctions {
  /** Lambda's API. */
  readonly url: string;
  readonly pools: ReadonlyMap<string, FunctionPool>;
  /** @throws {Error} there is no such function, or it failed */
  invoke(name: string, event: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

const SDK_VARIABLES = ['AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];

/** @param cloud takes the place of the stage's own API */
export async function startLocalFunctions(
  functions: readonly DeployedFunction[],
  cloud: Pick<PlumeCloud, 'apiUrl'>,
): Promise<LocalFunctions> {
  const lambda = await startLambda(() => {});
  const pools = new Map(
    functions.map(({ environment, ...deployed }) => [
      deployed.name,
      lambda.add({
        ...deployed,
        memoryMb: 512,
        concurrency: 2,
        environment: {
          ...Object.fromEntries(
            Object.entries(environment).map(([name, value]) => [name, atEndpoint(value)]),
          ),
          ...pick(process.env, SDK_VARIABLES),
          AWS_ENDPOINT_URL_LAMBDA: lambda.url,
          [ENV.broker]: JSON.stringify({ ...brokerOf(environment), apiUrl: cloud.apiUrl }),
        },
      }),
    ]),
  );
  return {
    url: lambda.url,
    pools,
    async invoke(name, event) {
      const pool = pools.get(name);
      assert.ok(pool, `the stack has the function ${name}`);
      const result = await pool.invoke(JSON.stringify(event));
      if (!result.ok) throw new Error(`${name} failed: ${JSON.stringify(result.error)}`);
      return JSON.parse(result.payload);
    },
    stop: () => lambda.stop(),
  };
}

export function brokerOf(environment: Readonly<Record<string, string>>): WorkerSettings {
  return JSON.parse(environment[ENV.broker] ?? '{}');
}

/** The URL of a queue names AWS's own host, which the SDK prefers to its endpoint. */
export function atEndpoint(value: string): string {
  const { AWS_ENDPOINT_URL = '' } = process.env;
  return value.replace(/^https:\/\/sqs\.[^/]+/, AWS_ENDPOINT_URL.replace(/\/$/, ''));
}

function pick(from: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (from[name] ? [[name, from[name]]] : [])));
}
