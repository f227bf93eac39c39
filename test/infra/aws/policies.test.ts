import { readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';

import { BUNDLING, entryOf, FUNCTION_NAMES, type FunctionName } from '../../../infra/bundling.ts';
import { actionsOf, FUNCTIONS, statementsOf, synth } from './synth.ts';

/** The calls that the code makes, from the SDK commands in each function's bundle, against what its role allows. */

/** Lambda and DynamoDB act with the role's permissions as well. */
const OF_THE_PLATFORM: Readonly<Record<FunctionName | 'all', readonly string[]>> = {
  all: ['kms:', 'logs:', 'xray:'],
  minter: ['sqs:SendMessage'],
  inspector: [],
  worker: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
};

/** In the bundle with the token store, whose writing half the minter alone uses. */
const NEVER_CALLED: Readonly<Record<FunctionName, readonly string[]>> = {
  minter: [],
  inspector: ['dynamodb:PutItem'],
  worker: ['dynamodb:PutItem'],
};

/** What is called without an SDK client, by its path. */
const WITHOUT_CLIENT = [{ path: /2015-03-31\/functions\//, action: 'lambda:InvokeFunction' }];

async function callsOf(name: FunctionName): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [entryOf(name)],
    target: BUNDLING.target,
    mainFields: [...BUNDLING.mainFields],
    bundle: true,
    platform: 'node',
    format: 'esm',
    treeShaking: true,
    write: false,
    metafile: true,
    outdir: 'unused',
    logLevel: 'error',
  });
  const [output] = Object.values(metafile.outputs);
  const sources = Object.entries(output?.inputs ?? {})
    .filter(([file, { bytesInOutput }]) => bytesInOutput > 0 && /^(lib|functions)\//.test(file))
    .map(([file]) => readFileSync(file, 'utf8'));
  return [...new Set(sources.flatMap(actionsIn))].sort();
}

function actionsIn(source: string): string[] {
  const [, service = ''] = /@aws-sdk\/client-([a-z-]+)/.exec(source) ?? [];
  const commands = [...source.matchAll(/new ([A-Z]\w+)Command\(/g)];
  return [
    ...commands.map(([, command]) => `${service.replaceAll('-', '')}:${command}`),
    ...WITHOUT_CLIENT.filter(({ path }) => path.test(source)).map(({ action }) => action),
  ];
}

describe.each(FUNCTION_NAMES)('the role of the %s', (name) => {
  test('allows what the code calls, and nothing else', async () => {
    const allowed = actionsOf(statementsOf(synth(), FUNCTIONS[name])).filter(
      (action) =>
        ![...OF_THE_PLATFORM.all, ...OF_THE_PLATFORM[name]].some((platform) => action.startsWith(platform)),
    );
    const calls = await callsOf(name);
    expect(calls.filter((action) => !NEVER_CALLED[name].includes(action))).toEqual(allowed);
  }, 60_000);
});
