import { beforeAll, describe, expect, test } from 'vitest';

import { FUNCTION_NAMES, type FunctionName } from '../../infra/bundling.ts';
import { createClient } from '../../infra/local/emulators/client-secrets.ts';
import { ENV } from '../../lib/contract.ts';
import { type AwsRequest, lessOf, refusalsOf, statementsOf } from '../fixtures/iam/account.ts';
import { DEPLOYER, deploy, type Resource } from '../fixtures/iam/cloudformation.ts';
import { platformRequests } from '../fixtures/iam/platform-requests.ts';
import { awsRequestsOf, type SdkCall } from '../fixtures/iam/sdk-requests.ts';
import { deployStack } from '../fixtures/system/deployed-stack.ts';
import { FUNCTIONS, STAGE, synth } from '../infra/aws/synth.ts';
import { attacksOf } from './compromised-worker.ts';
import { tellStory } from './deployed-story.ts';

/** Runs the synthesized stack on this machine and lets IAM decide on each request of its functions, with the stack's own roles. */

const resources = deploy(synth({ callers: [STAGE.client] }));
const statements = statementsOf(resources);
const functions = Object.fromEntries(FUNCTION_NAMES.map((name) => [name, functionOf(name)])) as Record<
  FunctionName,
  Resource
>;
const keyArn = resources.find(({ type }) => type === 'AWS::KMS::Key')?.arn ?? '';
const { Variables } = functions.worker.properties.Environment;
const budgetName: string = JSON.parse(Variables[ENV.broker]).budget.name;
const calls: SdkCall[] = [];

function functionOf(name: FunctionName): Resource {
  const found = resources.find(
    ({ type, properties }) =>
      type === 'AWS::Lambda::Function' && FUNCTIONS[name].test(properties.Description),
  );
  if (found === undefined) throw new Error(`the template has no ${name}`);
  return found;
}

beforeAll(async () => {
  const [mocha, latte] = [STAGE.client, 'latte'].map((name) => createClient({ name, lifetimeSeconds: 1800 }));
  if (mocha === undefined || latte === undefined) throw new Error('there are two clients');
  const stack = await deployStack({
    resources,
    functions,
    clients: [mocha, latte],
    record({ accessKeyId, ...call }) {
      const fn = resources.find(({ id }) => id === accessKeyId);
      if (fn === undefined) throw new Error(`${accessKeyId} is no function of the template`);
      calls.push({ ...call, principal: fn.properties.Role, functionArn: fn.arn });
    },
  });
  const nameOf = (url: unknown): string => String(url).split('/').at(-1) ?? '';
  try {
    await tellStory({
      stack,
      mocha,
      latte,
      budget: budgetName,
      sentTo: () =>
        calls
          .filter(({ operation }) => operation === 'SendMessage')
          .map(({ input }) => nameOf(input.QueueUrl)),
      queues: {
        jobs: nameOf(Variables[ENV.jobQueueUrl]),
        results: nameOf(Variables[ENV.resultQueueUrl]),
        deadLetters: nameOf(Variables[ENV.deadLetterQueueUrl]),
      },
    });
  } finally {
    await stack.stop();
  }
}, 180_000);

/** What the functions requested, and what AWS requests in their names: each request once. */
function neededRequests(): readonly AwsRequest[] {
  const requests = [...calls.flatMap((call) => awsRequestsOf(call, keyArn)), ...platformRequests(resources)];
  return [...new Map(requests.map((request) => [JSON.stringify(request), request])).values()];
}

test('IAM allows every request that the functions made', async () => {
  expect(calls.length).toBeGreaterThan(100);
  expect(await refusalsOf(neededRequests(), statements)).toEqual([]);
});

test('every action and every key of a role is needed by a request', async () => {
  const requests = neededRequests();
  const roles = new Set(resources.filter(({ type }) => type === 'AWS::IAM::Role').map(({ arn }) => arn));
  const unneeded: string[] = [];
  for (const statement of statements) {
    if (statement.kind !== 'identity' || !roles.has(statement.of)) continue;
    const affected = requests.filter(
      ({ principal, action }) =>
        principal === statement.of && [statement.body.Action].flat().includes(action),
    );
    const others = statements.filter((other) => other !== statement);
    for (const { missing, left } of lessOf(statement)) {
      const refusals = await refusalsOf(affected, left === undefined ? others : [...others, left]);
      if (refusals.length === 0) unneeded.push(`${statement.of}: ${missing}`);
    }
  }
  expect(unneeded).toEqual([]);
});

describe("an operator's order", () => {
  const { operator, ...others } = functions;

  /** What the operator function asked for to carry out orders, and that it is invoked. */
  function requestsOfOrders(): readonly AwsRequest[] {
    const written = neededRequests().filter(
      ({ principal, action, context }) =>
        principal === operator.properties.Role &&
        /^dynamodb:(UpdateItem order#|DeleteItem budget#)/.test(
          `${action} ${context['dynamodb:LeadingKeys']}`,
        ),
    );
    const actions = new Set(written.map(({ action }) => action));
    expect(actions).toEqual(new Set(['dynamodb:UpdateItem', 'dynamodb:DeleteItem']));
    const invoked = {
      purpose: 'gives an order',
      action: 'lambda:InvokeFunction',
      resource: operator.arn,
      context: {},
    };
    return [...written, { ...invoked, principal: '' }];
  }

  test.each(Object.entries(others))('is refused to the %s', async (_, { properties }) => {
    const attempts = requestsOfOrders().map((request) => ({ ...request, principal: properties.Role }));
    expect(await refusalsOf(attempts, statements)).toHaveLength(attempts.length);
    const allowed = attempts.map((attempt) => ({ ...attempt, principal: DEPLOYER }));
    expect(await refusalsOf(allowed, statements)).toEqual([]);
  });
});

describe('a compromised worker', () => {
  const { worker, minter, inspector, operator } = functions;
  const attacks = attacksOf({
    worker,
    minter,
    inspector,
    operator,
    resources,
    client: STAGE.client,
    budget: budgetName,
  });

  test.each(attacks)('is refused when it $purpose', async (attack) => {
    expect(await refusalsOf([attack], statements)).toHaveLength(1);
    // The request exists: an administrator may make it.
    expect(await refusalsOf([{ ...attack, principal: DEPLOYER }], statements)).toEqual([]);
  });

  test('cannot assume the role of another function', async () => {
    const roles = resources.filter(({ type }) => type === 'AWS::IAM::Role');
    const attempts = roles.map(({ arn }) => ({
      purpose: 'it assumes another role',
      principal: worker.properties.Role,
      action: 'sts:AssumeRole',
      resource: arn,
      context: {},
    }));
    expect(await refusalsOf(attempts, statements)).toHaveLength(roles.length);
  });
});
