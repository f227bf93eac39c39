import { PlumeError } from '../errors.ts';

/** No ticket becomes valid within the time that the caller will wait. */
export class BudgetExhaustedError extends PlumeError<'budget_exhausted'> {
  override readonly name = 'BudgetExhaustedError';

  constructor(message: string, retryAtMs: number) {
    super('budget_exhausted', message, { retryAtMs });
  }
}

/** The WAF refuses the address; the stream makes no calls until the moment to retry at. */
export class BudgetBlockedError extends PlumeError<'budget_blocked'> {
  override readonly name = 'BudgetBlockedError';

  constructor(message: string, retryAtMs: number) {
    super('budget_blocked', message, { retryAtMs });
  }
}

/** An operator has paused the budget. */
export class BudgetPausedError extends PlumeError<'budget_paused'> {
  override readonly name = 'BudgetPausedError';

  constructor(message: string, retryAtMs: number) {
    super('budget_paused', message, { retryAtMs });
  }
}

/** Functions with other settings use the same counter, and together with them the limit would be exceeded. */
export class BudgetSettingsConflictError extends PlumeError<'budget_settings_conflict'> {
  override readonly name = 'BudgetSettingsConflictError';

  constructor(message: string, retryAtMs: number) {
    super('budget_settings_conflict', message, { retryAtMs });
  }
}

/** The shared counter cannot be reached, so no call may be made: the budget fails closed. */
export class BudgetUnavailableError extends PlumeError<'budget_unavailable'> {
  override readonly name = 'BudgetUnavailableError';

  constructor(message: string, retryAtMs: number) {
    super('budget_unavailable', message, { retryAtMs });
  }
}

/** This machine's clock is off by more than the budget allows and no correction is known. */
export class BudgetClockUnreliableError extends PlumeError<'budget_clock_unreliable'> {
  override readonly name = 'BudgetClockUnreliableError';

  constructor(message: string, retryAtMs: number) {
    super('budget_clock_unreliable', message, { retryAtMs });
  }
}

/** The book was closed: its invocation has ended. */
export class BudgetClosedError extends PlumeError<'budget_closed'> {
  override readonly name = 'BudgetClosedError';

  constructor() {
    super(
      'budget_closed',
      'the invocation has already ended, so it gets no more tickets; make the call in another invocation',
    );
  }
}
