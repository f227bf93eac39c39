import { PlumeError } from '../errors.ts';

/** The secret breaks a rule of its format. `rule` says which; what stands in the secret is never repeated. */
export class SecretMalformedError extends PlumeError<'secret_malformed'> {
  override readonly name = 'SecretMalformedError';
  readonly rule: string;

  constructor(client: string, rule: string) {
    super(
      'secret_malformed',
      `the secret of client ${client} is malformed: ${rule}; correct the secret's value`,
      { client },
    );
    this.rule = rule;
  }
}

/** There is no such secret, it has no value, or it is scheduled for deletion. */
export class SecretMissingError extends PlumeError<'secret_missing'> {
  override readonly name = 'SecretMissingError';

  constructor(client: string, secretName: string) {
    super(
      'secret_missing',
      `client ${client} has no secret ${secretName}, or it is scheduled for deletion; create or restore it`,
      { client },
    );
  }
}

/** Secrets Manager could not be asked. `reason` is its name for the error, such as `AccessDeniedException`. */
export class SecretUnavailableError extends PlumeError<'secret_unavailable'> {
  override readonly name = 'SecretUnavailableError';
  readonly reason: string;

  constructor(subject: { readonly client?: string; readonly prefix?: string }, reason: string) {
    const what =
      subject.client === undefined
        ? `the secrets under ${subject.prefix}/ could not be listed`
        : `the secret of client ${subject.client} could not be read`;
    super(
      'secret_unavailable',
      `${what} (${reason}); check Secrets Manager's health, the function's permissions and the secret's key, then try again`,
      { client: subject.client },
    );
    this.reason = reason;
  }
}
