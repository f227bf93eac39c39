import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';

import type { BudgetStream } from '../../lib/contract.ts';
import type { TokenBroker } from './token-broker.ts';

/** A budget whose tickets and blocks are shown. */
export interface WatchedBudget {
  /** As in the settings of the budget: the dimension `budget` of its metrics. */
  readonly name: string;
  /** Which streams functions take tickets of: if each zone has its own budget, the minter uses another than the workers. */
  readonly streams: readonly BudgetStream[];
  /** The function of the reference worker whose calls take its tickets. @default - none */
  readonly worker?: LambdaFunction;
}

/** What alarms and the dashboard look at. */
export interface Watched {
  /** The broker whose minter and tokens are watched. */
  readonly broker: TokenBroker;
  /** The stage that alarms name. @default - the name of the stack */
  readonly stage: string;
  /** One for each address that calls leave from. @default - the broker's own, used by minter and workers */
  readonly budgets: readonly WatchedBudget[];
  /** The queues of the reference worker whose messages are work to do, by name. @default - none */
  readonly workQueues: Readonly<Record<string, IQueue>>;
  /** Functions of others that make calls: saved queries look at their logs too. @default - none */
  readonly callers: readonly LambdaFunction[];
  /** Queues that ought to be empty, by the name of what ends there; the dead ticks are among them. */
  readonly deadLetterQueues: Readonly<Record<string, IQueue>>;
}
