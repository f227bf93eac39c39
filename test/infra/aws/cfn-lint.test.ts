import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { cfnLint, IS_CFN_LINT_INSTALLED } from '../../fixtures/cfn-lint.ts';
import { synth } from './synth.ts';

if (!IS_CFN_LINT_INSTALLED) console.log('cfn-lint is not installed: no template is held against it');

test.skipIf(!IS_CFN_LINT_INSTALLED)(
  "cfn-lint finds nothing in a stack without zones, in one with two, nor in the workers' template of SAM",
  () => {
    const [, sam = ''] =
      /^```yaml template\.yaml\n([\s\S]*?)^```$/m.exec(readFileSync('infra/aws/workers.md', 'utf8')) ?? [];
    expect(sam).toContain('AWS::Serverless');
    const templates = {
      '0-zones.json': JSON.stringify(synth({ zones: 0 }).toJSON()),
      '2-zones.json': JSON.stringify(synth({ zones: 2 }).toJSON()),
      'sam.yaml': sam,
    };
    const directory = mkdtempSync(join(tmpdir(), 'plume-template-'));
    try {
      const files = Object.entries(templates).map(([name, text]) => {
        const file = join(directory, name);
        writeFileSync(file, text);
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
