import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { NodejsFunctionProps } from 'aws-cdk-lib/aws-lambda-nodejs';

import { entryOf, type FunctionName } from '../bundling.ts';

/**
 * Where a function's code comes from: its source, which the CDK bundles, or the bundle that the npm package brings along,
 * since Node runs no TypeScript inside of `node_modules`.
 */
export function functionCode(name: FunctionName): Pick<NodejsFunctionProps, 'entry' | 'code' | 'handler'> {
  const bundle = fileURLToPath(new URL(`../bundles/${name}`, import.meta.url));
  return existsSync(bundle)
    ? { code: Code.fromAsset(bundle), handler: 'index.handler' }
    : { entry: entryOf(name) };
}
