import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Arn, ArnFormat, Stack, Token } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

import { budgetSettings } from '../../lib/budget/settings.ts';
import { DEFAULT_SERVICE } from '../../lib/contract.ts';
import type { WorkerSettings } from '../../lib/settings.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../lib/token/settings.ts';
import {
  BrokerAccess,
  type EnvironmentOptions,
  type GrantUseOptions,
  type ITokenBroker,
} from './broker-access.ts';
import { checkAttributes, isLookedUp } from './checks.ts';

/** A broker as other apps know it: what its SSM parameter `/<serviceName>/broker` holds, as JSON. */
export interface TokenBrokerAttributes extends WorkerSettings {
  /** ARN of the table. */
  readonly table: string;
  /** ARN of the minter. */
  readonly minter: string;
  /** ARN of the KMS key that encrypts the table. Absent: AWS owns the key. */
  readonly key?: string | undefined;
}

/** A broker of another app, in this account or in another. */
export class ImportedTokenBroker extends Construct implements ITokenBroker {
  readonly apiUrl: string;
  readonly budgetName: string;
  readonly serviceName: string;
  readonly #access: BrokerAccess;

  constructor(scope: Construct, id: string, attributes: TokenBrokerAttributes) {
    super(scope, id);
    checkAttributes(attributes);
    const { key, ...settings } = attributes;
    const { account, region, resourceName } = Arn.split(settings.table, ArnFormat.SLASH_RESOURCE_NAME);
    const stack = Stack.of(this);
    if (!Token.isUnresolved(stack.region) && stack.region !== region) {
      throw new Error(
        `${this.node.path}: the broker's table is in ${region}, and this stack is in ${stack.region}; a function can only use a table of its own region`,
      );
    }
    this.apiUrl = settings.apiUrl;
    this.budgetName = settings.budget.name;
    this.serviceName = settings.service;
    // By its ARN it is found from every account, by its name from its own.
    const table = account === stack.account ? (resourceName ?? settings.table) : settings.table;
    const arns = {
      tableArn: settings.table,
      keyArn: key,
      minterArn: settings.minter,
      region: region ?? stack.region,
    };
    this.#access = new BrokerAccess(this, { ...settings, table }, arns);
  }

  connect(fn: IFunction, options: GrantUseOptions): Grant {
    this.#access.connect(fn, options);
    return this.grantUse(fn, options);
  }

  environment(options: EnvironmentOptions = {}): Record<string, string> {
    return this.#access.environment(options);
  }

  grantUse(grantee: IGrantable, options: GrantUseOptions): Grant {
    return this.#access.grantUse(grantee, options);
  }
}

/** @returns what the parameter holds; until the CDK has looked it up, ARNs that stand for those to come */
export function lookUpAttributes(scope: Construct, parameterName: string): TokenBrokerAttributes {
  const json = StringParameter.valueFromLookup(scope, parameterName);
  if (isLookedUp(json)) {
    try {
      return JSON.parse(json);
    } catch {
      throw new Error(`the parameter ${parameterName} is not a broker's: its value must be JSON`);
    }
  }
  const arn = (service: string, resource: string) =>
    Stack.of(scope).formatArn({ service, resource, resourceName: 'looked-up' });
  return {
    table: arn('dynamodb', 'table'),
    minter: arn('lambda', 'function'),
    key: arn('kms', 'key'),
    apiUrl: 'https://looked-up.example/',
    service: DEFAULT_SERVICE,
    metrics: 'alarmed',
    tokenLife: DEFAULT_TOKEN_SETTINGS,
    budget: budgetSettings({}),
  };
}
