import type { CloudClient } from './clients.ts';
import type { OAuthForm } from './oauth-form.ts';
import { OAuthRefusalError } from './oauth-refusal.ts';

/**
 * Which client sent this. Id and secret are compared as they are: nothing is percent-decoded, unlike RFC 6749
 * section 2.3.1 says, because the vendor's header is made without encoding.
 *
 * @throws {OAuthRefusalError} invalid_request or invalid_client, by the vendor's table
 */
export function authenticateClient(
  { authorization, parameters }: OAuthForm,
  clients: readonly CloudClient[],
): CloudClient {
  const inForm = parameters.has('client_id') || parameters.has('client_secret');
  if (authorization !== undefined && inForm) {
    throw new OAuthRefusalError(
      'invalid_request',
      'Cannot supply multiple client credentials. Use one of the following: credentials in the Authorization header, credentials in the post body, or a client_assertion in the post body.',
    );
  }
  const given = inForm
    ? [parameters.get('client_id') ?? '', parameters.get('client_secret') ?? '']
    : decodeBasic(authorization);
  const client = clients.find(({ clientId }) => clientId === given[0]);
  if (client === undefined) {
    throw new OAuthRefusalError('invalid_client', "Invalid value for 'client_id' parameter.");
  }
  if (client.clientSecret !== given[1]) {
    throw new OAuthRefusalError(
      'invalid_client',
      'The client secret supplied for a confidential client is invalid.',
    );
  }
  return client;
}

function decodeBasic(authorization: string | undefined): [id: string, secret: string] {
  if (authorization === undefined) {
    throw new OAuthRefusalError('invalid_request', 'The request contains no authentication information.');
  }
  const [, base64] = /^basic +(.*)$/i.exec(authorization) ?? [];
  if (base64 === undefined) throw new OAuthRefusalError('invalid_client', 'No client credentials found.');
  const decoded = Buffer.from(base64, 'base64').toString();
  const colon = decoded.indexOf(':');
  if (colon < 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    throw new OAuthRefusalError('invalid_request', 'The basic authentication header is malformed.');
  }
  return [decoded.slice(0, colon), decoded.slice(colon + 1)];
}
