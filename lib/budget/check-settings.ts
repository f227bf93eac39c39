import type { BudgetStream } from '../contract.ts';
import { ConfigError } from '../errors.ts';
import { violationOf } from '../platform/schema.ts';
import { BUDGET_SCHEMA, type BudgetSettings } from './settings.ts';
import { boundOf, spanMs } from './tickets.ts';

/**
 * Refuses a budget that cannot keep its promise.
 *
 * @returns the settings, unchanged
 * @throws {ConfigError} naming the setting and the rule, or with the arithmetic if the bound exceeds the limit
 */
export function checkBudgetSettings(settings: BudgetSettings): BudgetSettings {
  const violation = violationOf(BUDGET_SCHEMA, settings, 'budget');
  if (violation !== undefined) throw new ConfigError(violation);
  checkBurst('worker', settings);
  checkBurst('minter', settings);
  const bound = boundOf(settings.worker, settings) + boundOf(settings.minter, settings);
  if (bound <= settings.limit) return settings;
  throw new ConfigError(
    `call budget ${settings.name}: up to ${bound} calls could reach the WAF in ${settings.windowMs} ms, which allows ${settings.limit}: ` +
      `${arithmetic('worker', settings)}, ${arithmetic('minter', settings)}. ` +
      'Lengthen an interval, shorten a ticket life, or lower the allowances for clock and network',
  );
}

function checkBurst(name: BudgetStream, settings: BudgetSettings): void {
  const { burstMs, ticketLifeMs } = settings[name];
  if (burstMs <= ticketLifeMs) return;
  throw new ConfigError(
    `call budget ${settings.name}: ${name}.burstMs (${burstMs}) must not exceed ${name}.ticketLifeMs (${ticketLifeMs}): such a ticket would have expired when taken`,
  );
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
