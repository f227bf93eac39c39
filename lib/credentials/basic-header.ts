/**
 * The header that the vendor hands over: `Basic base64(clientId:clientSecret)` (RFC 7617, vendor document).
 *
 * It is sent as it is stored, since servers compare it raw. So it must be a legal header as it stands: white
 * space around it is refused rather than trimmed. The scheme's case is free (RFC 9110 section 11.1).
 */

const BASIC = /^basic ([A-Za-z0-9+/]+={0,2})$/i;
const CONTROL = /\p{Cc}/u;

export type BasicHeader =
  | { readonly authorization: string; readonly clientId: string }
  /** What the value breaks, as the end of a sentence that starts with its name. */
  | { readonly rule: string };

export function parseBasicHeader(authorization: string): BasicHeader {
  if (authorization !== authorization.trim()) return { rule: 'must have no white space around it' };
  const base64 = BASIC.exec(authorization)?.[1];
  if (base64 === undefined) return { rule: 'must be "Basic", one space and base64' };
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) return { rule: 'must be complete base64 with its padding' };
  const decoded = utf8(bytes);
  if (decoded === undefined) return { rule: 'must decode to UTF-8 text' };
  const colon = decoded.indexOf(':');
  if (colon === -1) return { rule: 'must decode to a client id and a client secret with a colon between' };
  const rule = pairRule(decoded.slice(0, colon), decoded.slice(colon + 1));
  if (rule !== undefined) return { rule };
  return { authorization, clientId: decoded.slice(0, colon) };
}

/** The header of a pair, raw: without the percent-encoding of RFC 6749 section 2.3.1, which servers do not undo. */
export function buildBasicHeader(clientId: string, clientSecret: string): BasicHeader {
  if (clientId.includes(':')) return { rule: 'must have a client id without a colon' };
  const rule = pairRule(clientId, clientSecret);
  if (rule !== undefined) return { rule };
  return {
    authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
    clientId,
  };
}

function pairRule(clientId: string, clientSecret: string): string | undefined {
  if (clientId === '') return 'must hold a client id that is not empty';
  if (clientSecret === '') return 'must hold a client secret that is not empty';
  if (CONTROL.test(clientId) || CONTROL.test(clientSecret)) return 'must hold no control character';
  if (!clientId.isWellFormed() || !clientSecret.isWellFormed()) return 'must hold well-formed text only';
  return undefined;
}

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
