import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { App, type Environment } from 'aws-cdk-lib/core';

import type { Stage } from '../../../infra/aws/stage-schema.ts';
import { TokenBrokerStack } from '../../../infra/aws/token-broker-stack.ts';
import { ENV } from '../../../lib/contract.ts';
import type { MinterSettings, WorkerSettings } from '../../../lib/settings.ts';

export const REGION = 'eu-central-1';

export const STAGE: Stage = { name: 'test', apiUrl: 'https://api.plume.example/', client: 'mocha' };

const assemblies = mkdtempSync(join(tmpdir(), 'plume-assemblies-'));
// Not after a file: several files share this module.
process.on('exit', () => rmSync(assemblies, { recursive: true, force: true }));

/** The feature flags that the stack is deployed with. */
const { context: flags } = JSON.parse(readFileSync(new URL('../../../cdk.json', import.meta.url), 'utf8'));

/**
 * An app that bundles nothing: what the functions' code is does not matter to its template. Nor is it validated, which takes
 * most of a synthesis, unless a test is about that.
 */
export function createApp(context: Readonly<Record<string, unknown>> = {}, isValidated = false): App {
  return new App({
    context: { ...flags, ...context, 'aws:cdk:bundling-stacks': [] },
    builtinCloudFormationValidation: isValidated,
    outdir: mkdtempSync(join(assemblies, 'app-')),
  });
}

export function createStack(
  stage: Partial<Stage> = {},
  app = createApp(),
  env: Environment = { region: REGION },
): TokenBrokerStack {
  return new TokenBrokerStack(app, 'Test', { env, stage: { ...STAGE, ...stage } });
}

export function synth(stage: Partial<Stage> = {}): Template {
  return Template.fromStack(createStack(stage));
}

export interface Statement {
  readonly Action: string | string[];
  readonly Effect: 'Allow' | 'Deny';
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | string[]>>>>;
}

/** The statements of one function's role, found by the function's description. */
export function statementsOf(template: Template, description: RegExp): Statement[] {
  const { Role } = functionOf(template, description).Properties;
  const role = Role['Fn::GetAtt'][0];
  const policies = Object.values(template.findResources('AWS::IAM::Policy'));
  return policies
    .filter(({ Properties }) => Properties.Roles.some((entry: { Ref: string }) => entry.Ref === role))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[]);
}

export function functionOf(template: Template, description: RegExp) {
  const found = Object.values(template.findResources('AWS::Lambda::Function')).find(({ Properties }) =>
    description.test(Properties.Description),
  );
  if (found === undefined) throw new Error(`no function is described by ${description}`);
  return found;
}

/** What a function's `PLUME_BROKER` says. Names that are known at deployment are those of their resources. */
export function brokerOf({ Properties }: ReturnType<typeof functionOf>): WorkerSettings & MinterSettings {
  const json = Properties.Environment.Variables[ENV.broker];
  const parts: unknown[] = typeof json === 'string' ? [json] : json['Fn::Join'][1];
  const text = parts.map((part) => (typeof part === 'string' ? part : Object.values(part as object).join()));
  return JSON.parse(text.join(''));
}

export const FUNCTIONS = {
  minter: /^Mints/,
  inspector: /^Reports/,
  worker: /^Calls/,
  operator: /^Carries/,
  caller: /^Makes/,
} as const;

export function actionsOf(statements: readonly Statement[]): string[] {
  return [...new Set(statements.flatMap(({ Action }) => Action))].sort();
}
