/** What a stack of your own imports: the broker, and what watches it. */

export type { FunctionNetwork } from './broker-function.ts';
export { Monitoring, type MonitoringProps } from './monitoring.ts';
export { type GrantUseOptions, TokenBroker } from './token-broker.ts';
export type { BudgetOptions, TokenBrokerProps, TokenOptions } from './token-broker-props.ts';
export type { Watched, WatchedBudget } from './watched.ts';
