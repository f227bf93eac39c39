import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { synth } from './synth.ts';

const isInstalled = spawnSync('cfn-lint', ['--version']).status === 0;
if (!isInstalled) console.log('cfn-lint is not installed: the template is not held against it');

/** The CDK lets a function depend on its role although it names the role. */
const OF_THE_CDK = 'W3005';

test.skipIf(!isInstalled).each([0, 2])(
  'cfn-lint finds nothing in a stack with %i zones',
  (zones) => {
    const directory = mkdtempSync(join(tmpdir(), 'plume-template-'));
    try {
      const file = join(directory, 'template.json');
      writeFileSync(file, JSON.stringify(synth({ zones }).toJSON()));
      const { stdout, status } = spawnSync('cfn-lint', ['--ignore-checks', OF_THE_CDK, '--', file], {
        encoding: 'utf8',
      });
      expect(stdout).toBe('');
      expect(status).toBe(0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000,
);
