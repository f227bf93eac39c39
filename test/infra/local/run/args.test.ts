import { expect, test } from 'vitest';

import { parseCommandLine, UsageError } from '../../../../infra/local/run/args.ts';

test('without flags: 60 seconds, 8 workers, faults, the scaled-down profile, a page at any port', () => {
  expect(parseCommandLine([])).toEqual({
    durationSeconds: 60,
    workers: 8,
    json: false,
    vendorLimits: false,
    faults: true,
    pagePort: 0,
    reportFile: undefined,
    help: false,
  });
});

test('takes every flag, with a space or an equals sign', () => {
  const args = ['--for', '40', '--workers=3', '--json', '--vendor-limits', '--no-faults'].concat([
    '--port=8080',
    '--report',
    'report.html',
  ]);
  expect(parseCommandLine(args)).toEqual({
    durationSeconds: 40,
    workers: 3,
    json: true,
    vendorLimits: true,
    faults: false,
    pagePort: 8080,
    reportFile: 'report.html',
    help: false,
  });
});

test('says how options reach the run when npm kept them for itself', () => {
  expect(() => parseCommandLine(['10'], { npm_config_for: 'true' })).toThrow('npm start -- --for');
  expect(() => parseCommandLine([], { npm_config_no_faults: 'true' })).toThrow('npm start -- --no-faults');
  expect(parseCommandLine(['-h'], { npm_config_loglevel: 'error' }).help).toBe(true);
});

test('leaves the page out', () => {
  expect(parseCommandLine(['--no-page', '--port', '8080']).pagePort).toBeUndefined();
});

test.each([
  [['--bogus'], '--bogus'],
  [['--for'], '--for'],
  [['--for', 'ten'], '--for must be a whole number from 10 to 86400'],
  [['--for', '9'], '--for must be a whole number'],
  [['--for', '1e3'], '--for must be a whole number'],
  [['--for=-5'], '--for must be a whole number'],
  [['--for', ''], '--for must be a whole number'],
  [['--workers', '0'], '--workers must be a whole number from 1 to 100'],
  [['--workers', '1.5'], '--workers must be a whole number'],
  [['--json=yes'], '--json'],
  [['--port', '0'], '--port must be a whole number from 1 to 65535'],
  [['--report', ''], '--report must name a file'],
  [['40'], '40'],
])('refuses %j and names the argument', (args, named) => {
  expect(() => parseCommandLine(args)).toThrow(UsageError);
  expect(() => parseCommandLine(args)).toThrow(named);
});
