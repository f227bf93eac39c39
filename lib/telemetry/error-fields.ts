import { isPlumeError } from '../errors.ts';
import { redactText } from './redaction.ts';

/**
 * What a log says of an error. This library's errors are logged whole; of other errors only the name, the message and the
 * stack are taken, redacted, and never the cause or other fields: they can hold requests and responses.
 */
export function errorFields(error: unknown): Readonly<Record<string, unknown>> {
  if (isPlumeError(error)) return error.toJSON();
  if (!(error instanceof Error)) return { name: typeof error };
  return { name: error.name, message: redactText(error.message), stack: redactText(error.stack ?? '') };
}
