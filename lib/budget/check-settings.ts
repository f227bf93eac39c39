import type { BudgetStream } from '../contract.ts';
import { ConfigError } from '../errors.ts';
import type { BudgetSettings } from './settings.ts';
import { boundOf, spanMs } from './tickets.ts';

/**
 * Refuses a budget that cannot keep its promise.
 *
 * @returns the settings, unchanged
 * @throws {ConfigError} naming the setting and the rule, or with the arithmetic if the bound exceeds the limit
 */
export function checkBudgetSettings(settings: BudgetSettings): BudgetSettings {
  require(/^[^#]+$/.test(settings.name), settings, 'name must not be empty nor hold a #');
  for (const key of ['limit', 'windowMs'] as const) {
    require(isWhole(settings[key]) && settings[key] > 0, settings, `${key} must be a positive integer`);
  }
  for (const key of ['clockAllowanceMs', 'networkDelayMs', 'blockMs'] as const) {
    require(isWhole(settings[key]), settings, `${key} must be a whole number of milliseconds`);
  }
  checkStream('worker', settings);
  checkStream('minter', settings);
  const bound = boundOf(settings.worker, settings) + boundOf(settings.minter, settings);
  require(bound <=
    settings.limit, settings, `up to ${bound} calls could reach the WAF in ${settings.windowMs} ms, which allows ${settings.limit}: ` +
    `${arithmetic('worker', settings)}, ${arithmetic('minter', settings)}. ` +
    'Lengthen an interval, shorten a ticket life, or lower the allowances for clock and network');
  return settings;
}

function checkStream(name: BudgetStream, settings: BudgetSettings): void {
  const stream = settings[name];
  for (const key of ['intervalMs', 'ticketLifeMs', 'horizonMs'] as const) {
    require(isWhole(stream[key]) &&
      stream[key] > 0, settings, `${name}.${key} must be a positive whole number of milliseconds`);
  }
  require(isWhole(stream.burstMs), settings, `${name}.burstMs must be a whole number of milliseconds`);
  require(stream.burstMs <=
    stream.ticketLifeMs, settings, `${name}.burstMs (${stream.burstMs}) must not exceed ${name}.ticketLifeMs (${stream.ticketLifeMs}): such a ticket would have expired when taken`);
}

/** `worker floor((300000 + 15000 + 2 × 2000 + 3000) / 170) + 1 = 1895` */
function arithmetic(name: BudgetStream, settings: BudgetSettings): string {
  const stream = settings[name];
  const { windowMs, clockAllowanceMs, networkDelayMs } = settings;
  return (
    `${name} floor((${windowMs} + ${stream.ticketLifeMs} + 2 × ${clockAllowanceMs} + ${networkDelayMs} = ` +
    `${spanMs(stream, settings)}) / ${stream.intervalMs}) + 1 = ${boundOf(stream, settings)}`
  );
}

function require(rule: boolean, settings: BudgetSettings, message: string): asserts rule {
  if (!rule) throw new ConfigError(`call budget ${JSON.stringify(settings.name)}: ${message}`);
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
