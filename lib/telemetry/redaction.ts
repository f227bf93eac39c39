/**
 * The second safeguard. The first is that no secret is passed to a log; this one catches what a
 * mistake would let through.
 */

export const REDACTED = '[redacted]';
const SECRET_KEY =
  /authorization|secret(?!Version|Prefix|Name|_)|password|cookie|access_?token|assertion|^token$/i;
const SECRET_TEXT: readonly RegExp[] = [
  /\b(Basic|Bearer)\s+[A-Za-z0-9+/_~.=-]{6,}/gi,
  /\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*/g,
  /\b(access_token|client_secret|token)=[^&\s"]+/gi,
];

export function redactText(text: string): string {
  return SECRET_TEXT.reduce((redacted, pattern) => redacted.replace(pattern, REDACTED), text);
}

/** A replacer for `JSON.stringify`. */
export function redactingReplacer(key: string, value: unknown): unknown {
  if (SECRET_KEY.test(key) && value !== undefined && value !== null) return REDACTED;
  return typeof value === 'string' ? redactText(value) : value;
}
