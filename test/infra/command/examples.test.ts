import { readFileSync } from 'node:fs';
import { parse as parseHcl } from '@cdktf/hcl2json';
import { expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { command } from '../../fixtures/command.ts';

/**
 * The chapter's examples of workers without the CDK, and the command that they tell to run. cfn-lint reads the template with the
 * stack's, in test/infra/aws/cfn-lint.test.ts.
 */

const chapter = readFileSync('infra/aws/workers.md', 'utf8');
const [, yaml = ''] = /^```yaml template\.yaml\n([\s\S]*?)^```$/m.exec(chapter) ?? [];
const [, hcl = ''] = /^```hcl main\.tf\n([\s\S]*?)^```$/m.exec(chapter) ?? [];

/** What the chapter's command prints, with flags that are given besides. */
async function printed(...flags: readonly string[]): Promise<string> {
  expect(chapter).toContain(`npx --no plume-m2m-token-broker policy ${flags.join(' ')} > mocha.json`);
  return (await command('policy', ...flags)).stdout;
}

const SUB = { tag: '!Sub', resolve: (text: string) => ({ 'Fn::Sub': text }) };

test('the template of SAM has the statements that the command prints, and the variable', async () => {
  const { Parameters, Resources } = parseYaml(yaml, { customTags: [SUB] });
  const { Environment, Policies } = Resources.Hello.Properties;
  const policy = JSON.parse(await printed('--client', 'mocha', '--cloudformation'));
  const lists = (value: unknown) => JSON.parse(JSON.stringify(value));
  expect(lists(Policies)).toEqual([policy]);
  const filledIn = [...JSON.stringify(policy).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
  expect(new Set(filledIn)).toEqual(new Set(Object.keys(Parameters)));
  expect(Object.keys(Environment.Variables)).toEqual(['PLUME_BROKER']);
});

test("Terraform's configuration fills in all that the command leaves open, and sets the variable", async () => {
  const { resource, data } = await parseHcl('main.tf', hcl);
  const [policy] = resource.aws_iam_role_policy.mocha;
  const [, file, filled = ''] =
    /^\$\{templatefile\("\$\{path\.module\}\/(.+?)", \{([\s\S]*)\}\)\}$/.exec(policy.policy) ?? [];
  expect(file).toBe('mocha.json');
  const names = [...filled.matchAll(/^\s*(\w+)\s*=/gm)].map(([, name]) => name);
  const open = [...(await printed('--client', 'mocha')).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
  expect(new Set(names)).toEqual(new Set(open));
  const [parameter] = data.aws_ssm_parameter.broker;
  expect(parameter.name).toMatch(/\/broker$/);
  const [{ environment }] = resource.aws_lambda_function.hello;
  expect(Object.keys(environment[0].variables)).toEqual(['PLUME_BROKER']);
});
