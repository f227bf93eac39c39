import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { extract } from '../../../infra/package/extract.ts';
import { readableModel } from '../../../infra/package/readable-model.ts';

/** What is found in packages made for it. That this one has no gaps is tested where it is packed. */

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'reference-'));
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A package with two entries. */
function extractShop(files: Readonly<Record<string, string>>): ReturnType<typeof extract> {
  const manifest = {
    name: 'shop',
    version: '1.0.0',
    type: 'module',
    exports: {
      '.': { import: { types: './index.d.ts' } },
      './till': { import: { types: './till.d.ts' } },
      './package.json': './package.json',
    },
  };
  for (const [name, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    // One member a line, as the compiler writes them.
    writeFileSync(join(root, name), text.replaceAll('{ ', '{\n').replaceAll(' };', '\n};'));
  }
  return extract(root, join(root, 'models'));
}

const PRICE =
  '/** What it costs. */ export interface Price { /** Without taxes, in cents. */ readonly net: number }';

describe('a gap', () => {
  test('is not where docstrings are, nor is a type of the first entry one', () => {
    const { gaps } = extractShop({
      'index.d.ts': PRICE,
      'till.d.ts': `import type { Price } from './index.ts';
        /** All that was paid. @default - nothing */ export declare function paid(): readonly Price[];`,
    });
    expect(gaps).toEqual([]);
  });

  test('is an export, a property or a method without a docstring, and a property that says its default alone', () => {
    const { gaps } = extractShop({
      'index.d.ts': PRICE,
      'till.d.ts': `export interface Drawer { /** All that was paid. */ paid(): number }
        /** Takes the money. */ export interface Till { readonly owner: string }
        /** Takes the money. */ export declare class Scale { weigh(): number }
        /** Takes the money. */ export interface Safe { /** @default - whoever opened it */ key?: string }`,
    });
    expect(gaps).toEqual(
      ['Drawer', 'owner', 'weigh', 'key'].map((name) => ({
        entry: 'shop/till',
        rule: 'ae-undocumented',
        text: expect.stringContaining(`"${name}"`),
        place: expect.stringMatching(/^till\.d\.ts:\d$/),
      })),
    );
  });

  test('is a type that no entry exports, or one that not all importers can import', () => {
    const { gaps } = extractShop({
      'lib/coin.d.ts': '/** A piece of metal. */ export type Coin = 1 | 2 | 5;',
      'index.d.ts': `import type { Till } from './till.ts';
        /** Opens one of the shop's. */ export declare function open(): Till;`,
      'till.d.ts': `import type { Coin } from './lib/coin.ts';
        /** Takes the money. */ export interface Till { /** One by one. */ readonly coins: readonly Coin[] }`,
    });
    expect(gaps.map(({ entry, rule, text }) => [entry, rule, /"(\w+)"/.exec(text)?.[1]])).toEqual([
      ['shop', 'ae-forgotten-export', 'Till'],
      ['shop/till', 'ae-forgotten-export', 'Coin'],
    ]);
  });

  test('is a link to nothing, and a docstring that is no TSDoc', () => {
    const { gaps } = extractShop({
      'index.d.ts': `/** See {@link Nothing} for it. */ export type Coin = 1 | 2 | 5;
        /** Takes the money. @throws {Error} always */ export declare function pay(): void;`,
      'till.d.ts': PRICE,
    });
    expect(new Set(gaps.map(({ rule }) => rule))).toEqual(
      new Set(['ae-unresolved-link', 'tsdoc-escape-right-brace', 'tsdoc-malformed-inline-tag']),
    );
  });
});

test('an entry of which nothing is read is refused', () => {
  expect(() => extractShop({ 'index.d.ts': 'export {};', 'till.d.ts': PRICE })).toThrow(
    'shop exports nothing',
  );
});

test('what the documenter does not know is said in its words', () => {
  const { entries } = extractShop({
    'index.d.ts': PRICE,
    'till.d.ts': `import type { Price } from './index.ts';
/** What coins are worth. */
export declare const COINS: { /** Of copper. */ readonly small: 1 };
/** Takes the money. */
export interface Till {
  /** Takes some. @throws Error if it is too little */
  readonly take: (price: Price) => void;
  /** Who has the key. @default - whoever opened it */
  readonly owner?: string;
}
/** Opens one. */
export declare function till(): Till;`,
  });
  const [, ofTill] = entries;
  if (ofTill === undefined) throw new Error('there is no second entry');
  const [entryPoint] = JSON.parse(readableModel(root, ofTill, entries)).members;
  const [coins, opened, till] = entryPoint.members;
  expect(coins.excerptTokens[0].text).toContain('/** Of copper. */');
  expect(opened).toMatchObject({ name: 'till', kind: 'Function', overloadIndex: 2 });
  const [owner, take] = till.members;
  expect(owner.docComment).toMatch(/@defaultValue\s[\s*]*whoever opened it/);
  expect(take.docComment).toMatch(/@remarks[\s*]*Throws Error if/);
  expect(take.excerptTokens).toContainEqual({
    kind: 'Reference',
    text: 'Price',
    canonicalReference: 'shop!Price:interface',
  });
});
