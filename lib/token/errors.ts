import { ERROR_KINDS, type ErrorCode, PlumeError } from '../errors.ts';

/** No token can be had for now: `mintCode` says why the minter failed, where it is known. It is tried again by itself. */
export class TokenUnavailableError extends PlumeError<'token_unavailable'> {
  override readonly name = 'TokenUnavailableError';
  /** The code of the mint's failure, such as `invalid_client`. */
  declare readonly mintCode?: ErrorCode;

  constructor(
    client: string,
    { mintCode, retryAtMs }: { readonly mintCode?: ErrorCode | undefined; readonly retryAtMs: number },
  ) {
    const why =
      mintCode === undefined ? 'the minter has not stored one in time' : `the minter failed with ${mintCode}`;
    const isToBeFixed = mintCode !== undefined && ERROR_KINDS[mintCode] === 'fix';
    const what = isToBeFixed ? 'correct the cause, which the minter logs, or try again' : 'try again';
    super(
      'token_unavailable',
      `no access token for client ${client}: ${why}; ${what} at the moment given in retryAtMs`,
      {
        client,
        retryAtMs,
      },
    );
    if (mintCode !== undefined) this.mintCode = mintCode;
  }
}

/** The table that holds the tokens could not be reached, and no token in memory is still alive. `reason` is its name for the error. */
export class TokenStoreUnavailableError extends PlumeError<'token_store_unavailable'> {
  override readonly name = 'TokenStoreUnavailableError';

  constructor(client: string, operation: 'read' | 'write', reason: string) {
    super(
      'token_store_unavailable',
      `the token of client ${client} could not be ${operation === 'read' ? 'read from' : 'written to'} the table (${reason}); check DynamoDB's health and the function's permissions, then try again`,
      { client },
    );
  }
}
