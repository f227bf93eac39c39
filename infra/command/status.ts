import { findDeployment } from './deployment.ts';
import { invoke } from './invoke.ts';
import { type Row, textTable } from './text-table.ts';
import type { Verb } from './verb.ts';

interface Answers {
  readonly clients: readonly Row[];
  readonly budgets: readonly (Row & { readonly streams: readonly Row[] })[];
}

/** What the inspector says of tokens, and the operator function of the budget. */
export const status: Verb = {
  arguments: '',
  summary: 'show the state of tokens, of the call budget and of orders',
  async run(line) {
    const deployment = await findDeployment(line);
    const [clients, { budgets }] = (await Promise.all([
      invoke(deployment, deployment.output('InspectorFunction'), {}),
      invoke(deployment, deployment.output('OperatorFunction'), {
        status: deployment.output('Budgets').split(','),
        by: deployment.by,
      }),
    ])) as [Answers['clients'], Pick<Answers, 'budgets'>];
    return { json: { clients, budgets }, text: textOf({ clients, budgets }) };
  },
};

function textOf({ clients, budgets }: Answers): string {
  const orders = budgets.map(({ streams, ...budget }) => budget);
  const streams = budgets.flatMap(({ budget, streams }) => streams.map((stream) => ({ budget, ...stream })));
  return [textTable('Tokens', clients), textTable('Budgets', orders), textTable('Streams', streams)].join(
    '\n',
  );
}
