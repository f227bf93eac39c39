import { Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Stack } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';
import { TokenBroker } from '../../../infra/aws/token-broker.ts';
import { parseCommandLine } from '../../../infra/command/command-line.ts';
import { policy } from '../../../infra/command/policy.ts';
import { command } from '../../fixtures/command.ts';
import { createApp, REGION, type Statement } from '../aws/synth.ts';

async function statementsFor(...parameters: readonly string[]): Promise<readonly Statement[]> {
  const line = parseCommandLine(['policy', ...parameters]);
  const { text } = await policy.run(line, { note: () => {}, confirm: async () => {} });
  return JSON.parse(text).Statement;
}

/** One line for each action on each key, since statements that differ in keys alone may be one or several. */
function permissionsOf(statements: readonly Statement[]): string[] {
  return statements
    .flatMap(({ Effect, Action, Resource, Condition = {} }) => {
      const operator = 'ForAllValues:StringEquals';
      const { 'dynamodb:LeadingKeys': keys = [''], ...others } = Condition[operator] ?? {};
      return [Action].flat().flatMap((action) =>
        [keys].flat().map((key) =>
          JSON.stringify({
            Effect,
            action,
            key,
            resource: [Resource].flat(),
            conditions: Object.entries({ ...Condition, [operator]: others }).sort(),
          }),
        ),
      );
    })
    .sort();
}

describe('policy', () => {
  test.each([[[]], [['--budget', 'zone-2']]])(
    'with %j prints what the construct grants a role',
    async (flags) => {
      const [, budgetName] = flags;
      const stack = new Stack(createApp(), 'Own', { env: { region: REGION } });
      const broker = new TokenBroker(stack, 'Broker', { apiUrl: 'https://api.plume.example/' });
      const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
      broker.grantUse(role, { client: 'mocha', budgetName });

      const [granted] = Object.entries(Template.fromStack(stack).findResources('AWS::IAM::Policy'))
        .filter(([id]) => id.startsWith('Role'))
        .map(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[]);
      const filled = JSON.stringify(await statementsFor('--client', 'mocha', ...flags))
        .replaceAll('"${TableArn}"', JSON.stringify(stack.resolve(broker.table.tableArn)))
        .replaceAll('"${KeyArn}"', JSON.stringify(stack.resolve(broker.encryptionKey?.keyArn)))
        .replaceAll('"${MinterArn}"', JSON.stringify(stack.resolve(broker.minter.functionArn)))
        .replaceAll('${Region}', REGION);
      expect(permissionsOf(JSON.parse(filled))).toEqual(permissionsOf(granted ?? []));
    },
  );

  test('for CloudFormation prints what is filled in as Fn::Sub, and takes its word for the region', async () => {
    const text = JSON.stringify(await statementsFor('--client', 'mocha', '--cloudformation'));
    expect(text).toContain('{"Fn::Sub":"${TableArn}"}');
    expect(text).toContain('{"Fn::Sub":"dynamodb.${AWS::Region}.amazonaws.com"}');
    expect(text.replaceAll(/\{"Fn::Sub":"[^"]+"\}/g, '')).not.toContain('${');
  });

  const BROKER = {
    table: 'arn:aws-cn:dynamodb:cn-north-1:123456789012:table/tokens',
    key: 'arn:aws-cn:kms:cn-north-1:123456789012:key/mine',
    minter: 'arn:aws-cn:lambda:cn-north-1:123456789012:function:minter',
    budget: { name: 'zone-1' },
  };

  test("with the value of the broker's parameter leaves nothing to fill in", async () => {
    const text = JSON.stringify(await statementsFor('--client', 'mocha', '--broker', JSON.stringify(BROKER)));
    for (const known of [
      BROKER.table,
      BROKER.key,
      BROKER.minter,
      'dynamodb.cn-north-1.',
      'budget#zone-1#worker',
    ])
      expect(text).toContain(known);
    expect(text).not.toContain('${');
  });

  test('needs no key where AWS owns it', async () => {
    const broker = JSON.stringify({ ...BROKER, key: undefined });
    const text = JSON.stringify(await statementsFor('--client', 'mocha', '--broker', broker));
    expect(text).toContain('token#mocha');
    expect(text).not.toContain('kms:');
  });

  test.each([
    ['no JSON', '{', '--broker must be JSON'],
    ['null', 'null', '--broker has no ARN as table'],
    ["a table's name", JSON.stringify({ ...BROKER, table: 'tokens' }), '--broker has no ARN as table'],
    ["a key's name", JSON.stringify({ ...BROKER, key: 'mine' }), '--broker has no ARN as key'],
  ])('refuses a broker that is %s', async (_, broker, message) => {
    await expect(statementsFor('--client', 'mocha', '--broker', broker)).rejects.toThrow(message);
  });
});

describe('the command', () => {
  test('prints the policy for scripts, and for people the variable that it takes besides', async () => {
    const { exitCode, stdout, stderr } = await command('policy', '--client', 'mocha');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining('PLUME_BROKER') });
    expect(JSON.parse(stdout)).toMatchObject({ Version: '2012-10-17' });
  });

  test('without a verb says what there is', async () => {
    const { exitCode, stdout } = await command();
    expect({ exitCode, stdout }).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('policy --client'),
    });
  });

  test.each([
    [['policy'], 'policy needs --client'],
    [['policy', '--client', 'a#b'], '--client must be'],
    [['policy', '--clint', 'mocha'], "'--clint'"],
    [['toString'], 'unknown verb toString'],
  ])('refuses %j, says why and how it is used, and ends with 2', async (parameters, why) => {
    const { exitCode, stdout, stderr } = await command(...parameters);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(why);
    expect(stderr).toContain('--help lists verbs and options');
  });
});
