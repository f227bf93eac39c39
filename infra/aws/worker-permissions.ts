import { TABLE } from '../../lib/contract.ts';
import type { Permission } from './permission.ts';
import { type TableArns, TablePermissions } from './table-permissions.ts';

/** What a worker uses of a broker. */
export interface WorkerArns extends TableArns {
  readonly minterArn: string;
}

/**
 * What calls for one client take: to read its token, to ask the minter for another, to take tickets of the budget and to obey its
 * operator.
 */
export function workerPermissions(
  arns: WorkerArns,
  { client, budgetName }: { readonly client: string; readonly budgetName: string },
): Permission[] {
  const table = new TablePermissions(arns);
  return [
    ...table.useKey(),
    table.items('GetItem', [TABLE.tokenKey(client), TABLE.orderKey(budgetName)]),
    table.items('UpdateItem', [TABLE.requestKey(client)]),
    table.tickets(budgetName, ['worker']),
    { actions: ['lambda:InvokeFunction'], resourceArns: [arns.minterArn] },
  ];
}
