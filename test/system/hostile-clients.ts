import type { ErrorCode } from '../../lib/errors.ts';
import type { Dye } from './dye.ts';
import {
  type Behaviour,
  cut,
  type Given,
  grant,
  halfBody,
  hang,
  html,
  json,
  redirect,
  tenMegabytes,
} from './hostile-cloud.ts';

/** One way in which no token can be had: a secret that breaks a rule, or an answer of the authorization server. */
export interface HostileClient {
  readonly client: string;
  /** What the mint fails with. */
  readonly code: ErrorCode;
  /** @default - in order */
  readonly secret?: string;
  /** @default - a token is granted */
  readonly answer?: Behaviour;
}

/** The header, wherever a server could repeat it. */
const echo = ({ authorization }: Given): Record<string, string> => ({
  'www-authenticate': `Basic realm="${authorization}"`,
  'retry-after': authorization,
  'x-echo': authorization,
});

/** The vendor's error format, with the header and its decoded form in place of a description. */
const oauthError =
  (error: string, status = 400): Behaviour =>
  (given, response) =>
    json(
      status,
      ({ authorization }) => ({
        error: error === 'echo' ? authorization : error,
        error_description: `No: ${authorization}, ${atob(authorization.replace('Basic ', ''))}`,
        error_uri: `https://sso.example/?authorization=${encodeURIComponent(authorization)}`,
      }),
      echo,
    )(given, response);

export function hostileClients(
  secret: Dye,
  token: Dye,
  tokenUrl: (client: string) => string,
): HostileClient[] {
  const header = (text = `id:${secret.secret()}`) => `Basic ${Buffer.from(text).toString('base64')}`;
  const scope = 'partnerId:mocha-partner role:partnerIdAdmin';
  const malformed = (client: string, value: string | object): HostileClient => ({
    client,
    code: 'secret_malformed',
    secret:
      typeof value === 'string'
        ? value
        : JSON.stringify({ authorization: header(), tokenUrl: tokenUrl(client), scope, ...value }),
  });
  return [
    malformed('not-json', `authorization=${header()}`),
    malformed('half-json', JSON.stringify({ authorization: header() }).slice(0, -5)),
    malformed('a-string', JSON.stringify(header())),
    malformed('an-array', JSON.stringify([header()])),
    malformed('no-scheme', { authorization: header().slice(6) }),
    malformed('bearer', { authorization: `Bearer ${secret.secret()}` }),
    malformed('not-base64', { authorization: `Basic id:${secret.secret()}` }),
    malformed('cut-base64', { authorization: header().slice(0, -3) }),
    malformed('white-space', { authorization: ` ${header()}\n` }),
    malformed('no-colon', { authorization: header(secret.secret().replaceAll(':', '')) }),
    malformed('control-character', { authorization: header(`id:${secret.secret()}\r\nX: y`) }),
    malformed('not-a-string', { authorization: { value: header() } }),
    malformed('both', { clientId: 'id', clientSecret: secret.secret() }),
    malformed('bad-pair', { authorization: undefined, clientId: `id:${secret.secret()}`, clientSecret: 's' }),
    malformed('http-url', { tokenUrl: `http://sso.example/${secret.secret()}/token` }),
    malformed('url-with-password', { tokenUrl: `https://id:${secret.word}@sso.example/v1/token` }),
    malformed('no-url', { tokenUrl: secret.secret() }),
    malformed('other-url', { tokenUrl: `https://sso.example/${secret.word}` }),
    malformed('bad-scope', { scope: secret.secret() }),
    malformed('no-scope', { scope: undefined }),

    ...(['invalid_grant', 'invalid_request', 'invalid_scope', 'unsupported_grant_type'] as const).map(
      (code): HostileClient => ({ client: code.replaceAll('_', '-'), code, answer: oauthError(code) }),
    ),
    { client: 'invalid-client', code: 'invalid_client', answer: oauthError('invalid_client', 401) },
    { client: 'challenge', code: 'invalid_client', answer: json(401, () => ({}), echo) },
    { client: 'html-401', code: 'invalid_client', answer: html(401) },
    { client: 'echoed-error', code: 'oauth_error_unknown', answer: oauthError('echo') },
    { client: 'json-403', code: 'oauth_error_unknown', answer: oauthError('access_denied', 403) },
    { client: 'html-503', code: 'oauth_unavailable', answer: html(503) },
    { client: 'json-500', code: 'oauth_unavailable', answer: oauthError('server_error', 500) },
    { client: 'throttled', code: 'oauth_throttled', answer: oauthError('slow_down', 429) },
    { client: 'half-body', code: 'oauth_unavailable', answer: halfBody },
    { client: 'cut', code: 'oauth_unavailable', answer: cut },
    { client: 'hang', code: 'oauth_unavailable', answer: hang },
    { client: 'ten-megabytes', code: 'oauth_response_invalid', answer: tenMegabytes },
    { client: 'redirect', code: 'oauth_response_invalid', answer: redirect },
    { client: 'html-200', code: 'oauth_response_invalid', answer: html(200) },
    {
      client: 'broken-json',
      code: 'oauth_response_invalid',
      answer: (given, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(`{"access_token":"${token.secret()}","authorization":${given.authorization}`);
      },
    },
    ...[
      { access_token: token.secret() },
      { access_token: token.secret(), token_type: 'mac' },
      { access_token: `${token.secret()}\n`, token_type: 'Bearer' },
      { access_token: [token.secret()], token_type: 'Bearer' },
    ].map(
      (body, index): HostileClient => ({
        client: `not-a-grant-${index}`,
        code: 'oauth_response_invalid',
        answer: json(200, () => body),
      }),
    ),
    {
      client: 'expired',
      code: 'token_expired_on_arrival',
      answer: grant(token, { lifetimeSeconds: 0 }),
    },
  ];
}
