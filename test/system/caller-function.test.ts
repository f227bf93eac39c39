import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { StateMachine } from 'aws-local-stepfunctions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { LOCAL_SDK_CONFIG } from '../../infra/local/emulators/local.ts';
import { ENV, TABLE } from '../../lib/contract.ts';
import { ERROR_KINDS } from '../../lib/errors.ts';
import * as library from '../../lib/index.ts';
import { ABUNDANT_BUDGET, fillBudget } from '../fixtures/abundant-budget.ts';
import { addPlumeCloud } from '../fixtures/system/plume-cloud.ts';
import { type System, startSystem } from '../fixtures/system/system.ts';

/** The examples of the caller function's chapter, run as they stand there. */

const chapter = readFileSync('functions/caller/README.md', 'utf8');

function example(label: string): string {
  const [, code] = new RegExp(`^\`\`\`${label}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(chapter) ?? [];
  if (code === undefined) throw new Error(`the chapter has no ${label}`);
  return code;
}

let system: System;
beforeAll(async () => {
  system = await startSystem({ functions: ['minter', 'caller'] });
  const { cloud } = await addPlumeCloud(system);
  const { apiUrl } = cloud;
  system.add('minter', { environment: system.withSecrets({ apiUrl }) });
  system.add('caller', { environment: { ...system.environment({ apiUrl }), [ENV.client]: 'mocha' } });
  await fillBudget({ dynamodb: system.dynamodb, table: system.tableName });
  await system.invoke('minter', { kind: 'tick' });
});
afterAll(() => system.stop());

/** As if others had taken all tickets up to a moment. */
async function exhaustBudgetUntil(nextMs: number): Promise<void> {
  const key = { [TABLE.partitionKey]: { S: TABLE.budgetKey(ABUNDANT_BUDGET.name, 'worker') } };
  await system.dynamodb.send(
    new PutItemCommand({ TableName: system.tableName, Item: { ...key, nextMs: { N: String(nextMs) } } }),
  );
}

test("the chapter's event is a call, and its answer has the keys of the chapter's", async () => {
  const { failed, answer } = await system.invoke('caller', JSON.parse(example('json call')));
  expect({ failed, answer }).toMatchObject({ failed: false, answer: { status: 200 } });
  expect(Object.keys(JSON.parse(example('json answer')))).toEqual(Object.keys(answer as object));
});

describe("the chapter's state machine", () => {
  /** What Step Functions does with a task on a function: an error is its type, and its cause the payload. */
  async function invoke(event: unknown): Promise<never> {
    const { failed, answer } = await system.invoke('caller', event);
    if (!failed) return answer as never;
    const { errorType } = answer as { errorType: string };
    throw Object.assign(new Error(JSON.stringify(answer)), { name: errorType });
  }
  const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:caller';
  const machine = () =>
    new StateMachine(JSON.parse(example('json calls.asl.json').replace('${CallerFunctionArn}', arn)));
  const input = { path: '/v1/locations/7', json: { name: 'Maribor' } };

  test('makes a call', async () => {
    const { result } = machine().run(input, { overrides: { taskResourceLocalHandlers: { Call: invoke } } });
    expect(await result).toMatchObject({ answer: { status: 200, body: { path: '/v1/locations/7' } } });
  });

  test('waits until the moment that the error names, and calls again', async () => {
    const invocations: number[] = [];
    const untilMs = Date.now() + 6_000;
    await exhaustBudgetUntil(untilMs);
    const { result } = machine().run(input, {
      overrides: {
        taskResourceLocalHandlers: {
          Call(event) {
            invocations.push(Date.now());
            return invoke(event);
          },
        },
      },
    });
    expect(await result).toMatchObject({
      answer: { status: 200 },
      caught: { error: { code: 'budget_exhausted' } },
    });
    expect(invocations.length).toBeGreaterThan(1);
    // Nobody is paid for the waiting: the call came back when a ticket was near, not before.
    expect(invocations.at(-1)).toBeGreaterThan(untilMs - 1_500);
  });

  test('catches the errors that pass by themselves, and no others', () => {
    const codeOf = (name: string): string =>
      name
        .replace(/Error$/, '')
        .replaceAll(/(?!^)[A-Z]/g, '_$&')
        .toLowerCase();
    const kinds: Readonly<Record<string, string>> = ERROR_KINDS;
    const passing = Object.keys(library).filter((name) => kinds[codeOf(name)] === 'wait');
    const [{ ErrorEquals }] = JSON.parse(example('json calls.asl.json')).States.Call.Catch;
    expect(passing.length).toBeGreaterThan(5);
    expect(ErrorEquals.toSorted()).toEqual(passing.toSorted());
  });
});

const HAS_BOTO3 = spawnSync('python3', ['-c', 'import boto3']).status === 0;
if (!HAS_BOTO3) console.log("python3 or boto3 is not installed: the chapter's Python is not run");

describe.runIf(HAS_BOTO3)("the chapter's Python", () => {
  const folder = mkdtempSync(join(tmpdir(), 'plume-python-'));
  const script = join(folder, 'call.py');
  writeFileSync(script, example('python call.py'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = () => {
    const { AWS_ENDPOINT_URL_LAMBDA } = system.environment();
    return promisify(execFile)('python3', [script], {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL_LAMBDA,
        AWS_DEFAULT_REGION: LOCAL_SDK_CONFIG.region,
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        CALLER_FUNCTION: 'caller',
      },
    });
  };

  test('makes a call', async () => {
    const { stdout } = await run();
    expect(JSON.parse(stdout)).toMatchObject({ status: 200, body: { path: '/v1/locations?limit=2' } });
  });

  test('says by its name what went wrong', async () => {
    await exhaustBudgetUntil(Date.now() + 3_600_000);
    await expect(run()).rejects.toThrow(/RuntimeError: BudgetExhaustedError: \{.*"retryAt"/);
  });
});
