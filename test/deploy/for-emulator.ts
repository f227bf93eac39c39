import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

interface Template {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties?: { Tags?: unknown } }>
  >;
  readonly Outputs?: Readonly<Record<string, { Value: unknown }>>;
}

/**
 * Changes a template in what moto, an emulator, does not do: it cannot create a KMS key or a parameter that has tags, and
 * names queues by the host of AWS.
 */
export function forEmulator(file: string): void {
  const template: Template = JSON.parse(readFileSync(file, 'utf8'));
  for (const { Type, Properties } of Object.values(template.Resources))
    if (['AWS::KMS::Key', 'AWS::SSM::Parameter'].includes(Type)) delete Properties?.Tags;
  const endpoint = (process.env.AWS_ENDPOINT_URL ?? '').replace(/\/$/, '');
  for (const output of Object.values(template.Outputs ?? {})) {
    const { Ref: id } = Object(output.Value);
    if (template.Resources[id]?.Type === 'AWS::SQS::Queue')
      output.Value = { 'Fn::Sub': `${endpoint}/\${AWS::AccountId}/\${${id}.QueueName}` };
  }
  writeFileSync(file, JSON.stringify(template));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const file of process.argv.slice(2)) forEmulator(file);
