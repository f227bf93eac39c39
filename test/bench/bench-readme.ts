import { readFileSync, writeFileSync } from 'node:fs';

import { type BenchReport, formatReport, type Machine } from './report.ts';

const README = new URL('./README.md', import.meta.url);
const INTRODUCTION = `# Benches

What it costs to use the broker, in a function's time and in dollars, beside what people use in its place. Each section is written by its
command with \`--write\`: \`npm run bench -- throughput --write\` for one, \`npm run bench -- --write\` for all. Contenders take turns in
one run, and each target says whether it is met. Of another machine believe the ratios, and of one whose
load is above its cores not even these.
`;

/** Replaces the sections of these benches, and keeps the others as they are. */
export function writeReadme(
  names: readonly string[],
  reports: ReadonlyMap<string, readonly BenchReport[]>,
  machine: Machine,
): void {
  const before = sectionsOf(readFileSync(README, 'utf8'));
  const sections = names.flatMap((name) => {
    const found = reports.get(name);
    const text = found === undefined ? before.get(name) : sectionOf(name, found, machine);
    return text === undefined ? [] : [text];
  });
  writeFileSync(README, [INTRODUCTION, ...sections].join('\n'));
}

/** By the bench's name, which is the section's heading. */
function sectionsOf(readme: string): ReadonlyMap<string, string> {
  const sections = readme.split(/^(?=## )/m).slice(1);
  return new Map(sections.map((text) => [/^## (.*)/.exec(text)?.[1] ?? '', `${text.trimEnd()}\n`]));
}

function sectionOf(name: string, reports: readonly BenchReport[], machine: Machine): string {
  const { cpu, cores, memoryGb, load, node, date } = machine;
  const on = `\`npm run bench -- ${name}\`, on ${date}: ${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}, a load of ${load}.`;
  return [`## ${name}`, '', on, '', ...reports.map(formatReport)].join('\n').trimEnd().concat('\n');
}
