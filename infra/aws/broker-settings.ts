import { Duration, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

import { type BudgetOverrides, budgetSettings } from '../../lib/budget/settings.ts';
import { DEFAULT_SECRET_PREFIX, DEFAULT_SERVICE } from '../../lib/contract.ts';
import type { MinterSettings } from '../../lib/settings.ts';
import { DEFAULT_TOKEN_SETTINGS, type TokenSettings } from '../../lib/token/settings.ts';
import { checkSettings, checkTick, mayFindTheSame } from './checks.ts';
import { inMilliseconds } from './durations.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';

type Settings = Omit<MinterSettings, 'table'>;

/** A broker's settings from its properties, as its functions get them. @throws {Error} if it cannot work: it says which, and why */
export function brokerSettings(broker: Construct, props: TokenBrokerProps): Settings {
  const { apiUrl, serviceName = DEFAULT_SERVICE, secretPrefix = DEFAULT_SECRET_PREFIX } = props;
  const { tick = Duration.millis(DEFAULT_TOKEN_SETTINGS.tickMs) } = props;
  checkTick(tick);
  const settings: Settings = {
    apiUrl,
    service: serviceName,
    metrics: props.metrics ?? 'alarmed',
    tokenLife: {
      ...DEFAULT_TOKEN_SETTINGS,
      ...inMilliseconds<TokenSettings>(props.tokenLife),
      tickMs: tick.toMilliseconds(),
    },
    budget: budgetSettings(inMilliseconds<BudgetOverrides>(props.budget)),
    secretPrefix,
  };
  checkSettings(settings);
  checkNeighbours(broker, settings);
  return settings;
}

const brokers = new WeakMap<Stack, (Settings & { readonly path: string })[]>();

/** Brokers of one stack are in one account and region, where a service and a secret belong to one of them. */
function checkNeighbours(broker: Construct, settings: Settings): void {
  const { path } = broker.node;
  const others = brokers.get(Stack.of(broker)) ?? [];
  for (const other of others) {
    if (other.service === settings.service) {
      throw new Error(
        `${other.path} and ${path} have the same serviceName, ${settings.service}, so their metrics, logs and alarms could not be told apart. Give each its own`,
      );
    }
    if (mayFindTheSame(other.secretPrefix, settings.secretPrefix)) {
      throw new Error(
        `${other.path} and ${path} find the same secrets, so each would mint for all of them: give each its own secretPrefix, neither within the other`,
      );
    }
  }
  brokers.set(Stack.of(broker), [...others, { ...settings, path }]);
}
