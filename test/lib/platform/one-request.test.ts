import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('the first request of a process is guarded too, before anything has loaded the HTTP client', () => {
  const script = `
    import { oneRequest } from './lib/platform/one-request.ts';
    console.log(Object.keys(oneRequest()).join());
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  expect([stdout, stderr]).toEqual(['dispatcher\n', '']);
});
