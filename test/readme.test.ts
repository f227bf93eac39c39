import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import * as dynamodb from '@aws-sdk/client-dynamodb';
import * as lambda from '@aws-sdk/client-lambda';
import * as secretsManager from '@aws-sdk/client-secrets-manager';
import * as sqs from '@aws-sdk/client-sqs';
import { afterAll, describe, expect, test } from 'vitest';

import { REQUEST_HEADERS } from '../functions/worker/headers.ts';
import { parseJob } from '../functions/worker/job.ts';
import type { JobResult } from '../functions/worker/result.ts';
import { LOG_QUERIES } from '../infra/aws/log-queries.ts';
import { readStage } from '../infra/aws/stages.ts';
import { BUDGET_SCHEMA } from '../lib/budget/settings.ts';
import { ENV } from '../lib/contract.ts';
import { parseCredentials } from '../lib/credentials/credentials.ts';
import { ERROR_KINDS } from '../lib/errors.ts';
import { defaultsOf } from '../lib/platform/schema.ts';
import { RESPONSE_HEADERS } from '../lib/plume/answer-headers.ts';
import { MINTER_SCHEMA, WORKER_SCHEMA } from '../lib/settings.ts';
import { TOKEN_SCHEMA } from '../lib/token/settings.ts';
import { type AwsRequest, refusalsOf, type Statement } from './fixtures/iam/account.ts';
import { ACCOUNT, REGION } from './fixtures/iam/cloudformation.ts';
import { stagesForEditors } from './infra/aws/stages-for-editors.ts';
import { synth } from './infra/aws/synth.ts';

/** Every block of code in README and its chapters is compiled, parsed or looked up here; every table is held against the code. */

const chapters: ReadonlyMap<string, string> = new Map(
  globSync(
    [
      'README.md',
      '{lib,functions,infra,test}/**/*.md',
      '.github/{CONTRIBUTING,SECURITY}.md',
      '.github/decisions/*.md',
    ],
    { exclude: ['**/node_modules'] },
  ).map((file) => [file, readFileSync(file, 'utf8')]),
);
/** All chapters as one text. */
const readme = [...chapters.values()].join('\n');
const { scripts, name: PACKAGE } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
  name: string;
};

interface Block {
  readonly language: string;
  /** What follows the language: a file's path, or what the JSON is. */
  readonly label: string;
  readonly code: string;
}

const blocks: readonly Block[] = [...readme.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language = '', label = '', code = '']) => ({ language, label, code }),
);
const of = (language: string) => blocks.filter((block) => block.language === language);

test('there is no block of a kind that nobody checks', () => {
  expect(new Set(blocks.map(({ language }) => language))).toEqual(
    // YAML and HCL: test/infra/command/examples.test.ts; Python: test/system/caller-function.test.ts.
    new Set(['sh', 'ts', 'json', 'text', 'yaml', 'hcl', 'python']),
  );
});

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  return [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

test('every link leads to a file and a heading that are there', () => {
  const broken = [...chapters].flatMap(([file, text]) =>
    [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)]
      .filter(([, path = '', anchor]) => {
        const target = path === '' ? file : join(dirname(file), path);
        if (!existsSync(target)) return true;
        return (
          anchor !== undefined &&
          !anchorsOf(chapters.get(target) ?? readFileSync(target, 'utf8')).includes(anchor)
        );
      })
      .map(([link]) => `${file}: ${link}`),
  );
  expect(broken).toEqual([]);
});

test('every chapter is reached from README.md', () => {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file) || !chapters.has(file)) return;
    reached.add(file);
    for (const [, path = ''] of (chapters.get(file) ?? '').matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g))
      visit(join(dirname(file), path));
  };
  visit('README.md');
  expect([...chapters.keys()].filter((file) => !reached.has(file))).toEqual([]);
});

describe('troubleshooting', () => {
  /** What is said by others: npm, TypeScript, esbuild, jest and the CDK. */
  const OF_OTHERS =
    /^(This stack uses assets|Cannot use import|Dynamic require|E[A-Z0-9]{3,} |TS\d{4}|Must use import|skipped: )/;
  const sources = globSync('{lib,functions,infra}/**/*.ts')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
    // Sentences that the code puts together from parts, and quotes in them.
    .replaceAll(/'\s*\+\s*'|\\(?=')/g, '');

  test('each message is one that the code prints', () => {
    const rows = (chapters.get('lib/troubleshooting.md') ?? '').matchAll(/^\| (`[^|]+`) \|/gm);
    const messages = [...rows].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text),
    );
    expect(messages.length).toBeGreaterThan(20);
    const ofOurs = messages.filter((message) => !OF_OTHERS.test(message));
    const unknown = ofOurs.filter(
      (message) => !message.split('…').every((part) => sources.includes(part.trim())),
    );
    expect(unknown).toEqual([]);
  });
});

