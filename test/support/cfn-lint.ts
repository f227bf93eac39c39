import { spawnSync } from 'node:child_process';

export const IS_CFN_LINT_INSTALLED = spawnSync('cfn-lint', ['--version']).status === 0;

/** The CDK lets a function depend on its role although it names the role. */
const OF_THE_CDK = 'W3005';

/** What cfn-lint finds in a template, as text; nothing if all is well. */
export function cfnLint(file: string): string {
  const { stdout, stderr, status } = spawnSync('cfn-lint', ['--ignore-checks', OF_THE_CDK, '--', file], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout : `${stdout}${stderr}cfn-lint ended with exit code ${status}`;
}
