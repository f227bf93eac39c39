import {
  type EndpointUrl,
  type EndpointUse,
  introspectUrlOf,
  parseEndpointUrl,
} from '../platform/endpoint-url.ts';
import { type BasicHeader, buildBasicHeader, parseBasicHeader } from './basic-header.ts';
import { SecretMalformedError } from './errors.ts';

/**
 * The scope of an M2M token: `partnerId:<partner> role:partnerIdAdmin` (vendor document, error table of the token
 * endpoint). The partner's characters are those of a scope token (RFC 6749 section 3.3).
 */
const PARTNER_SCOPE = /^partnerId:[\x21\x23-\x5b\x5d-\x7e]+ role:partnerIdAdmin$/;

/** What a client's secret says. */
export interface Credentials {
  readonly client: string;
  readonly clientId: string;
  /** Secret: the header as it is sent. Not enumerable, so that it stays out of logs and serialisations. */
  readonly authorization: string;
  readonly tokenUrl: string;
  /** The secret's `introspectUrl`, or `tokenUrl` with `introspect` for its last segment `token`. */
  readonly introspectUrl: string;
  /** `partnerId:<partner> role:partnerIdAdmin` */
  readonly scope: string;
}

/**
 * Reads a secret's value: JSON of `{ authorization, tokenUrl, scope, introspectUrl? }`, with `clientId` and
 * `clientSecret` accepted in place of `authorization`. Other keys are ignored.
 *
 * @throws {SecretMalformedError} naming the rule that failed, never the value
 */
export function parseCredentials(client: string, secretString: string, use?: EndpointUse): Credentials {
  const fail = (rule: string): never => {
    throw new SecretMalformedError(client, rule);
  };
  const secret = parseObject(secretString) ?? fail(jsonRule(secretString));
  const text = (key: string): string => {
    const value = Object.hasOwn(secret, key) ? secret[key] : undefined;
    if (value === undefined) return fail(`${key} is missing`);
    return typeof value === 'string' ? value : fail(`${key} must be a string`);
  };
  const url = (key: string): string => {
    const parsed: EndpointUrl = parseEndpointUrl(text(key), use);
    return 'rule' in parsed ? fail(`${key} ${parsed.rule}`) : parsed.url;
  };

  const hasPair = Object.hasOwn(secret, 'clientId') || Object.hasOwn(secret, 'clientSecret');
  if (hasPair && Object.hasOwn(secret, 'authorization')) {
    fail('it must hold either authorization or clientId and clientSecret, not both');
  }
  const header: BasicHeader = hasPair
    ? buildBasicHeader(text('clientId'), text('clientSecret'))
    : parseBasicHeader(text('authorization'));
  if ('rule' in header) {
    return fail(`${hasPair ? 'clientId and clientSecret' : 'authorization'} ${header.rule}`);
  }
  const tokenUrl = url('tokenUrl');
  const introspectUrl = Object.hasOwn(secret, 'introspectUrl')
    ? url('introspectUrl')
    : (introspectUrlOf(tokenUrl) ?? fail('tokenUrl must end in /token, or introspectUrl must be given'));
  const scope = text('scope');
  if (!PARTNER_SCOPE.test(scope)) {
    fail('scope must follow partnerId:<partner> role:partnerIdAdmin, with one space between');
  }

  const credentials = { client, clientId: header.clientId, tokenUrl, introspectUrl, scope };
  return Object.defineProperty(credentials, 'authorization', { value: header.authorization }) as Credentials;
}

/** What is wrong with a secret's text that is not a JSON object. Editors and shells change some characters unseen. */
function jsonRule(text: string): string {
  if (text.startsWith('\uFEFF'))
    return 'it begins with a byte order mark (BOM), as PowerShell and some editors write it; store it as UTF-8 without one';
  if (/[\u2018-\u201F]/.test(text))
    return 'it has curly quotes, as word processors write them; JSON needs straight ones (")';
  return 'it must be a JSON object';
}

function parseObject(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    // The parser's error quotes what it could not parse.
    return undefined;
  }
}
