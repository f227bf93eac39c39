/**
 * What a stack of your own imports: the broker, and what watches it. `METRICS` and `MINT_FAILURES` are there for their
 * types: they cannot be used as values.
 *
 * @packageDocumentation
 */

export type { BudgetSettings, StreamSettings, WafRuleName } from '../../lib/budget/settings.ts';
export type {
  BudgetStream,
  METRICS,
  MetricChoice,
  MetricName,
  MINT_FAILURES,
  MintFailure,
} from '../../lib/contract.ts';
export type { BrokerSettings, WorkerSettings } from '../../lib/settings.ts';
export type { TokenSettings } from '../../lib/token/settings.ts';
export type { EnvironmentOptions, GrantUseOptions, ITokenBroker } from './broker-access.ts';
export type { NetworkProps } from './broker-function.ts';
export type { DimensionsOf, MetricChoices } from './broker-metric.ts';
export type { TableEncryption } from './broker-table.ts';
export type { CallerOptions } from './caller-functions.ts';
export type { TokenBrokerAttributes } from './imported-token-broker.ts';
export { Monitoring, type MonitoringProps } from './monitoring.ts';
export type { BudgetOptions, StreamOptions, TokenLifeOptions } from './settings-props.ts';
export { TokenBroker } from './token-broker.ts';
export type { TokenBrokerProps } from './token-broker-props.ts';
export type { Watched, WatchedBudget } from './watched.ts';
