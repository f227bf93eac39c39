import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';

import { cfnLint, IS_CFN_LINT_INSTALLED } from '../fixtures/cfn-lint.ts';
import { cdk } from './cdk.ts';
import { deployedFunctions } from './deployed.ts';
import { forEmulator } from './for-emulator.ts';
import { createSecret } from './secret.ts';
import { useDeployed } from './use-deployed.ts';

/**
 * Deploys the stack of stage `dev` to a CloudFormation endpoint, and an app that uses its broker by its parameter, makes a
 * token and calls with what was deployed, and removes both. The endpoint is an emulator of AWS: the code of the functions, taken
 * out of the stack, runs here.
 */

const STACK = 'PlumeTokenBroker-dev';
const CONSUMER = 'PlumeConsumer';

const CONSUMER_APP = fileURLToPath(new URL('./consumer-app.ts', import.meta.url));

const endpoint = process.env.AWS_ENDPOINT_URL;
if (!endpoint) {
  console.log('test:deploy skipped: AWS_ENDPOINT_URL names no CloudFormation endpoint');
} else {
  await deploy(endpoint);
  console.log(`test:deploy passed: deployed, minted, called and removed at ${endpoint}`);
}

async function deploy(url: string): Promise<void> {
  const environment = {
    ...process.env,
    AWS_ENDPOINT_URL: url,
    AWS_REGION: process.env.AWS_REGION ?? 'us-east-1',
    AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID ?? 'test',
    AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY ?? 'test',
  };
  // The SDK clients of this process read the same.
  Object.assign(process.env, environment);
  const directory = await mkdtemp(join(tmpdir(), 'plume-deploy-'));
  const assembly = join(directory, 'assembly');
  const lambda = new LambdaClient({});
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  stack.defer(() => lambda.destroy());

  await cdk(['synth', '--quiet', '--output', assembly, '-c', 'stage=dev'], environment);
  const template = join(assembly, `${STACK}.template.json`);
  assert.equal(lint(template), '', 'cfn-lint finds nothing in the template');
  forEmulator(template);
  const app = ['--app', assembly];
  await cdk(['bootstrap', ...app], environment);
  const secret = await createSecret('plume/m2m', 'mocha');
  stack.defer(() => secret.remove());
  const before = await functionsAt(lambda);
  try {
    await cdk(['deploy', STACK, '--require-approval', 'never', ...app], environment);
    const theirs = join(directory, 'theirs');
    const theirApp = ['--app', `node ${CONSUMER_APP}`, '--output', theirs];
    try {
      await cdk(['deploy', CONSUMER, '--require-approval', 'never', ...theirApp], environment, directory);
      const own = await deployedFunctions(lambda, STACK, assembly);
      const [caller] = await deployedFunctions(lambda, CONSUMER, theirs);
      assert.ok(caller, 'the other app has a function');
      await useDeployed({ functions: own, caller, secret });
    } finally {
      await cdk(['destroy', CONSUMER, '--force', ...theirApp], environment, directory);
    }
  } finally {
    await cdk(['destroy', STACK, '--force', ...app], environment);
  }

  assert.equal(await functionsAt(lambda), before, 'cdk destroy leaves no function');
  const { SecretString } = await secret.client.send(new GetSecretValueCommand({ SecretId: secret.name }));
  assert.ok(SecretString, 'cdk destroy leaves the secret');
}

function lint(template: string): string {
  if (IS_CFN_LINT_INSTALLED) return cfnLint(template);
  console.log('cfn-lint is not installed: the template is not held against it');
  return '';
}

async function functionsAt(lambda: LambdaClient): Promise<number> {
  return (await lambda.send(new ListFunctionsCommand({}))).Functions?.length ?? 0;
}
