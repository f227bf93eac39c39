import { PlumeError } from '../errors.ts';

/** The table with the minter's own items could not be reached. Nothing is lost: the next tick tries again. */
export class ClientRecordsUnavailableError extends PlumeError<'token_store_unavailable'> {
  override readonly name = 'ClientRecordsUnavailableError';

  constructor(operation: 'read' | 'write', reason: string, client?: string) {
    super(
      'token_store_unavailable',
      `the minter's record${client === undefined ? 's' : ` of client ${client}`} could not be ${
        operation === 'read' ? 'read from' : 'written to'
      } the table (${reason}); check DynamoDB's health and the function's permissions`,
      { client },
    );
  }
}

/** Reading a secret is eventually consistent: the version that the list of secrets shows is not readable yet. */
export class SecretOutdatedError extends PlumeError<'secret_unavailable'> {
  override readonly name = 'SecretOutdatedError';

  constructor(client: string) {
    super(
      'secret_unavailable',
      `the secret of client ${client} has changed, but Secrets Manager still returns the old version; the minter reads it again at the next tick`,
      { client },
    );
  }
}

/** The authorization server issued a token that can never be served. It is not stored. */
export class TokenExpiredOnArrivalError extends PlumeError<'token_expired_on_arrival'> {
  override readonly name = 'TokenExpiredOnArrivalError';

  constructor(client: string, secondsLeft: number) {
    super(
      'token_expired_on_arrival',
      `the authorization server gave client ${client} a token with ${secondsLeft} s left, which is less than the grace period; check the lifetime set for the client and the clocks`,
      { client },
    );
  }
}
