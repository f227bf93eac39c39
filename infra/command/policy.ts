import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { ENV } from '../../lib/contract.ts';
import { CLIENT_NAME_RULE, isClientName } from '../../lib/platform/client-name.ts';
import { statementOf } from '../aws/permission.ts';
import { type WorkerArns, workerPermissions } from '../aws/worker-permissions.ts';
import { textOption, UsageError } from './command-line.ts';
import type { Verb } from './verb.ts';

/** Filled in where the policy is used: CloudFormation's Fn::Sub and Terraform's templatefile know names like these. */
const PLACEHOLDERS: WorkerArns = {
  tableArn: '${TableArn}',
  keyArn: '${KeyArn}',
  minterArn: '${MinterArn}',
  region: '${Region}',
};
/** CloudFormation knows it by itself. */
const REGION_OF_CLOUDFORMATION = '${AWS::Region}';

/** For workers that no construct knows: of SAM, Terraform or the Serverless Framework. It needs no stack. */
export const policy: Verb = {
  arguments: '--client <name> [--broker <json>] [--budget <name>] [--cloudformation]',
  summary: "print the IAM policy of a client's worker",
  async run(line, { note }) {
    const client = textOption(line, 'client');
    if (!isClientName(client)) throw new UsageError(`--client must be ${CLIENT_NAME_RULE}`);
    const broker = line.values.broker === undefined ? undefined : parseBroker(textOption(line, 'broker'));
    const isTemplate = line.values.cloudformation === true;
    const open = isTemplate ? { ...PLACEHOLDERS, region: REGION_OF_CLOUDFORMATION } : PLACEHOLDERS;
    const budgetName =
      line.values.budget === undefined
        ? (broker?.budgetName ?? DEFAULT_BUDGET_SETTINGS.name)
        : textOption(line, 'budget');
    const document = {
      Version: '2012-10-17',
      Statement: workerPermissions(broker ?? open, { client, budgetName }).map(statementOf),
    };
    note(`The worker's environment must have ${ENV.broker}, the value of the broker's SSM parameter.`);
    const text = JSON.stringify(document, isTemplate ? substituted : undefined, 2);
    return { json: JSON.parse(text), text: `${text}\n` };
  },
};

function parseBroker(json: string): WorkerArns & { readonly budgetName: string | undefined } {
  let broker: { readonly [name: string]: unknown; readonly budget?: { readonly name?: string } };
  try {
    broker = Object(JSON.parse(json));
  } catch {
    throw new UsageError("--broker must be JSON: the value of the broker's SSM parameter");
  }
  const arnOf = (name: string): string => {
    const arn = broker[name];
    if (typeof arn === 'string' && arn.startsWith('arn:')) return arn;
    throw new UsageError(
      `--broker has no ARN as ${name}: it must be the value of the broker's SSM parameter`,
    );
  };
  const tableArn = arnOf('table');
  const [, , , region = ''] = tableArn.split(':');
  return {
    tableArn,
    region,
    // AWS owns the key of some tables.
    keyArn: broker.key === undefined ? undefined : arnOf('key'),
    minterArn: arnOf('minter'),
    budgetName: broker.budget?.name,
  };
}

/** Strings that hold placeholders, as CloudFormation fills them in. */
function substituted(key: string, value: unknown): unknown {
  const isOpen = key !== 'Fn::Sub' && typeof value === 'string' && value.includes('${');
  return isOpen ? { 'Fn::Sub': value } : value;
}
