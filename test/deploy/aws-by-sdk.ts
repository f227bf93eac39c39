import { readFileSync, writeFileSync } from 'node:fs';

/** The client's module of each service that the chapters name. */
const CLIENTS: Readonly<Record<string, () => Promise<object>>> = {
  cloudformation: () => import('@aws-sdk/client-cloudformation'),
  cloudwatch: () => import('@aws-sdk/client-cloudwatch'),
  dynamodb: () => import('@aws-sdk/client-dynamodb'),
  lambda: () => import('@aws-sdk/client-lambda'),
  secretsmanager: () => import('@aws-sdk/client-secrets-manager'),
  sns: () => import('@aws-sdk/client-sns'),
  sqs: () => import('@aws-sdk/client-sqs'),
};

type Client = new (
  configuration: object,
) => { send(command: object): Promise<Record<string, unknown>>; destroy(): void };

/**
 * Makes the request of `aws <service> <operation> …` through the SDK, and prints its answer as AWS's command line does.
 *
 * @returns the exit code
 */
export async function awsBySdk([service = '', operation = '', ...args]: readonly string[]): Promise<number> {
  const module = (await CLIENTS[service]?.()) as Record<string, unknown> | undefined;
  if (module === undefined) throw new Error(`there is no client for ${service}`);
  const name = pascal(operation);
  const { input, query, asText, file } = parsed(args);
  const clientName = Object.keys(module).find((key) => /^[A-Z]\w+Client$/.test(key) && !key.startsWith('__'));
  const client = new (module[clientName ?? ''] as Client)({});
  const command = new (module[`${name}Command`] as new (input: object) => object)(input);
  try {
    const { $metadata, Payload, ...answer } = await client.send(command);
    if (file !== undefined) writeFileSync(file, Buffer.from(Payload as Uint8Array));
    const picked = query === undefined ? answer : pick(answer, query);
    process.stdout.write(`${asText ? String(picked) : JSON.stringify(picked)}\n`);
    return 0;
  } finally {
    client.destroy();
  }
}

function parsed(args: readonly string[]) {
  const input: Record<string, unknown> = {};
  const others: Record<string, string> = {};
  let file: string | undefined;
  for (let index = 0; index < args.length; index += 1) {
    const [, isNo, option] = /^--(no-)?(.+)$/.exec(args[index] ?? '') ?? [];
    const next = args[index + 1];
    const hasValue = next !== undefined && !next.startsWith('--');
    if (option === undefined) file = args[index];
    else if (isNo || !hasValue) input[pascal(option)] = !isNo;
    else {
      index += 1;
      if (option === 'query' || option === 'output') others[option] = next;
      else input[option === 'notification-endpoint' ? 'Endpoint' : pascal(option)] = inputValue(option, next);
    }
  }
  return { input, query: others.query, asText: others.output === 'text', file };
}

function inputValue(option: string, text: string): unknown {
  if (/-(names)$/.test(option)) return [text];
  if (/^(wait-time-seconds|max-number-of-messages-per-second)$/.test(option)) return Number(text);
  if (text.startsWith('file')) return readFileSync(text.replace(/^fileb?:\/\//, ''), 'utf8');
  return /^(key|item)$/.test(option) ? JSON.parse(text) : text;
}

/** `update-table` → `UpdateTable`. SQS writes `QueueUrl`, as all do. */
function pascal(text: string): string {
  return text.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The two forms of JMESPath that the chapters use: a path, and an output of a stack by its key. */
function pick(answer: Readonly<Record<string, unknown>>, query: string): unknown {
  const [, key] = /^Stacks\[0\]\.Outputs\[\?OutputKey=='(\w+)'\]\.OutputValue$/.exec(query) ?? [];
  if (key === undefined)
    return query.split('.').reduce<unknown>((value, name) => Object(value)[name], answer);
  const [stack] = answer.Stacks as { Outputs?: { OutputKey?: string; OutputValue?: string }[] }[];
  return stack?.Outputs?.find(({ OutputKey }) => OutputKey === key)?.OutputValue ?? '';
}
