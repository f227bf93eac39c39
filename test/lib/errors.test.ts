import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, test, vi } from 'vitest';

import { ERROR_KINDS, PlumeError, shouldPostpone } from '../../lib/errors.ts';
import * as published from '../../lib/index.ts';
import { EVERY_ERROR } from './every-error.ts';

const CLASS = /class (\w+) extends PlumeError/g;

test('every-error.ts lists every class of this project', () => {
  const classes = globSync('{lib,functions,infra}/**/*.ts').flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(CLASS)].map(([, name]) => name),
  );
  expect(classes.length).toBeGreaterThan(20);
  expect(Object.keys(EVERY_ERROR).sort()).toEqual(['PlumeError', ...classes].sort());
});

test('every class ends in Error, and its errors have its name', () => {
  for (const [name, error] of Object.entries(EVERY_ERROR)) {
    expect(name).toMatch(/Error$/);
    expect([error.name, error.constructor.name]).toEqual([name, name]);
  }
});

test('minified code keeps the names of the errors, without the names of its classes', async () => {
  const outdir = mkdtempSync(join(tmpdir(), 'errors-'));
  const outfile = join(outdir, 'errors.mjs');
  await build({
    stdin: {
      contents: `import { EVERY_ERROR } from './test/lib/every-error.ts';
        console.log(JSON.stringify(Object.entries(EVERY_ERROR).map(([name, error]) => [name, error.name, error.constructor.name])));`,
      resolveDir: process.cwd(),
    },
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  const rows = JSON.parse(execFileSync(process.execPath, [outfile], { encoding: 'utf8' })) as string[][];
  rmSync(outdir, { recursive: true });
  expect(rows.length).toBe(Object.keys(EVERY_ERROR).length);
  for (const [name, errorName, className] of rows) {
    expect(errorName).toBe(name);
    // Else the bundle was not minified, and this test could not fail.
    expect(className).not.toBe(name);
  }
});

test('every class that a call can throw is exported', () => {
  const inside = ['credentials', 'oauth', 'minter'].flatMap((part) =>
    [...readFileSync(`lib/${part}/errors.ts`, 'utf8').matchAll(CLASS)].map(([, name]) => name),
  );
  const missing = Object.keys(EVERY_ERROR).filter((name) => !inside.includes(name) && !(name in published));
  expect(missing).toEqual(['JobMalformedError', 'JobFailedError']);
});

describe('shouldPostpone', () => {
  test('is true of what passes by itself, and of nothing else', () => {
    for (const code of Object.keys(ERROR_KINDS) as (keyof typeof ERROR_KINDS)[])
      expect(shouldPostpone(new PlumeError(code, 'x')), code).toBe(ERROR_KINDS[code] === 'wait');
    for (const other of [new Error('budget_exhausted'), undefined, null, 'wait', { kind: 'wait' }])
      expect(shouldPostpone(other)).toBe(false);
  });

  test('knows errors of another copy of the library', async () => {
    vi.resetModules();
    const copy = await import('../../lib/errors.ts');
    const error = new copy.PlumeError('budget_exhausted', 'x', { retryAtMs: 1 });
    expect(error).not.toBeInstanceOf(PlumeError);
    expect(shouldPostpone(error)).toBe(true);
    expect(published.isPlumeError(error)).toBe(true);
  });
});

test('what an error does not know is no member of it', () => {
  const error = new PlumeError('config_invalid', 'x');
  expect(Object.keys(error).sort()).toEqual(['code', 'kind', 'name']);
});
