import { numberOption, subjectOf, textOption } from './command-line.ts';
import { type Deployment, findDeployment } from './deployment.ts';
import { invoke } from './invoke.ts';
import type { Verb } from './verb.ts';

/** The verbs that are orders: the operator function carries them out. */

type Line = Parameters<Verb['run']>[0];

function order(
  what: 'budget' | 'client',
  summary: string,
  options: string,
  eventOf: (line: Line, subject: string) => object,
): Verb {
  return {
    arguments: `<${what}>${options === '' ? '' : ` ${options}`}`,
    summary,
    async run(line, output) {
      const event = eventOf(line, subjectOf(line, what));
      const deployment: Deployment = await findDeployment(line);
      output.note(deployment.name);
      await output.confirm(`${line.verb} ${line.subject}`);
      const reason = line.values.reason;
      const json = await invoke(deployment, deployment.output('OperatorFunction'), {
        ...event,
        ...(typeof reason === 'string' && { reason }),
        by: deployment.by,
      });
      return { json, text: `${line.verb}: ${JSON.stringify(json)}\n` };
    },
  };
}

export const pause = order(
  'budget',
  "stop the workers' calls for some minutes; with --minter, minting too",
  '--minutes <n> --reason <text> [--minter]',
  (line, budget) => ({
    pause: budget,
    minutes: numberOption(line, 'minutes'),
    reason: textOption(line, 'reason'),
    ...(line.values.minter === true && { minter: true }),
  }),
);

export const slow = order(
  'budget',
  'slow the workers to a share of the rate for some minutes',
  '--share <0.01 to 1> --minutes <n> --reason <text>',
  (line, budget) => ({
    slow: budget,
    share: numberOption(line, 'share'),
    minutes: numberOption(line, 'minutes'),
    reason: textOption(line, 'reason'),
  }),
);

export const resume = order('budget', 'end a pause or a slow', '', (_, budget) => ({ resume: budget }));

export const lift = order(
  'budget',
  'try now whether the WAF still blocks the address: the next call is the probe',
  '',
  (_, budget) => ({ lift: budget }),
);

export const heal = order(
  'budget',
  'delete a counter that stands further ahead than any caller can have moved it',
  '',
  (_, budget) => ({ heal: budget }),
);

export const mint = order('client', 'mint a token for a client now', '', (_, client) => ({ mint: client }));

export const forget = order(
  'client',
  'delete the token and the record of a client whose secret is deleted',
  '',
  (_, client) => ({ forget: client }),
);
