import { execFile, execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { build, type Metafile } from 'esbuild';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { extract } from '../../infra/package/extract.ts';
import { ERROR_KINDS } from '../../lib/errors.ts';
import { type Installed, install, PACKAGE, pack } from './installed.ts';
import { type LocalBroker, startLocalBroker } from './local-broker.ts';
import { COMMONJS, type Compiled, createProjects, type Project, runtimesIn } from './project.ts';
import { PATIENCE_MS, testOldestVersions, testProject } from './versions.ts';

/** The npm package as others get it: packed, unpacked, and used from another directory. */

let folder: string;
let tarball: string;
let installed: Installed;
let compiled: Compiled;
let broker: LocalBroker;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plume-pack-'));
  tarball = pack(folder);
  installed = install(tarball);
  writeFileSync(join(installed.root, 'package.json'), JSON.stringify({ name: 'consumer', type: 'module' }));
  cpSync('test/consumers/cdk-stack', join(installed.root, 'cdk-stack'), { recursive: true });
  const { compilerOptions } = JSON.parse(readFileSync('tsconfig.json', 'utf8'));
  const { module } = COMMONJS.compilerOptions;
  compiled = createProjects(installed, [{ ...COMMONJS, programs: ['kit', 'script'] }], {
    folders: ['cdk-stack'],
    compilerOptions: {
      ...compilerOptions,
      module,
      moduleResolution: module,
      verbatimModuleSyntax: false,
      allowImportingTsExtensions: false,
      noEmit: false,
    },
  });
  broker = await startLocalBroker(installed, ['cdk-stack/hello.ts', 'cdk-stack/names.ts']);
}, PATIENCE_MS);
afterAll(async () => {
  await broker.stop();
  installed.remove();
  rmSync(folder, { recursive: true, force: true });
});

const inConsumer = (command: string, parameters: readonly string[]): string =>
  execFileSync(command, parameters, { cwd: installed.root, encoding: 'utf8' });

describe('the tarball', () => {
  test('holds the build and what npm adds, and nothing else', () => {
    const files = globSync('**/*', { cwd: installed.packageRoot, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.packageRoot.length + 1));
    const others = files.filter(
      (file) =>
        !/^\.package\/((lib|infra)\/.+\.(d\.c?ts|[cm]?js|m?js\.map)|commonjs\/\w+\.cjs|command\.mjs|llms\.txt)$/.test(
          file,
        ),
    );
    expect(others.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
    expect(files.filter((file) => /\/(consumers|test|package|lambda|queue|dynamodb)\//.test(file))).toEqual(
      [],
    );
  });

  test('brings the functions of the construct as bundles', () => {
    for (const name of ['minter', 'inspector', 'operator', 'caller']) {
      const bundle = readFileSync(
        join(installed.packageRoot, `.package/infra/bundles/${name}/index.mjs`),
        'utf8',
      );
      expect(bundle).toContain('handler');
      expect(bundle).not.toMatch(/from ?"@aws-sdk/);
    }
  });

  test('brings the command as one file that needs nothing of what is installed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'plume-command-'));
    cpSync(join(installed.packageRoot, '.package/command.mjs'), join(folder, 'command.mjs'));
    const printed = execFileSync(process.execPath, ['command.mjs', 'policy', '--client', 'mocha'], {
      cwd: folder,
      encoding: 'utf8',
    });
    rmSync(folder, { recursive: true });
    expect(JSON.parse(printed)).toHaveProperty('Statement');
  });

  test('is what publint expects', async () => {
    const { messages } = await publint({ pkgDir: installed.packageRoot, pack: false, strict: true });
    expect(messages).toEqual([]);
  });

  test('has types that are right for those who may import it', async () => {
    const result = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))), {
      excludeEntrypoints: ['./package.json'],
    });
    if (result.types === false) throw new Error('the package has no types');
    expect(result.problems).toEqual([]);
  });
});

