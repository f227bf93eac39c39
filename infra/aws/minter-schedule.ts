import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Duration, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

import type { MinterEvent } from '../../lib/contract.ts';
import { grantAll } from './grant.ts';

export interface MinterScheduleProps {
  readonly minter: IFunction;
  /** Whole minutes: EventBridge Scheduler knows no shorter interval. */
  readonly tick: Duration;
  /** Takes the ticks that Scheduler could not deliver. */
  readonly deadLetterQueue: IQueue;
}

/** Invokes the minter once per tick. */
export class MinterSchedule extends Construct {
  constructor(scope: Construct, id: string, { minter, tick, deadLetterQueue }: MinterScheduleProps) {
    super(scope, id);
    const event: MinterEvent = { kind: 'tick' };
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    const granted = grantAll(role, [
      { actions: ['lambda:InvokeFunction'], resourceArns: [minter.functionArn] },
      { actions: ['sqs:SendMessage'], resourceArns: [deadLetterQueue.queueArn] },
    ]);
    const schedule = new Schedule(this, 'Schedule', {
      description: 'Mints tokens before they expire',
      schedule: ScheduleExpression.rate(tick),
      target: new LambdaInvoke(minter, {
        input: ScheduleTargetInput.fromObject(event),
        // The target would add every version of the function.
        role: role.withoutPolicyUpdates(),
        retryAttempts: 2,
        // A tick that comes later than the next one is of no use; Lambda's own queue has a limit of its own.
        maxEventAge: Duration.minutes(1),
        deadLetterQueue,
      }),
    });
    granted.applyBefore(schedule);
  }
}
