import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { cfnLint, IS_CFN_LINT_INSTALLED } from '../../fixtures/cfn-lint.ts';
import { synth } from './synth.ts';

if (!IS_CFN_LINT_INSTALLED) console.log('cfn-lint is not installed: the template is not held against it');

test.skipIf(!IS_CFN_LINT_INSTALLED).each([0, 2])(
  'cfn-lint finds nothing in a stack with %i zones',
  (zones) => {
    const directory = mkdtempSync(join(tmpdir(), 'plume-template-'));
    try {
      const file = join(directory, 'template.json');
      writeFileSync(file, JSON.stringify(synth({ zones }).toJSON()));
      expect(cfnLint(file)).toBe('');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  300_000,
);
