import { readFileSync } from 'node:fs';
import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';

import { STAGES_SCHEMA } from '../../../infra/aws/stage-schema.ts';
import { BUDGET_SCHEMA } from '../../../lib/budget/settings.ts';
import { type AnySchema, isRule } from '../../../lib/platform/schema.ts';
import { TOKEN_SCHEMA } from '../../../lib/token/settings.ts';

/**
 * The JSON schema of `infra/stages.json` for editors: the schema of synthesis, with the docstrings of its types as
 * descriptions and the defaults of the settings.
 */
export function stagesForEditors(): JsonSchema {
  // What JSON schema has no word for, such as a rule that is a function, is left to synthesis.
  const schema = toJsonSchema(STAGES_SCHEMA as never, { errorMode: 'ignore' });
  const stage = schema.additionalProperties as JsonSchema;
  annotate(stage, docsOf('infra/aws/stage-schema.ts', 'Stage'));
  const { tokenLife, budget } = propertiesOf(stage);
  annotate(tokenLife, docsOf('lib/token/settings.ts', 'TokenSettings'), TOKEN_SCHEMA);
  annotate(budget, docsOf('lib/budget/settings.ts', 'BudgetSettings'), BUDGET_SCHEMA);
  const { worker, minter } = propertiesOf(budget);
  const stream = docsOf('lib/budget/settings.ts', 'StreamSettings');
  annotate(worker, stream, BUDGET_SCHEMA.worker);
  annotate(minter, stream, BUDGET_SCHEMA.minter);
  return schema;
}

function annotate(
  schema: JsonSchema | undefined,
  docs: Readonly<Record<string, string>>,
  rules: AnySchema = {},
): void {
  for (const [key, property] of Object.entries(propertiesOf(schema))) {
    const rule = rules[key];
    Object.assign(property, {
      description: docs[key],
      ...(rule !== undefined && isRule(rule) && { default: rule.default }),
    });
  }
}

function propertiesOf(schema: JsonSchema | undefined): Readonly<Record<string, JsonSchema>> {
  return (schema?.properties ?? {}) as Readonly<Record<string, JsonSchema>>;
}

/** The docstrings of an interface's members. */
function docsOf(file: string, name: string): Readonly<Record<string, string>> {
  const body = readFileSync(file, 'utf8').split(`export interface ${name} {`)[1]?.split(/^\}/m)[0] ?? '';
  const members = body.matchAll(/\/\*\*([\s\S]*?)\*\/\s*readonly (\w+)\??:/g);
  return Object.fromEntries(
    [...members].map(([, doc = '', key]) => [
      key,
      doc
        .replaceAll(/^\s*\*/gm, '')
        .replace(/@default[\s\S]*/, '')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    ]),
  );
}
