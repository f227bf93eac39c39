import { Annotations, App } from 'aws-cdk-lib/core';

import { findStagesFile, readStage } from './stages.ts';
import { TokenBrokerStack } from './token-broker-stack.ts';

/** One stage per run: `cdk deploy -c stage=prod`. Nothing else reads the context or the CLI's environment. */

const app = new App();
const file = findStagesFile();
const stage = readStage(file, app.node.tryGetContext('stage'));
// A table with a customer-managed key must know its region. Without an account it is the one whose credentials deploy.
const { account, region = process.env.CDK_DEFAULT_REGION } = stage;

const stack = new TokenBrokerStack(app, `PlumeTokenBroker-${stage.name}`, {
  description: `Plume M2M tokens and call budget, stage ${stage.name}`,
  env: { ...(account !== undefined && { account }), ...(region !== undefined && { region }) },
  stage,
});
if (file.isExample) {
  Annotations.of(stack).addInfo(
    `infra/stages.json does not exist, so this is stage ${stage.name} of ${file.name}`,
  );
}