describe('the entries', () => {
  const ENTRIES = ['', '/cdk', '/testing'].map((subpath) => `${PACKAGE}${subpath}`);

  test.each([
    { type: 'module', load: (entry: string) => `await import('${entry}')` },
    { type: 'commonjs', load: (entry: string) => `require('${entry}')` },
  ])('of type $type export what they promise', ({ type, load }) => {
    const script = `console.log(JSON.stringify([${ENTRIES.map(load)}].map((entry) => Object.keys(entry).sort())));`;
    const printed = inConsumer(process.execPath, [`--input-type=${type}`, '--eval', script]);
    const [names = [], ...others] = JSON.parse(printed) as string[][];
    const errors = names.filter((name) => /^[A-Z]\w+Error$/.test(name));
    expect(names.filter((name) => !errors.includes(name))).toEqual([
      'ERROR_KINDS',
      'createPlume',
      'isPlumeError',
      'plume',
      'shouldPostpone',
    ]);
    expect(errors).toEqual(expect.arrayContaining(['ApiError', 'BudgetExhaustedError', 'PlumeError']));
    expect(others).toEqual([['Monitoring', 'TokenBroker'], ['createTestBroker']]);
  });
});

describe('the docstrings', () => {
  test('are there for every export and member, mention what can be imported, and stand in llms.txt', () => {
    const copy = join(installed.root, 'package');
    cpSync(installed.packageRoot, copy, { recursive: true });
    const { entries, gaps } = extract(copy, join(installed.root, 'models'));
    expect(entries.map(({ name }) => name)).toEqual([PACKAGE, `${PACKAGE}/cdk`, `${PACKAGE}/testing`]);
    expect(gaps).toEqual([]);

    const text = readFileSync(join(copy, '.package/llms.txt'), 'utf8');
    const lines = new Set([...text.matchAll(/^- `(\w+)`: \S/gm)].map(([, name]) => name));
    expect(entries.flatMap((entry) => entry.exports).filter((name) => !lines.has(name))).toEqual([]);
    expect(Object.keys(ERROR_KINDS).filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  });
});

describe('the consumers', () => {
  test.each([
    ['hello', 'README.md'],
    ['names', 'lib/README.md'],
  ])('%s is the worker of %s', (name, chapter) => {
    const block = readFileSync(`test/consumers/cdk-stack/${name}.ts`, 'utf8');
    expect(readFileSync(chapter, 'utf8')).toContain(block);
  });

  test('are type-checked against the package, as a program of CommonJS is', () => {
    expect(compiled.diagnostics).toBe('');
  });

  test('synthesise a stack, whose functions are the bundles of the package', () => {
    const assembly = join(installed.root, 'cdk.out');
    execFileSync(process.execPath, ['cdk-stack/stack.ts'], {
      cwd: installed.root,
      env: {
        ...process.env,
        CDK_OUTDIR: assembly,
        // Stacks are validated in test/infra/aws/validation.test.ts.
        CDK_VALIDATION: 'false',
        CDK_CONTEXT_JSON: JSON.stringify({ 'aws:cdk:bundling-stacks': [] }),
      },
      stdio: 'pipe',
    });
    const assets = globSync('asset.*/index.mjs', { cwd: assembly }).map((asset) => join(assembly, asset));
    expect(assets.map((asset) => readFileSync(asset, 'utf8').length).sort()).toEqual(
      ['minter', 'inspector', 'operator']
        .map((name) =>
          readFileSync(join(installed.packageRoot, `.package/infra/bundles/${name}/index.mjs`), 'utf8'),
        )
        .map(({ length }) => length)
        .sort(),
    );
    expect(runtimesIn(assembly)).toEqual(Array(5).fill('nodejs24.x'));
  });
});

describe('on this machine, with the minter of the package', () => {
  test("README's worker answers an event of EventBridge", async () => {
    const event = { source: 'shop', 'detail-type': 'opened', detail: {} };
    expect(await broker.invoke('cdk-stack/hello.ts', event)).toMatchObject({
      ok: true,
      path: '/v1/locations',
    });
  });

  test('the SQS worker does a batch', async () => {
    const Records = ['Ljubljana', 'Maribor'].map((body, index) => ({
      messageId: String(index),
      body,
      eventSource: 'aws:sqs',
    }));
    expect(await broker.invoke('cdk-stack/names.ts', { Records })).toEqual({ batchItemFailures: [] });
  });

  describe('a project of CommonJS', () => {
    testProject(
      () => compiled.projects[0] as Project,
      () => broker,
    );
  });

  test('the ES module and the CommonJS of one process share one broker, and so one token in memory', async () => {
    cpSync('test/consumers/programs/copies.cjs', join(installed.root, 'copies.cjs'));
    const { stdout } = await promisify(execFile)(process.execPath, ['copies.cjs'], {
      cwd: installed.root,
      env: { ...process.env, ...broker.environment },
    });
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({ copies: 2, tokenReads: 1 });
  });
});

describe('with the oldest versions', () => {
  testOldestVersions(
    () => tarball,
    () => broker,
  );
});

test("README's test of a worker prints what it says", () => {
  const readme = readFileSync('lib/README.md', 'utf8');
  const block = /^```ts test\/locations\.ts\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? '';
  writeFileSync(join(installed.root, 'locations.ts'), block);
  const said = [...block.matchAll(/; \/\/ (\w+)$/gm)].map(([, word]) => word);
  expect(said).toHaveLength(2);
  expect(inConsumer(process.execPath, ['locations.ts']).trim().split('\n')).toEqual(said);
});

describe("the SQS worker's bundle", () => {
  /** The package that a file is of, or the part of this one. */
  function originOf(file: string): string {
    const [, part] = /\/\.package\/(\w+)\//.exec(file) ?? [];
    const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? [];
    return part ?? name ?? file;
  }

  async function bundle(entry: string): Promise<Metafile['outputs'][string]> {
    const { metafile } = await build({
      entryPoints: [entry],
      absWorkingDir: installed.root,
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      mainFields: ['module', 'main'],
      write: false,
      metafile: true,
      outdir: 'unused',
      logLevel: 'error',
    });
    const [output] = Object.values(metafile.outputs);
    if (output === undefined) throw new Error(`${entry} has no bundle`);
    return output;
  }

  test('is a bare worker and what the middleware needs, and not more', async () => {
    writeFileSync(
      join(installed.root, 'bare.ts'),
      `import middy from '@middy/core';
       import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
       import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
       const client = new DynamoDBClient({});
       const processor = new BatchProcessor(EventType.SQS);
       export const handler = middy().handler((event, context) => processPartialResponse(event, async () => {
         await client.send(new GetItemCommand({ TableName: 'table', Key: { pk: { S: 'key' } } }));
       }, processor, { context }));`,
    );
    const bare = await bundle('bare.ts');
    const worker = await bundle('cdk-stack/names.ts');
    const added = Object.entries(worker.inputs).filter(
      ([file, { bytesInOutput }]) => bare.inputs[file] === undefined && bytesInOutput > 0,
    );
    // Of the package its runtime alone; no CDK, no Secrets Manager, nothing that only mints or tests.
    expect([...new Set(added.map(([file]) => originOf(file)))].sort()).toEqual([
      '@aws-sdk/client-dynamodb',
      'cdk-stack/names.ts',
      'lib',
    ]);
    const needed = added.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0);
    console.log(
      `worker ${worker.bytes} bytes = bare ${bare.bytes} + middleware ${needed} + ${worker.bytes - bare.bytes - needed}`,
    );
    expect(worker.bytes).toBeLessThanOrEqual(1.1 * (bare.bytes + needed));
  });
});
