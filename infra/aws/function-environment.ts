import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';

/** What functions were given: a second grant must not take it back. */
const environments = new WeakMap<LambdaFunction, Readonly<Record<string, string>>>();

/**
 * @throws {Error} if the function is imported, or has another broker or budget already: its environment holds one of each
 */
export function setEnvironment(target: IFunction, environment: Readonly<Record<string, string>>): void {
  const fn = behind(target);
  if (!isOwn(fn)) {
    throw new Error(
      `the environment of ${target.node.path} cannot be set here, because it is imported. Set it where the function is defined, to what environment() of the broker returns; grantUse permits its role the calls`,
    );
  }
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

/** An alias and a version have the environment of their function. */
function behind(fn: IFunction): IFunction {
  return 'lambda' in fn ? behind(fn.lambda as IFunction) : fn;
}

/** By its method: the class may come from another copy of the CDK. */
function isOwn(fn: IFunction): fn is LambdaFunction {
  return 'addEnvironment' in fn;
}
