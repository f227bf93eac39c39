import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

import type { Report } from '../../../../infra/local/run/report.ts';

const START = fileURLToPath(new URL('../../../../infra/local/run/start.ts', import.meta.url));

function start(...args: string[]): ChildProcess {
  return startWith({}, ...args);
}

function startWith(environment: NodeJS.ProcessEnv, ...args: string[]): ChildProcess {
  const env = { ...process.env, ...environment };
  return spawn(process.execPath, [START, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
}

async function end(child: ChildProcess) {
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout as Readable),
    text(child.stderr as Readable),
    once(child, 'exit'),
  ]);
  return { stdout, stderr, code };
}

const folder = mkdtempSync(join(tmpdir(), 'plume-start-'));
const reportFile = join(folder, 'report.html');
afterAll(() => rmSync(folder, { recursive: true }));

describe('the whole system', () => {
  test('keeps its promises through a revoked token, an outage and a killed instance', async () => {
    const { stdout, stderr, code } = await end(start('--for', '15', '--json', '--report', reportFile));
    expect(stdout, stderr).toMatch(/^\{.*\}\n$/);
    const report = JSON.parse(stdout) as Report;
    expect(report).toMatchObject({
      jobsLost: 0,
      jobsWaiting: 0,
      jobsInDeadLetterQueue: 0,
      expiredTokensSent: 0,
      wafBlocked: 0,
      limit: 460,
      interrupted: false,
      historyErrors: [],
    });
    expect(report.jobsSubmitted).toBeGreaterThan(40);
    expect(report.jobsDone).toBe(report.jobsSubmitted);
    expect(report.apiCalls).toBeGreaterThanOrEqual(report.jobsDone);
    expect(report.maxCallsInWindow).toBeGreaterThan(40);
    expect(report.maxCallsInWindow).toBeLessThanOrEqual(report.limit);
    expect(report.rejected401).toBeGreaterThan(0);
    // A lifetime costs about one and a half mints: half of a short life is margin. One was forced.
    expect(report.mints).toBeGreaterThanOrEqual(4);
    expect(report.mints).toBeLessThan(2.5 * report.lifetimes + 4);
    // How many depends on the machine's speed; the bench counts what a call costs.
    expect(report.dynamoRequestsPerCall).toBeGreaterThan(0);
    expect(report.p50Ms).toBeGreaterThan(0);
    expect(report.p99Ms).toBeGreaterThanOrEqual(report.p50Ms as number);
    const recoveries = Object.fromEntries(
      report.faults.map((fault) => [fault.fault, fault.recoveredAfterMs]),
    );
    expect(recoveries).toEqual({
      'token-revoked': expect.any(Number),
      'instance-killed': expect.any(Number),
      'authorization-server-down': expect.any(Number),
    });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/^See it, and try faults on it: http:\/\/127\.0\.0\.1:\d+\/$/m);
    const page = readFileSync(reportFile, 'utf8');
    expect(page).toContain(`"${report.apiCalls}"`);
    expect(page).not.toMatch(/(src|href)="(?!data:)/);
  });

  test('a port that is taken, a report that cannot be written: exit code 2, and why, before anything runs', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const taken = await end(start('--port', String(port)));
    expect([taken.code, taken.stderr]).toEqual([
      2,
      `--port must be one that is free: ${port} is taken; --help lists the options\n`,
    ]);
    server.close();
    for (const [file, code] of [
      [join(folder, 'nowhere', 'report.html'), 'ENOENT'],
      [folder, 'EISDIR'],
    ] as const) {
      const refused = await end(start('--report', file));
      expect([refused.code, refused.stderr]).toEqual([
        2,
        `--report must name a file that can be written (${code}); --help lists the options\n`,
      ]);
    }
  });

  test.each([
    ['foo', 'must be the URL'],
    ['http://127.0.0.1:1/', 'nothing answers'],
  ])('another DynamoDB engine at %s: exit code 2, and why', async (url, why) => {
    const { stderr, code } = await end(startWith({ AWS_ENDPOINT_URL_DYNAMODB: url }, '--no-page'));
    expect([code, stderr.includes('AWS_ENDPOINT_URL_DYNAMODB') && stderr.includes(why)]).toEqual([2, true]);
  });

  test('a command line that cannot be understood: exit code 2, and why', async () => {
    const { stdout, stderr, code } = await end(start('--for', 'ever'));
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe('--for must be a whole number from 10 to 86400; --help lists the options\n');
  });

  test('--help lists the options', async () => {
    const { stdout, code } = await end(start('--help'));
    expect(code).toBe(0);
    for (const flag of [
      '--for',
      '--workers',
      '--vendor-limits',
      '--no-faults',
      '--json',
      '--port',
      '--no-page',
      '--report',
    ]) {
      expect(stdout).toContain(flag);
    }
  });
});

describe.concurrent('somebody ends it', () => {
  test.each([
    // Twice, as npm does.
    ['SIGINT', 'SIGINT'],
  ] as const)('ends with the report so far after %s', async (...signals) => {
    const child = start('--for', '600', '--workers', '1', '--no-faults', '--no-page');
    const ended = end(child);
    child.stdout?.on('data', function interrupt(chunk: Buffer) {
      if (!chunk.includes('window')) return;
      child.stdout?.off('data', interrupt);
      for (const signal of signals) child.kill(signal);
    });
    const { stdout, code, stderr } = await ended;
    expect(stdout, stderr).toMatch(/^duration +\d+\.?\d* s \(interrupted\)$/m);
    expect(stdout).toMatch(/^result +good$/m);
    expect(code).toBe(0);
  });

  test('ends quietly when nobody reads its output any more', async () => {
    const child = start('--for', '600', '--workers', '1', '--no-faults', '--no-page');
    const stderr = text(child.stderr as Readable);
    child.stdout?.once('data', () => child.stdout?.destroy());
    const [code] = await once(child, 'exit');
    expect([code, await stderr]).toEqual([141, '']);
  });
});
