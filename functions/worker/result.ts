/** What became of a job, as the result queue tells it. */
export interface JobResult extends ResultHead {
  /** The API's answer: parsed, where it was JSON. */
  readonly body?: unknown;
  /** True if the answer could not be passed on: too long or too deeply nested for a message, or broken off. */
  readonly bodyOmitted?: boolean;
}

export interface ResultHead {
  /** The id of the job's first message. */
  readonly id: string;
  /** The API's HTTP status. */
  readonly status: number;
  /** Those of the answer's headers that are passed on, by their names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
}

/** SQS takes 256 KiB, with attributes. */
export const MAX_RESULT_BYTES = 250_000;

/**
 * The message of a result. Whatever the API answered there is one, since the call has been made and must not be made again.
 *
 * @param text the answer's body; undefined if it was too long to be read, or broke off
 * @param redact takes access tokens out: an API may repeat what it was sent
 */
export function resultMessage(
  head: ResultHead,
  text: string | undefined,
  redact: (text: string) => string,
): string {
  const message = text === undefined ? undefined : messageOf({ ...head, body: parsedIfJson(text) }, redact);
  return message ?? (messageOf({ ...head, bodyOmitted: true }, redact) as string);
}

/** @returns undefined if it is not one that SQS takes */
function messageOf(result: JobResult, redact: (text: string) => string): string | undefined {
  let json: string;
  try {
    json = JSON.stringify(result);
  } catch {
    // JSON.parse takes arrays in arrays of any depth, JSON.stringify overflows the stack.
    return undefined;
  }
  const message = redact(json).replaceAll(REFUSED_BY_SQS, escaped);
  return Buffer.byteLength(message) <= MAX_RESULT_BYTES ? message : undefined;
}

/** What is not a character of a message (SQS, SendMessage), by code units: some engines refuse the upper planes as well. */
const REFUSED_BY_SQS = /[^\t\n\r -\uD7FF\uE000-\uFFFD]/g;

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function parsedIfJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
