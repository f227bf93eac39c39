import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  RuntimeFamily,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

import { BUNDLING, type FunctionName } from '../bundling.ts';
import { acknowledge } from './acknowledge.ts';
import { functionCode } from './function-code.ts';

/** Where a function's calls leave from, as the CDK's own functions have it. */
export interface NetworkProps {
  /**
   * The network that functions are attached to.
   * @default - outside of any VPC
   */
  readonly vpc?: IVpc | undefined;
  /**
   * Subnets of that network; with a way out, since Plume's cloud is not in it.
   * @default - those that the CDK takes: private ones with a way out
   */
  readonly vpcSubnets?: SubnetSelection | undefined;
  /**
   * They must let https out.
   * @default - one of its own for each function, which lets everything out
   */
  readonly securityGroups?: ISecurityGroup[] | undefined;
}

/** Only the network, from properties that have more. */
export function networkOf({ vpc, vpcSubnets, securityGroups }: NetworkProps): NetworkProps {
  return { vpc, vpcSubnets, securityGroups };
}

export interface BrokerFunctionProps extends NetworkProps {
  readonly entry: FunctionName;
  readonly description: string;
  readonly timeout: Duration;
  readonly environment: Readonly<Record<string, string>>;
  readonly logRetention: RetentionDays;
  /** X-Ray records its invocations. @default false */
  readonly isTraced?: boolean | undefined;
  /** The function sends messages to the queue that invokes it, and knows when to stop. @default false */
  readonly mayInvokeItself?: boolean | undefined;
  /** Takes the events of asynchronous invocations that failed. @default - none */
  readonly deadLetterQueue?: IQueue | undefined;
  /** Executions that the account keeps free for this function, and their limit. @default - shares those of the account */
  readonly reservedConcurrency?: number | undefined;
}

/** By its name: a CDK below 2.224 knows no `NODEJS_24_X`, and takes nodejs16.x for an undefined runtime without a word. */
const NODEJS_24 = new Runtime('nodejs24.x', RuntimeFamily.NODEJS, { supportsInlineCode: true });

/** The shortest that Lambda takes. Its own default for events that it cannot deliver is six hours. */
const MAX_EVENT_AGE = Duration.minutes(1);

/**
 * One of this repository's functions. Its role is its own and starts with what Lambda itself needs, on exact
 * resources: the managed policies of AWS allow the logs of the whole account.
 */
export class BrokerFunction extends NodejsFunction {
  constructor(scope: Construct, id: string, props: BrokerFunctionProps) {
    const {
      entry,
      description,
      timeout,
      environment,
      logRetention,
      vpc,
      vpcSubnets,
      securityGroups,
      isTraced = false,
      mayInvokeItself,
      deadLetterQueue,
      reservedConcurrency,
    } = props;
    const { banner, mainFields, ...bundling } = BUNDLING;
    const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = new LogGroup(scope, `${id}Logs`, {
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    super(scope, id, {
      ...functionCode(entry),
      description,
      runtime: NODEJS_24,
      architecture: Architecture.ARM_64,
      memorySize: 512,
      timeout,
      environment: { ...environment, NODE_OPTIONS: '--enable-source-maps' },
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      tracing: isTraced ? Tracing.ACTIVE : Tracing.DISABLED,
      bundling: {
        ...bundling,
        banner,
        mainFields: [...mainFields],
        format: OutputFormat.ESM,
        bundleAwsSDK: true,
      },
      // The CDK's own types take no undefined.
      ...(vpc && { vpc }),
      ...(vpcSubnets && { vpcSubnets }),
      ...(securityGroups && { securityGroups }),
      ...(reservedConcurrency !== undefined && { reservedConcurrentExecutions: reservedConcurrency }),
      // Otherwise Lambda takes it for a runaway after 16 rounds, and sends its messages to the dead-letter queue.
      ...(mayInvokeItself && { recursiveLoop: RecursiveLoop.ALLOW }),
      // A failed event is not worth a second try, nor a late one a first: the schedule brings the next.
      ...(deadLetterQueue && { deadLetterQueue, retryAttempts: 0, maxEventAge: MAX_EVENT_AGE }),
    });

    this.addToRolePolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    );
    if (vpc) for (const statement of networkInterfaces()) this.addToRolePolicy(statement);

    acknowledge(role, {
      'AwsSolutions-IAM5[Resource::*]':
        'AWS defines no resource for writing traces and for attaching to a VPC',
    });
    acknowledge(this, {
      'Serverless-LambdaDLQ': 'Without a dead-letter queue: invoked synchronously, failures go to the caller',
      'Serverless-LambdaAsyncFailureDestination': 'The dead-letter queue takes what fails',
      'Serverless-LambdaTracing': 'Traces of each call are paid for: the stage says whether they are wanted',
    });
  }
}

const NETWORK_INTERFACE_ACTIONS = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

/**
 * Lambda uses the function's role to attach the function to a VPC. The function's code must not use the same permissions:
 * its requests carry `lambda:SourceFunctionArn` and are denied. AWS's example compares that key with the function's ARN; this
 * policy is created before the function has an ARN, and the role has no other function. No resource is named, since the
 * interfaces do not exist yet.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice-security
 */
function networkInterfaces(): PolicyStatement[] {
  const all = { actions: NETWORK_INTERFACE_ACTIONS, resources: ['*'] };
  return [
    new PolicyStatement(all),
    new PolicyStatement({
      ...all,
      effect: Effect.DENY,
      conditions: { Null: { 'lambda:SourceFunctionArn': 'false' } },
    }),
  ];
}
