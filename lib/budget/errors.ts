import { PlumeError } from '../errors.ts';

/** No ticket becomes good within the time that the caller will wait. */
export class BudgetExhausted extends PlumeError {
  constructor(message: string, retryAtMs: number) {
    super('budget_exhausted', message, { retryAtMs });
  }
}

/** The WAF has refused a call; nobody calls until the moment to retry at. */
export class BudgetBlocked extends PlumeError {
  constructor(message: string, retryAtMs: number) {
    super('budget_blocked', message, { retryAtMs });
  }
}

/** The shared counter cannot be reached, so no call may be made: the budget fails closed. */
export class BudgetUnavailable extends PlumeError {
  constructor(message: string, retryAtMs: number) {
    super('budget_unavailable', message, { retryAtMs });
  }
}

/** This machine's clock is off by more than the budget allows and no correction is known. */
export class BudgetClockUnreliable extends PlumeError {
  constructor(message: string, retryAtMs: number) {
    super('budget_clock_unreliable', message, { retryAtMs });
  }
}

/** The book was closed: its invocation has ended. */
export class BudgetClosed extends PlumeError {
  constructor() {
    super('budget_closed', 'the invocation that this book of tickets belonged to has ended');
  }
}
