import type { FunctionName } from '../../../bundling.ts';
import type { RunEvent } from '../../run/events.ts';
import type { MetricStore } from './metric-store.ts';
import { type CloudFormationTemplate, idOf } from './template.ts';

const TIMES = new Set(['Seconds', 'Milliseconds']);

/** The functions that alarms and widgets watch: the invoker of a caller function sees its errors. */
type WatchedFunction = Exclude<FunctionName, 'caller'>;

/** Where the stack has the functions of a local run. */
const PATHS: Readonly<Record<WatchedFunction, string>> = {
  minter: 'BrokerMinter',
  inspector: 'BrokerInspector',
  operator: 'BrokerOperator',
  worker: 'WorkerFunction',
};

/**
 * Puts the metrics of functions: those in their logs, and Lambda's own. Other events are ignored.
 *
 * @param secondMs how long one second of CloudWatch lasts here, in ms: spans are as many times longer there
 */
export function putFunctionMetric(
  store: MetricStore,
  event: RunEvent,
  template: CloudFormationTemplate,
  secondMs = 1000,
): void {
  const putOfLambda = (name: string, of: string, value: number): void => {
    if (!isFunction(of)) return;
    const dimensions = { FunctionName: idOf(template, 'AWS::Lambda::Function', PATHS[of]) };
    store.put({ namespace: 'AWS/Lambda', name, dimensions }, value, event.atMs);
  };
  switch (event.kind) {
    case 'metric': {
      const { namespace, metric: name, dimensions, unit, value } = event;
      const scale = TIMES.has(unit) ? 1000 / secondMs : 1;
      store.put({ namespace, name, dimensions }, value * scale, event.atMs);
      break;
    }
    case 'invocation-ended':
      putOfLambda('Errors', event.name, event.error === undefined ? 0 : 1);
      break;
    case 'invocation-throttled':
      putOfLambda('Throttles', event.name, 1);
      break;
  }
}

function isFunction(name: string): name is WatchedFunction {
  return name in PATHS;
}
