import { existsSync, readFileSync } from 'node:fs';
import * as v from 'valibot';

import { DEFAULT_SECRET_PREFIX } from '../../lib/contract.ts';
import { mayFindTheSame } from './checks.ts';
import { STAGES_SCHEMA, type Stage } from './stage-schema.ts';

/** The file of stages, as it is. */
export interface StagesFile {
  /** For messages. */
  readonly name: string;
  readonly isExample: boolean;
  readonly content: string;
}

/** The user's own file, or the example where there is none: it is not tracked, so that no update of this repository changes it. */
export function findStagesFile(directory = new URL('..', import.meta.url)): StagesFile {
  const isExample = !existsSync(new URL('stages.json', directory));
  const file = isExample ? 'stages.example.json' : 'stages.json';
  return { name: `infra/${file}`, isExample, content: readFileSync(new URL(file, directory), 'utf8') };
}

/**
 * @param stage the context key `stage`
 * @throws {Error} naming the file, the key, the value, and what would be right
 */
export function readStage(file: StagesFile, stage: unknown): Stage {
  const stages = readStages(file);
  const found = stages.find(({ name }) => name === stage);
  if (found === undefined) {
    throw new Error(
      `stage is ${JSON.stringify(stage)}; it must be one of the stages in ${file.name}: ${stages.map(({ name }) => name).join(', ') || 'there are none'}`,
    );
  }
  return found;
}

function readStages({ name: file, content }: StagesFile): readonly Stage[] {
  const result = v.safeParse(STAGES_SCHEMA, parse(file, content));
  if (!result.success) throw new Error(`${file}: ${result.issues.map(sentenceOf).join('; ')}`);
  const { $schema: _, ...byName } = result.output;
  const stages = Object.entries(byName).map(([name, stage]) => ({ ...stage, name }));
  stages.forEach((stage, index) => {
    checkName(file, stage.name);
    const other = stages.slice(0, index).find((earlier) => mayShareSecrets(earlier, stage));
    if (other === undefined) return;
    throw new Error(
      `${file}: stages ${other.name} and ${stage.name} may find the same secrets, so each would mint for all of them: give each its own secretPrefix, neither within the other, or both an account or a region that differs`,
    );
  });
  return stages;
}

function parse(file: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new Error(`${file} is not JSON: ${(error as Error).message}`);
  }
}

/** It becomes a part of the stack's name. */
function checkName(file: string, name: string): void {
  if (/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(name)) return;
  throw new Error(
    `${file}: the stage ${JSON.stringify(name)} must have a name of up to 64 letters, digits and -, beginning with a letter`,
  );
}

/** What a stage does not say of account and region is the shell's to say, so it may be anything. */
function mayShareSecrets(one: Stage, other: Stage): boolean {
  const differ = (key: 'account' | 'region') =>
    one[key] !== undefined && other[key] !== undefined && one[key] !== other[key];
  if (differ('account') || differ('region')) return false;
  const prefixOf = ({ secretPrefix = DEFAULT_SECRET_PREFIX }: Stage) => secretPrefix;
  return mayFindTheSame(prefixOf(one), prefixOf(other));
}

function sentenceOf(issue: v.BaseIssue<unknown>): string {
  const key = v.getDotPath(issue) ?? 'the whole';
  if (issue.expected === 'never') return `${key} is not a known key`;
  if (issue.received === 'undefined') return `${key} is missing; it must be ${issue.message}`;
  return `${key} is ${JSON.stringify(issue.input)}; it must be ${issue.message}`;
}
