import {
  Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  type IWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';

import type { BudgetStream } from '../../lib/contract.ts';
import type { TokenBroker } from './token-broker.ts';

export interface BrokerDashboardProps {
  readonly broker: TokenBroker;
  readonly alarms: readonly IAlarm[];
  /** Names of the budgets that functions use. */
  readonly budgets: readonly string[];
}

const HALF = 12;
const STREAMS: readonly BudgetStream[] = ['worker', 'minter'];

/** Every metric of the functions on one page: alarms, tokens, calls, jobs. */
export class BrokerDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, { broker, alarms, budgets }: BrokerDashboardProps) {
    super(scope, id);
    this.dashboard = new Dashboard(this, 'Dashboard');
    // By name: emulators of CloudFormation know no attributes of alarms.
    const named = alarms.map(({ alarmName }, index) => Alarm.fromAlarmName(this, `Alarm${index}`, alarmName));
    this.dashboard.addWidgets(new AlarmStatusWidget({ title: 'Alarms', alarms: named, width: 2 * HALF }));
    this.dashboard.addWidgets(
      graph('Tokens minted', [
        broker.metric('TokenMinted', {}),
        broker.metric('MintFailed', {}),
        broker.metric('SecretRejected', {}),
        broker.metric('ClientsFailing', {}, { statistic: 'Maximum' }),
        broker.metric('MinterTick', {}),
      ]),
      graph('Shortest time to expiry, seconds', [
        broker.metric('SecondsToExpiry', {}, { statistic: 'Minimum' }),
      ]),
    );
    this.dashboard.addWidgets(
      graph(
        'Tokens served, by source',
        ['memory', 'table', 'minter'].map((source) =>
          broker.metric('TokenServed', { source }, { label: source }),
        ),
      ),
      graph('Tokens rejected', [
        broker.metric('TokenRejected', {}),
        broker.metric('TokenRecovered', {}),
        broker.metric('ExpiryDisagreement', {}),
      ]),
    );
    for (const budget of budgets) this.dashboard.addWidgets(...budgetWidgets(broker, budget));
    this.dashboard.addWidgets(
      graph('Jobs of the reference worker', [
        broker.metric('JobDone', {}),
        broker.metric('JobPostponed', {}),
        broker.metric('JobFailed', {}),
        broker.metric('JobDead', {}),
      ]),
    );
  }
}

function budgetWidgets(broker: TokenBroker, budget: string): IWidget[] {
  const ofStreams = (
    metric: (dimensions: { budget: string; stream: BudgetStream }) => IMetric[],
  ): IMetric[] => STREAMS.flatMap((stream) => metric({ budget, stream }));
  return [
    graph(`Calls of budget ${budget}`, [
      ...ofStreams((of) => [
        broker.metric('TicketsGranted', of, { label: `granted, ${of.stream}` }),
        broker.metric('TicketsRefused', of, { label: `refused, ${of.stream}` }),
        broker.metric('TicketsVoided', of, { label: `voided, ${of.stream}` }),
      ]),
      broker.metric('WafBlocked', { budget }),
    ]),
    graph(`Waits of budget ${budget}, ms`, [
      ...ofStreams((of) => [
        broker.metric('TicketWait', of, { statistic: 'p50', label: `p50, ${of.stream}` }),
        broker.metric('TicketWait', of, { statistic: 'p99', label: `p99, ${of.stream}` }),
      ]),
      broker.metric('ClockOffset', { budget }),
    ]),
  ];
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: HALF });
}
