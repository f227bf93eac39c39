import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

import type { LocalOutputs } from '../local/run/deployment.ts';
import { type CommonOptions, UsageError } from './command-line.ts';

/** The broker that a command is about: a stack in an account, or a local run. */
export interface Deployment {
  /** As the command names it before a change. */
  readonly name: string;
  /** The caller's ARN, as STS states it. */
  readonly by: string;
  /** An output of the stack. @throws {UsageError} there is none */
  output(name: string): string;
  /** Where the services are, and with what credentials; empty: the shell's. */
  readonly lambda: ClientConfig;
  readonly sqs: ClientConfig;
  readonly isLocal: boolean;
}

type ClientConfig = {
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
};

/** @throws {UsageError} neither or both are named, the stack is not there, or no local run answers */
export function findDeployment({ stack, endpoint }: CommonOptions): Promise<Deployment> {
  if (stack !== undefined && endpoint === undefined) return findStack(stack);
  if (endpoint !== undefined && stack === undefined) return findLocalRun(endpoint);
  throw new UsageError('name one of --stack and --endpoint');
}

async function findStack(stack: string): Promise<Deployment> {
  const sts = new STSClient();
  const cloudformation = new CloudFormationClient();
  const [identity, { Stacks = [] }] = await Promise.all([
    sts.send(new GetCallerIdentityCommand()),
    cloudformation.send(new DescribeStacksCommand({ StackName: stack })),
  ]);
  const region = await cloudformation.config.region();
  const outputs = Object.fromEntries(
    (Stacks[0]?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
  );
  return {
    name: `stack ${stack} in account ${identity.Account}, ${region}`,
    by: identity.Arn ?? 'unknown',
    output: (name) => outputOf(outputs, name, `the stack ${stack}`),
    lambda: {},
    sqs: {},
    isLocal: false,
  };
}

async function findLocalRun(endpoint: string): Promise<Deployment> {
  const url = URL.parse('/outputs', endpoint);
  if (url === null) throw new UsageError('--endpoint must be the address that npm start prints');
  const response = await fetch(url).catch(() => undefined);
  if (!response?.ok) throw new UsageError(`no local run answers at ${url.origin}: is npm start running?`);
  const { outputs, lambdaEndpoint, sqsEndpoint } = (await response.json()) as LocalOutputs;
  const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  return {
    name: `the local run at ${url.origin}`,
    by: 'local',
    output: (name) => outputOf(outputs, name, 'the local run'),
    lambda: { ...local, endpoint: lambdaEndpoint },
    sqs: { ...local, endpoint: sqsEndpoint },
    isLocal: true,
  };
}

function outputOf(outputs: Readonly<Record<string, string>>, name: string, owner: string): string {
  const value = outputs[name];
  if (value !== undefined) return value;
  throw new UsageError(`${owner} has no output ${name}: it is not a token broker, or of an older version`);
}
