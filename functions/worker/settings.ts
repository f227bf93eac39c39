import { ENV, isPriority, PRIORITY_RULE, type Priority } from '../../lib/contract.ts';
import { ConfigError } from '../../lib/errors.ts';
import { CLIENT_NAME_RULE, isClientName } from '../../lib/platform/client-name.ts';
import { type Environment, required } from '../../lib/settings.ts';
import type { QueueUrls } from './queues.ts';

/** What the reference worker needs besides its broker. */
export interface JobSettings {
  /** The clients whose calls it makes; the first is that of jobs which name none. */
  readonly clients: readonly [string, ...string[]];
  readonly urls: QueueUrls;
  /** Whether each job that is done has a line in the log. Those that are not done always have one. */
  readonly logsDone: boolean;
  /** Of all its calls. */
  readonly priority: Priority;
}

/** @throws {ConfigError} naming the variable that is missing or wrong */
export function readJobSettings(environment: Environment): JobSettings {
  return {
    clients: readClients(required(environment, 'clients')),
    urls: {
      jobs: required(environment, 'jobQueueUrl'),
      results: required(environment, 'resultQueueUrl'),
      namedResults: readNamedQueues(environment[ENV.resultQueueUrls] || '{}'),
      deadLetters: required(environment, 'deadLetterQueueUrl'),
    },
    logsDone: environment[ENV.logJobs] !== 'false',
    priority: readPriority(environment[ENV.jobPriority] || 'normal'),
  };
}

function readClients(text: string): readonly [string, ...string[]] {
  const clients = text.split(',');
  const [first = '', ...others] = clients;
  if (!clients.every(isClientName))
    throw new ConfigError(`${ENV.clients} must be names of clients between commas, each ${CLIENT_NAME_RULE}`);
  return [first, ...others];
}

function readPriority(text: string): Priority {
  if (isPriority(text)) return text;
  throw new ConfigError(`${ENV.jobPriority} ${PRIORITY_RULE}`);
}

function readNamedQueues(json: string): ReadonlyMap<string, string> {
  try {
    const urls = Object.entries(JSON.parse(json) as Record<string, unknown>);
    if (urls.every((entry): entry is [string, string] => typeof entry[1] === 'string')) return new Map(urls);
  } catch {
    // The same rule is broken.
  }
  throw new ConfigError(`${ENV.resultQueueUrls} must be JSON: an object with queue URLs by name`);
}
