/** An error of the token or introspection endpoint, in the vendor's format (RFC 6749 section 5.2). */
export class OAuthRefusalError extends Error {
  override readonly name = 'OAuthRefusalError';
  readonly error: OAuthErrorCode;

  constructor(error: OAuthErrorCode, description: string) {
    super(description);
    this.error = error;
  }

  /** Only a failed authentication is a 401, and then says how to authenticate. */
  get status(): number {
    return this.error === 'invalid_client' ? 401 : 400;
  }

  get headers(): Record<string, string> {
    return this.error === 'invalid_client' ? { 'www-authenticate': 'Basic realm="plume"' } : {};
  }

  get body(): { error: string; error_description: string } {
    return { error: this.error, error_description: this.message };
  }
}

/** The vendor's table of errors. */
export type OAuthErrorCode =
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_request'
  | 'invalid_scope'
  | 'unsupported_grant_type';
