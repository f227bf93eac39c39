import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

import { ENV } from '../../lib/contract.ts';
import type { MinterSettings, WorkerSettings } from '../../lib/settings.ts';

/** What functions were given: a second grant must not take it back. */
const brokers = new WeakMap<LambdaFunction, WorkerSettings>();

/** The environment that tells a function its broker. The JSON is a token: names that it holds are known at deployment. */
export function environmentOf(
  scope: Construct,
  settings: WorkerSettings | MinterSettings,
): Record<string, string> {
  return { [ENV.broker]: Stack.of(scope).toJsonString(settings) };
}

/**
 * @throws {Error} if the function is imported, or has another broker or budget already: its environment holds one of each
 */
export function setBroker(target: IFunction, settings: WorkerSettings): void {
  const fn = behind(target);
  if (!isOwn(fn)) {
    throw new Error(
      `the environment of ${target.node.path} cannot be set here, because it is imported. Set it where the function is defined, to what environment() of the broker returns; grantUse permits its role the calls`,
    );
  }
  const given = brokers.get(fn);
  const keys = Object.keys(settings) as (keyof WorkerSettings)[];
  const other = given && keys.find((key) => JSON.stringify(given[key]) !== JSON.stringify(settings[key]));
  if (other !== undefined) {
    throw new Error(
      `${fn.node.path} already uses another broker or budget: ${other} would change. A function uses one of each; make the other calls from another function`,
    );
  }
  brokers.set(fn, settings);
  for (const [name, value] of Object.entries(environmentOf(fn, settings))) fn.addEnvironment(name, value);
}

/** An alias and a version have the environment of their function. */
function behind(fn: IFunction): IFunction {
  return 'lambda' in fn ? behind(fn.lambda as IFunction) : fn;
}

/** By its method: the class may come from another copy of the CDK. */
function isOwn(fn: IFunction): fn is LambdaFunction {
  return 'addEnvironment' in fn;
}
