import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { App, Stack } from 'aws-cdk-lib/core';
import { Monitoring, TokenBroker } from 'plume-m2m-token-broker/cdk';

const app = new App();
const stack = new Stack(app, 'Locations', { env: { region: 'eu-central-1' } });
const broker = new TokenBroker(stack, 'Broker', { apiUrl: 'https://api.plume.example/' });
new Monitoring(stack, 'Monitoring', { broker });
const worker = new LambdaFunction(stack, 'Worker', {
  code: Code.fromInline('exports.handler = async () => {};'),
  handler: 'index.handler',
  runtime: Runtime.NODEJS_22_X,
});
broker.connect(worker, { client: 'mocha' });
app.synth();