describe('TypeScript', () => {
  const project = mkdtempSync(join(tmpdir(), 'readme-'));
  afterAll(() => rmSync(project, { recursive: true }));

  test('compiles where its label says it stands', () => {
    for (const name of ['node_modules', 'package.json']) symlinkSync(resolve(name), join(project, name));
    for (const name of ['lib', 'infra']) cpSync(name, join(project, name), { recursive: true });
    const config = {
      extends: resolve('tsconfig.json'),
      include: of('ts').map(({ label }) => label),
      // The package by its own name, before it is built.
      compilerOptions: {
        paths: {
          'plume-m2m-token-broker': ['./lib/index.ts'],
          'plume-m2m-token-broker/cdk': ['./infra/aws/index.ts'],
          'plume-m2m-token-broker/testing': ['./infra/testing/index.ts'],
        },
      },
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
    for (const { label, code } of of('ts')) {
      expect(label).toMatch(/^[\w/-]+\.ts$/);
      mkdirSync(dirname(join(project, label)), { recursive: true });
      writeFileSync(join(project, label), code);
    }
    const { stdout, status } = spawnSync(resolve('node_modules/.bin/tsc'), ['-p', project], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});

describe('commands', () => {
  const AWS = {
    secretsmanager: secretsManager,
    lambda,
    sqs,
    cloudformation: {
      DescribeStacksCommand: true,
      UpdateTerminationProtectionCommand: true,
      DeleteStackCommand: true,
    },
    dynamodb,
    ssm: { GetParameterCommand: true },
    sns: { SubscribeCommand: true },
    cloudwatch: { SetAlarmStateCommand: true, DescribeAlarmHistoryCommand: true },
  } as Readonly<Record<string, object>>;
  const scriptsOfBash = of('sh').map(({ code }) => code.replaceAll('\\\n', ' ').replaceAll(/\s#.*$/gm, ''));
  const commands = scriptsOfBash.flatMap((code) =>
    [...code.matchAll(/(?:^|&& |\{ |\$\(|\| |^\w+=\S+ )(npm|npx|aws|bash) (\S+)(?: (\S+))?/gm)].map((match) =>
      match.slice(1),
    ),
  );

  test.each(scriptsOfBash)('is a script: %s', (code) => {
    expect(() => execFileSync('bash', ['-n'], { input: code, stdio: 'pipe' })).not.toThrow();
  });

  test.each(commands)('%s %s %s', (program, first = '', second = '') => {
    if (program === 'npm' && !['ci', 'init', 'install', 'pack', 'pkg'].includes(first))
      expect(scripts).toHaveProperty([first === 'run' ? second : first]);
    if (program === 'npx' && first !== 'vitest')
      expect(
        { cdk: ['bootstrap', 'synth', 'deploy', 'destroy', 'drift'], '--no': [PACKAGE] }[first],
      ).toContain(second);
    if (program === 'bash') expect(first).toBe('.ci/run');
    if (program === 'aws') {
      const command = second.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
      expect(AWS[first]).toHaveProperty([`${command}Command`]);
    }
  });
});

describe('JSON', () => {
  const TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:alarms`;
  const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/mine`;
  const on = (of: string, code: string): Statement => ({ kind: 'resource', of, body: JSON.parse(code) });
  const alarm = (action: string, resource: string): AwsRequest => ({
    purpose: 'an alarm is raised',
    principal: 'cloudwatch.amazonaws.com',
    action,
    resource,
    context: { 'aws:SourceAccount': ACCOUNT },
  });

  test.each(of('json'))('$label', async ({ label, code }) => {
    switch (label) {
      case 'secret':
        expect(parseCredentials('mocha', code).clientId).toBe('mocha-id');
        break;
      case 'infra/stages.json':
        expect(readStage({ name: label, isExample: false, content: code }, 'dev').client).toBe('mocha');
        break;
      case 'job':
        expect(
          parseJob(code, { clients: ['mocha', 'latte'], resultQueues: new Set(['billing']) }).method,
        ).toBe('POST');
        break;
      case 'result':
        expect(JSON.parse(code) satisfies JobResult).toMatchObject({ status: 201 });
        break;
      case 'topic policy':
        expect(await refusalsOf([alarm('sns:Publish', TOPIC)], [on(TOPIC, code)])).toEqual([]);
        break;
      case 'key policy': {
        const requests = ['kms:Decrypt', 'kms:GenerateDataKey'].map((action) => alarm(action, KEY));
        expect(await refusalsOf(requests, [on(KEY, code)])).toEqual([]);
        break;
      }
      case 'call':
      case 'answer':
      case 'calls.asl.json':
        expect(readFileSync('test/system/caller-function.test.ts', 'utf8')).toContain(`json ${label}`);
        break;
      default:
        expect.fail(`nobody checks ${label}`);
    }
  });
});

/** The first cells of all rows of a section, taken apart: `a`, `b`. */
function firstCells(section: string): string[] {
  const start = readme.indexOf(`\n${section}`);
  expect(start, section).toBeGreaterThan(0);
  const body = readme.slice(start + 1 + section.length).split(/^#{2,3} /m)[0] ?? '';
  return [...body.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
}

/** The last cells of a section's rows by their first cells: of two names in a row, two values or one for both. */
function defaultsIn(chapter: string, section: string): Readonly<Record<string, string | number>> {
  const body = (chapters.get(chapter) ?? '').split(`\n${section}\n`)[1]?.split(/^#{2,3} /m)[0] ?? '';
  const rows = body.matchAll(/^\| (`.*?) \|.* \| (.*?) \|$/gm);
  return Object.fromEntries(
    [...rows].flatMap(([, names = '', last = '']) => {
      const values = last.split(', ');
      const found = [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
      if (found.length === 1) return [[found[0], contentOf(last)]];
      return found.map((name, index) => [name, contentOf(values[index] ?? last)]);
    }),
  );
}

function contentOf(cell: string): string | number {
  const text = cell.replaceAll('`', '');
  return /^\d+$/.test(text) ? Number(text) : text;
}

describe('tables', () => {
  test('every alarm has its row', () => {
    const alarms = Object.values(synth().findResources('AWS::CloudWatch::Alarm'));
    const names = alarms.map(({ Properties }) => /^Test-(\w+)(?:-default)?$/.exec(Properties.AlarmName)?.[1]);
    expect(firstCells('## Dashboard and alarms').sort()).toEqual(names.sort());
  });

  test("the mail of the alarm drill has the alarm's description", () => {
    const [, shown = ''] = /^- Description: +(.+)$/m.exec(chapters.get('infra/aws/alarms.md') ?? '') ?? [];
    const alarms = Object.values(synth().findResources('AWS::CloudWatch::Alarm'));
    const drilled = alarms.find(({ Properties }) => Properties.AlarmName === 'Test-DeadTicks');
    const parts: readonly unknown[] = drilled?.Properties.AlarmDescription['Fn::Join'][1];
    const texts = parts.map((part) => (typeof part === 'string' ? part : '…'));
    expect(shown.replace('] dev:', '] test:')).toBe(texts.join(''));
  });

  test('every saved query has its row', () => {
    expect(firstCells('### Saved queries').sort()).toEqual(Object.keys(LOG_QUERIES).sort());
  });

  test('every error code has its row, with its kind, and every row its code', () => {
    const rows = [...readme.matchAll(/^\| (`\w+`(?:, `\w+`)*) \| (wait|fix|retry|give up) \|/gm)].flatMap(
      ([, codes = '', kind = '']) => [...codes.matchAll(/\w+/g)].map(([code]) => [code, kind]),
    );
    expect(Object.fromEntries(rows)).toEqual(ERROR_KINDS);
  });

  test("every header that passes through the reference worker is named in the worker's chapter", () => {
    const chapter = chapters.get('functions/worker/README.md') ?? '';
    for (const name of [...REQUEST_HEADERS, ...RESPONSE_HEADERS]) expect(chapter).toContain(name);
  });

  test('every environment variable has its row', () => {
    expect(firstCells('### The environment of a function').sort()).toEqual(Object.values(ENV).sort());
  });

  test('every key of a stage has its row', () => {
    const stage = stagesForEditors().additionalProperties as { readonly properties: object };
    expect(firstCells('### Stages').sort()).toEqual(Object.keys(stage.properties).sort());
  });

  test('every key of the broker has its row', () => {
    expect(firstCells('### What `PLUME_BROKER` holds').sort()).toEqual(
      Object.keys({ ...WORKER_SCHEMA, ...MINTER_SCHEMA }).sort(),
    );
  });

  test('every setting has its row and its default', () => {
    const { worker, minter, ...budget } = BUDGET_SCHEMA;
    const streams = Object.entries(worker).map(([key, rule]) => [
      `….${key}`,
      `${rule.default}, ${minter[key as keyof typeof minter].default}`,
    ]);
    expect(defaultsIn('lib/budget/README.md', '## Settings')).toEqual({
      ...defaultsOf(budget),
      worker: 'see below',
      minter: 'see below',
      ...Object.fromEntries(streams),
    });
    expect(defaultsIn('lib/minter/README.md', '## The life of tokens')).toEqual({
      ...defaultsOf(TOKEN_SCHEMA),
      introspectEveryMs: 'never',
    });
  });
});
