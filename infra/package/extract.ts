import { mkdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  type ExtractorMessage,
  ExtractorMessageCategory,
} from '@microsoft/api-extractor';

/** Where an entry's declarations say less than the reference needs. */
export interface Gap {
  /** As importers name it, such as `plume-m2m-token-broker/cdk`. */
  readonly entry: string;
  /** The rule of api-extractor or of TSDoc, such as `ae-undocumented`. */
  readonly rule: string;
  readonly text: string;
  /** `<file>:<line>` of the declaration, from the package's root. */
  readonly place: string;
}

/** What the package says of one entry. */
export interface Entry {
  readonly name: string;
  /** Its name in the models: each is of one package, whose name must be a package's. */
  readonly packageName: string;
  /** api-extractor's model of it, `<…>.api.json`. */
  readonly modelFile: string;
  /** What it exports; types too. */
  readonly exports: readonly string[];
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly import: { readonly types: string } }>>;
}

const COMPILER_OPTIONS = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../tsconfig.json', import.meta.url)), 'utf8'),
).compilerOptions;

/** The CDK's tag for what TSDoc calls `@defaultValue`: a block tag (1). */
const DEFAULT_TAG = { tagName: '@default', syntaxKind: 1 } as const;

/**
 * Reads the declarations of a package's entries, and writes a model of each.
 *
 * @param packageRoot absolute: the package with its build in it, and with what it depends on within Node's reach; not in
 * `node_modules`, where api-extractor takes everything for foreign code
 * @param modelFolder absolute; takes the models
 * @returns the entries, and as gaps what has no docstring, docstrings that are not TSDoc, and types that an entry mentions
 * but that neither it nor the first entry exports
 * @throws {Error} an entry has no exports
 */
export function extract(
  packageRoot: string,
  modelFolder: string,
): { readonly entries: readonly Entry[]; readonly gaps: readonly Gap[] } {
  mkdirSync(modelFolder, { recursive: true });
  const manifest: Manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  const modules = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
    typeof target === 'string'
      ? []
      : [{ subpath: subpath.slice(1), file: join(packageRoot, target.import.types) }],
  );
  let compilerState: CompilerState | undefined;
  const entries: Entry[] = [];
  const gaps: Gap[] = [];
  for (const { subpath, file } of modules) {
    const name = `${manifest.name}${subpath}`;
    const packageName = subpath === '' ? name : `@${name}`;
    const packageJson = { name: packageName, version: manifest.version };
    const config = prepare(packageRoot, modelFolder, packageJson, file);
    // One program for all: most of it are the types of the CDK.
    compilerState ??= CompilerState.create(config, {
      additionalEntryPoints: modules.map((module) => module.file),
    });
    const messages: ExtractorMessage[] = [];
    Extractor.invoke(config, {
      compilerState,
      localBuild: true,
      messageCallback: (message) => {
        message.handled = true;
        messages.push(message);
      },
    });
    const exported = exportsOf(config.apiJsonFilePath);
    if (exported.length === 0) throw new Error(`${name} exports nothing that can be read at ${file}`);
    entries.push({ name, packageName, modelFile: config.apiJsonFilePath, exports: exported });
    const fromFirst = entries[0]?.exports ?? [];
    for (const message of messages.filter((each) => isGap(each, fromFirst)))
      gaps.push({
        entry: name,
        rule: message.messageId,
        text: message.text,
        place: `${relative(packageRoot, message.sourceFilePath ?? '')}:${message.sourceFileLine ?? 0}`,
      });
  }
  return { entries, gaps };
}

function prepare(
  packageRoot: string,
  modelFolder: string,
  packageJson: { readonly name: string; readonly version: string },
  file: string,
): ExtractorConfig {
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: packageRoot,
      mainEntryPointFilePath: file,
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: { compilerOptions: COMPILER_OPTIONS, files: [file] },
        skipLibCheck: true,
      },
      // Not for its own sake: it is in writing the report that missing docstrings are found.
      apiReport: { enabled: true, reportFolder: modelFolder, reportTempFolder: modelFolder },
      docModel: { enabled: true, apiJsonFilePath: join(modelFolder, '<unscopedPackageName>.api.json') },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
    },
    configObjectFullPath: undefined,
    packageJson,
    packageJsonFullPath: join(packageRoot, 'package.json'),
  });
  config.tsdocConfigFile.addTagDefinition(DEFAULT_TAG);
  config.tsdocConfigFile.setSupportForTag(DEFAULT_TAG.tagName, true);
  config.tsdocConfigFile.configureParser(config.tsdocConfiguration);
  return config;
}

function exportsOf(modelFile: string): string[] {
  const { members } = JSON.parse(readFileSync(modelFile, 'utf8'));
  return members[0].members.map(({ name }: { readonly name: string }) => name);
}

/**
 * Release tags are for packages with betas. An error's `name` is documented at its base class. And all that import another
 * entry can import the first.
 */
function isGap({ category, messageId, text }: ExtractorMessage, fromFirst: readonly string[]): boolean {
  if (category === ExtractorMessageCategory.Console || messageId === 'ae-missing-release-tag') return false;
  if (messageId === 'ae-undocumented' && text.endsWith('"name".')) return false;
  const [, symbol = ''] = /^The symbol "(\w+)"/.exec(text) ?? [];
  return messageId !== 'ae-forgotten-export' || !fromFirst.includes(symbol);
}
