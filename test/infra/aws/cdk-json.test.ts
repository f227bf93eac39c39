import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

test('cdk.json sets every feature flag that the installed CDK recommends', () => {
  const { context } = JSON.parse(readFileSync(new URL('../../../cdk.json', import.meta.url), 'utf8'));
  const recommended = createRequire(import.meta.url)('aws-cdk-lib/recommended-feature-flags.json');
  expect(Object.keys(recommended).length).toBeGreaterThan(50);
  expect(context).toMatchObject(recommended);
});
