import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

import { ENV } from '../../lib/contract.ts';
import type { GrantUseOptions, ITokenBroker } from './broker-access.ts';
import { BrokerFunction, type NetworkProps, networkOf } from './broker-function.ts';
import { checkClient } from './checks.ts';
import { grantOne } from './grant.ts';

/** Which caller function, and, where it is not made yet, where its calls leave from. */
export interface CallerOptions extends GrantUseOptions, NetworkProps {}

export interface CallerFunctionsProps extends NetworkProps {
  readonly logRetention: RetentionDays;
}

/** A ticket's and a token's waiting (30 s at most), a call, and its repetition with a new token. */
const TIMEOUT = Duration.seconds(60);

/**
 * The functions that make calls for callers that are not in TypeScript. One for each client, whose role reads only that client's token:
 * IAM sees no event's content, so what may invoke a function may have any of its calls.
 */
export class CallerFunctions {
  readonly #broker: Construct & ITokenBroker;
  readonly #props: CallerFunctionsProps;
  readonly #functions = new Map<string, { readonly fn: LambdaFunction; readonly budgetName: string }>();

  constructor(broker: Construct & ITokenBroker, props: CallerFunctionsProps) {
    this.#broker = broker;
    this.#props = props;
  }

  /**
   * Made when it is first asked for.
   *
   * @throws {Error} if it is there already with another budget
   */
  of(options: CallerOptions): LambdaFunction {
    const { client, budgetName = this.#broker.budgetName } = options;
    checkClient(client);
    const known = this.#functions.get(client) ?? {
      fn: this.#create(client, budgetName, options),
      budgetName,
    };
    this.#functions.set(client, known);
    if (known.budgetName === budgetName) return known.fn;
    throw new Error(
      `client ${client} already has a caller function, with the budget ${known.budgetName} and not ${budgetName}; a client has one caller function`,
    );
  }

  /** To invoke the function of one client, and nothing else. */
  grant(grantee: IGrantable, options: CallerOptions): Grant {
    const { functionArn } = this.of(options);
    return grantOne(grantee, { actions: ['lambda:InvokeFunction'], resourceArns: [functionArn] });
  }

  #create(client: string, budgetName: string, options: NetworkProps): LambdaFunction {
    const { logRetention, ...network } = this.#props;
    const fn = new BrokerFunction(this.#broker, `Caller-${client}`, {
      entry: 'caller',
      description: `Makes calls of Plume's API for client ${client}: one event, one call`,
      timeout: TIMEOUT,
      environment: { [ENV.client]: client },
      logRetention,
      ...networkOf(options.vpc === undefined ? network : options),
    });
    this.#broker.connect(fn, { client, budgetName });
    return fn;
  }
}
