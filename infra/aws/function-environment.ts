import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';

/** What functions were given: a second grant must not take it back. */
const environments = new WeakMap<LambdaFunction, Readonly<Record<string, string>>>();

/** @throws {Error} if the function has another broker or budget already: its environment holds one of each */
export function setEnvironment(fn: LambdaFunction, environment: Readonly<Record<string, string>>): void {
  const given = environments.get(fn);
  const other = given && Object.keys(environment).find((name) => given[name] !== environment[name]);
  if (other !== undefined) {
    throw new Error(
      `${fn.node.path} uses another broker or budget already: ${other} would change. A function uses one of each; give the other calls a function of their own`,
    );
  }
  environments.set(fn, environment);
  for (const [name, value] of Object.entries(environment)) fn.addEnvironment(name, value);
}
