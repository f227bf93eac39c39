import { App, Duration, Stack } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { Monitoring, TokenBroker } from 'plume-m2m-token-broker/cdk';

class LocationsStack extends Stack {
  constructor(scope: Construct, id: string) {
    super(scope, id, { env: { region: 'eu-central-1' } });
    const broker = new TokenBroker(this, 'Broker', { apiUrl: 'https://api.plume.example/' });
    new Monitoring(this, 'Monitoring', { broker });

    const names = this.#worker('Names', 'names.ts');
    const queue = new Queue(this, 'Renamed', { visibilityTimeout: Duration.minutes(6), enforceSSL: true });
    names.addEventSource(new SqsEventSource(queue, { reportBatchItemFailures: true, maxConcurrency: 10 }));

    const hello = this.#worker('Hello', 'hello.ts');
    new Rule(this, 'Opened', {
      eventPattern: { source: ['shop'] },
      targets: [new LambdaFunction(hello)],
    });
    for (const worker of [names, hello]) broker.connect(worker, { client: 'mocha' });
  }

  #worker(id: string, file: string): NodejsFunction {
    return new NodejsFunction(this, id, {
      entry: new URL(file, import.meta.url).pathname,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(60),
      bundling: { format: OutputFormat.ESM, mainFields: ['module', 'main'], bundleAwsSDK: true },
    });
  }
}

const app = new App();
new LocationsStack(app, 'Locations');
app.synth();
