import { parseArgs } from 'node:util';

import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { ENV } from '../../lib/contract.ts';
import { CLIENT_NAME_RULE, isClientName } from '../../lib/platform/client-name.ts';
import { statementOf } from '../aws/permission.ts';
import { workerPermissions } from '../aws/worker-permissions.ts';
import { UsageError, type Verb } from './verb.ts';

/** Filled in where the policy is used: CloudFormation's Fn::Sub and Terraform's templatefile know names like these. */
const PLACEHOLDERS = { tableArn: '${TableArn}', keyArn: '${KeyArn}', minterArn: '${MinterArn}' } as const;
const BROKER = '${Broker}';

/** For workers that no construct knows: of SAM, Terraform or the Serverless Framework. */
export const policy: Verb = {
  usage: '--client NAME [--budget NAME] [--cloudformation]',
  summary:
    'prints what a worker of a client is permitted and told, as JSON; it needs neither a stack nor AWS',
  run(parameters, print) {
    const { values } = parseArgs({
      args: [...parameters],
      options: {
        client: { type: 'string' },
        budget: { type: 'string', default: DEFAULT_BUDGET_SETTINGS.name },
        cloudformation: { type: 'boolean', default: false },
      },
    });
    const { client, budget, cloudformation } = values;
    if (client === undefined) throw new UsageError('--client is missing: the name of the M2M client');
    if (!isClientName(client)) throw new UsageError(`--client must be ${CLIENT_NAME_RULE}`);
    const arns = { ...PLACEHOLDERS, region: cloudformation ? '${AWS::Region}' : '${Region}' };
    const worker = {
      environment: { [ENV.broker]: BROKER },
      policy: {
        Version: '2012-10-17',
        Statement: workerPermissions(arns, { client, budgetName: budget }).map(statementOf),
      },
    };
    print(JSON.stringify(worker, cloudformation ? substituted : undefined, 2));
  },
};

/** Strings that hold placeholders, as CloudFormation fills them in. */
function substituted(key: string, value: unknown): unknown {
  const isOpen = key !== 'Fn::Sub' && typeof value === 'string' && value.includes('${');
  return isOpen ? { 'Fn::Sub': value } : value;
}
