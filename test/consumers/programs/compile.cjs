const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');

/**
 * `compile.cjs <pattern> <tsconfig>…`: `tsc -p` of a TypeScript below 7 for each tsconfig of a folder, in one process: the second runs on
 * code that is compiled already. It checks and writes the files alone whose names match: of all that the types of the CDK declare,
 * that needs little. Prints what it says of each, as JSON.
 */
const [pattern, ...configs] = process.argv.slice(2);
const folder = dirname(configs[0]);
const ts = createRequire(join(folder, 'index.js'))('typescript');

function compile(config) {
  const { options, fileNames } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(config, ts.sys.readFile).config,
    ts.sys,
    folder,
  );
  // As tsc does: most docstrings are not parsed.
  const host = {
    ...ts.createCompilerHost(options),
    jsDocParsingMode: ts.JSDocParsingMode.ParseForTypeErrors,
  };
  const program = ts.createProgram(fileNames, options, host);
  const files = program.getSourceFiles().filter(({ fileName }) => new RegExp(pattern).test(fileName));
  const diagnostics = files.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...program.getSemanticDiagnostics(file),
  ]);
  for (const file of files) if (!file.isDeclarationFile) program.emit(file);
  return ts.formatDiagnostics(
    [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...diagnostics],
    { getCanonicalFileName: (name) => name, getCurrentDirectory: () => folder, getNewLine: () => '\n' },
  );
}

process.stdout.write(JSON.stringify(configs.map(compile)));
