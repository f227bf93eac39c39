import { App } from 'aws-cdk-lib';

import { readStage } from './config.ts';
import { TokenBrokerStack } from './token-broker-stack.ts';

/** One stage per run: `cdk deploy -c stage=prod`. Nothing else reads the context or the CLI's environment. */

const app = new App();
const region = process.env.CDK_DEFAULT_REGION;
const stage = readStage(app.node.tryGetContext('stages'), app.node.tryGetContext('stage'));

new TokenBrokerStack(app, `PlumeTokenBroker-${stage.name}`, {
  description: `Plume M2M tokens and call budget, stage ${stage.name}`,
  // The CLI's region: a table with a customer-managed key must know it. The account is whose credentials deploy.
  ...(region !== undefined && { env: { region } }),
  stage,
});
