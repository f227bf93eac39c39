import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { type FunctionConfiguration, type LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';

/** A function as it was deployed: its configuration from Lambda, its code from the assets of the stack. */
export interface DeployedFunction {
  readonly name: string;
  readonly bundleUrl: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

interface Template {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Metadata?: Readonly<Record<string, string>> }>
  >;
}

/** @param assembly the directory that `cdk deploy` wrote template and assets to */
export async function deployedFunctions(
  lambda: LambdaClient,
  stack: string,
  assembly: string,
): Promise<readonly DeployedFunction[]> {
  const { Resources } = JSON.parse(
    readFileSync(join(assembly, `${stack}.template.json`), 'utf8'),
  ) as Template;
  const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
  return Object.entries(Resources)
    .filter(([, { Type }]) => Type === 'AWS::Lambda::Function')
    .flatMap(([id, { Metadata }]) => {
      const asset = Metadata?.['aws:asset:path'];
      const [bundle] = asset === undefined ? [] : globSync(join(assembly, asset, 'index.mjs'));
      const configuration = Functions.find(({ FunctionName }) => FunctionName?.includes(id));
      // Others than the broker's own are helpers of the CDK.
      if (bundle === undefined || configuration === undefined) return [];
      return [deployed(configuration, pathToFileURL(bundle).href)];
    });
}

function deployed(
  { FunctionName, Environment, Timeout }: FunctionConfiguration,
  bundleUrl: string,
): DeployedFunction {
  return {
    name: FunctionName ?? '',
    bundleUrl,
    environment: Environment?.Variables ?? {},
    timeoutMs: (Timeout ?? 0) * 1000,
  };
}
