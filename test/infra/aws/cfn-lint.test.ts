import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { cfnLint, IS_CFN_LINT_INSTALLED } from '../../fixtures/cfn-lint.ts';
import { synth } from './synth.ts';

if (!IS_CFN_LINT_INSTALLED) console.log('cfn-lint is not installed: the template is not held against it');

test.skipIf(!IS_CFN_LINT_INSTALLED)(
  'cfn-lint finds nothing in a stack without zones, nor in one with two',
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'plume-template-'));
    try {
      const files = [0, 2].map((zones) => {
        const file = join(directory, `${zones}-zones.json`);
        writeFileSync(file, JSON.stringify(synth({ zones }).toJSON()));
        return file;
      });
      // At once: its start takes longer than a template.
      expect(cfnLint(...files)).toBe('');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  300_000,
);
