import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

import { MINTER_TIMEOUT_MS, TABLE } from '../../lib/contract.ts';
import type { OperatorSettings } from '../../lib/settings.ts';
import { BrokerFunction, type BrokerFunctionProps } from './broker-function.ts';
import { environmentOf } from './function-environment.ts';
import type { Permission } from './permission.ts';
import type { TablePermissions } from './table-permissions.ts';

/** The function that carries out orders of people on call. */
export function operatorFunction(
  broker: Construct,
  settings: OperatorSettings,
  props: Omit<BrokerFunctionProps, 'entry' | 'description' | 'timeout' | 'environment'>,
): LambdaFunction {
  return new BrokerFunction(broker, 'Operator', {
    entry: 'operator',
    isTraced: true,
    description: "Carries out the on-call operator's orders",
    // It waits for the minter.
    timeout: Duration.millis(MINTER_TIMEOUT_MS + 10_000),
    environment: environmentOf(broker, settings),
    ...props,
  });
}

/**
 * What the operator function may do: give orders, half-open a breaker, delete a counter and what is stored of a client, ask the
 * minter. It can neither read a token nor a secret, and takes no tickets.
 */
export function operatorPermissions(
  table: TablePermissions,
  { secretsArn, minterArn }: { readonly secretsArn: string; readonly minterArn: string },
): readonly Permission[] {
  const counters = TABLE.budgetKey('*', '*');
  const onlyAttributes = (...names: readonly string[]) => ({
    'ForAllValues:StringEquals': { 'dynamodb:Attributes': [TABLE.partitionKey, ...names] },
  });
  return [
    table.items('GetItem', [TABLE.orderKey('*'), counters]),
    {
      ...table.items('GetItem', [TABLE.tokenKey('*')]),
      conditions: {
        ...onlyAttributes('fingerprint'),
        // A request that names no attributes gets all of them.
        StringEqualsIfExists: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
        Null: { 'dynamodb:Attributes': 'false' },
      },
    },
    table.items('UpdateItem', [TABLE.orderKey('*'), TABLE.requestKey('*')]),
    {
      ...table.items('UpdateItem', [counters]),
      conditions: onlyAttributes('blockedUntilMs', 'orderedAtMs'),
    },
    table.items('DeleteItem', [counters, TABLE.tokenKey('*'), TABLE.mintKey('*'), TABLE.requestKey('*')]),
    { actions: ['lambda:InvokeFunction'], resourceArns: [minterArn] },
    { actions: ['secretsmanager:DescribeSecret'], resourceArns: [secretsArn] },
  ];
}
