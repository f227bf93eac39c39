import { fileURLToPath } from 'node:url';
import { Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { App, Duration, Stack } from 'aws-cdk-lib/core';

import { TokenBroker } from '../../infra/aws/token-broker.ts';

/** An app of its own whose function calls through the broker of another stack, which it knows by its parameter alone. */

const { CDK_DEFAULT_ACCOUNT: account = '', CDK_DEFAULT_REGION: region = '' } = process.env;
const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const app = new App();
const stack = new Stack(app, 'PlumeConsumer', { env: { account, region } });
const broker = TokenBroker.fromParameter(stack, 'Broker', '/PlumeTokenBroker-dev/broker');
const caller = new NodejsFunction(stack, 'Caller', {
  entry: at('test/system/functions/many-calls.ts'),
  projectRoot: at(''),
  depsLockFilePath: at('package-lock.json'),
  runtime: Runtime.NODEJS_24_X,
  timeout: Duration.seconds(60),
  bundling: { format: OutputFormat.ESM, mainFields: ['module', 'main'], bundleAwsSDK: true },
});
broker.connect(caller, { client: 'mocha' });
