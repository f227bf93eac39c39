const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');

/**
 * `compile.cjs <tsconfig> <pattern>`: `tsc -p` of a TypeScript below 7, which checks and writes the files alone whose names match: of
 * all that the types of the CDK declare, that needs little.
 */
const [config, pattern] = process.argv.slice(2);
const folder = dirname(config);
const ts = createRequire(join(folder, 'index.js'))('typescript');

const { options, fileNames } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(config, ts.sys.readFile).config,
  ts.sys,
  folder,
);
const program = ts.createProgram(fileNames, options);
const files = program.getSourceFiles().filter(({ fileName }) => new RegExp(pattern).test(fileName));
const diagnostics = files.flatMap((file) => [
  ...program.getSyntacticDiagnostics(file),
  ...program.getSemanticDiagnostics(file),
]);
for (const file of files) if (!file.isDeclarationFile) program.emit(file);

process.stdout.write(
  ts.formatDiagnostics(
    [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...diagnostics],
    { getCanonicalFileName: (name) => name, getCurrentDirectory: () => folder, getNewLine: () => '\n' },
  ),
);
