import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

import { startEventSource } from '../../infra/local/emulators/queue/event-source.ts';
import { authorizationOf, type CloudClient, scopeOf } from '../../infra/local/plume-cloud/clients.ts';
import { type PlumeCloud, startPlumeCloud } from '../../infra/local/plume-cloud/plume-cloud.ts';
import { JOB_ATTRIBUTES, type MinterEvent } from '../../lib/contract.ts';
import { shellBlocks } from '../fixtures/shell-blocks.ts';
import { checkOut, writeStages } from './checkout.ts';
import { deployedFunctions } from './deployed.ts';
import { jsonTexts } from './json-texts.ts';
import { startLocalFunctions } from './local-functions.ts';
import { createShell } from './shell.ts';

/**
 * Runs every command of Deploy, Operate, alarms and Remove as the chapters have them, for a stage that is not `dev`. The
 * endpoint is an emulator of AWS: the code of the functions, taken out of the stack, runs here.
 */

const STAGE = { apiUrl: 'https://api.plume.example/', client: 'mocha' };
const OLD = { ...STAGE, secretPrefix: 'plume/old', deletionProtection: true };
const STACK = 'PlumeTokenBroker-prod';
const TICK_MS = 5_000;

const clientNamed = (name: string): CloudClient => ({
  name,
  lifetimeSeconds: 600,
  partner: `${name}-partner`,
  clientId: `0oa${randomBytes(8).toString('hex')}`,
  clientSecret: randomBytes(48).toString('base64url'),
});
const CLIENTS = [clientNamed('mocha'), clientNamed('latte')];

const endpoint = process.env.AWS_ENDPOINT_URL;
if (!endpoint) {
  console.log('test:deploy, commands skipped: AWS_ENDPOINT_URL names no CloudFormation endpoint');
} else {
  const notes = await runCommands(endpoint);
  for (const note of notes) console.log(`- ${note}`);
  console.log(`test:deploy passed: the commands of the chapters, as they are written, at ${endpoint}`);
}

async function runCommands(url: string): Promise<readonly string[]> {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: process.env.AWS_REGION ?? 'us-east-1',
    AWS_DEFAULT_REGION: process.env.AWS_REGION ?? 'us-east-1',
    AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID ?? 'test',
    AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY ?? 'test',
    AWS_PAGER: '',
    // As the chapter tells for where nobody can be asked.
    CDK_REQUIRE_APPROVAL: 'never',
    CDK_FORCE: 'true',
    // moto has the outputs of stacks only that no change set made.
    CDK_METHOD: 'direct',
  });
  await using stack = new AsyncDisposableStack();
  const root = mkdtempSync(join(tmpdir(), 'plume-commands-'));
  stack.defer(() => rmSync(root, { recursive: true, force: true }));
  const directory = join(root, 'checkout');
  checkOut(directory, { prod: STAGE });
  const cloud = await startPlumeCloud({
    clients: CLIENTS,
    waf: { limit: 2000, windowMs: 300_000, release: 'new-frame' },
    latencyMs: 5,
    record: () => {},
    now: Date.now,
  });
  stack.defer(() => cloud.stop());
  writeSecrets(directory, cloud);

  let lambdaUrl: string | undefined;
  const shell = createShell(directory, () => ({
    ...process.env,
    ...(lambdaUrl !== undefined && { AWS_ENDPOINT_URL_LAMBDA: lambdaUrl }),
  }));
  const [setUp = '', definitions = '', ...first] = shellBlocks('infra/aws/README.md', '## Deploy');
  assert.match(setUp, /^stage=dev$/m);
  await shell.run(setUp.replace(/^stage=dev$/m, 'stage=prod'));

  // What the emulator cannot do: run the functions, tick by tick, and take jobs from the queue.
  const lambda = new LambdaClient({});
  stack.defer(() => lambda.destroy());
  const functions = await deployedFunctions(lambda, STACK, join(directory, 'cdk.out'));
  const local = await startLocalFunctions(functions, cloud);
  stack.defer(() => local.stop());
  lambdaUrl = local.url;
  const nameOf = (part: string): string => functions.find(({ name }) => name.includes(part))?.name ?? '';
  const ticks = startTicks(() => local.invoke(nameOf('Minter'), { kind: 'tick' } satisfies MinterEvent));
  stack.defer(ticks.stop);

  const variables = `stage=prod\nstack=PlumeTokenBroker-$stage\n${definitions}`;
  const text = (script: string): Promise<string> => shell.run(`${variables}\n${script}`);
  /** Runs a block as a script does, with its answers in a file. */
  const answersOf = async (block: string): Promise<readonly unknown[]> => jsonTexts(await text(block));
  const [jobs, deadLetters] = (
    await text('for queue in JobQueueUrl DeadLetterQueueUrl; do output $queue; done')
  ).split('\n');
  const sqs = new SQSClient({});
  stack.defer(() => sqs.destroy());
  const pool = local.pools.get(nameOf('Worker'));
  assert.ok(pool && jobs, 'the stack has a worker and its queue');
  const eventSource = startEventSource({
    ...{ sqs, queueUrl: jobs, pool, batchSize: 10, maxConcurrency: 1, record: () => {} },
  });

  for (const block of first) await answersOf(block);
  await until('the token of mocha is served', async () => {
    const [rows] = (await answersOf("invoke InspectorFunction '{}'")) as [
      { client: string; state: string }[],
    ];
    return rows.some(({ client, state }) => client === 'mocha' && state === 'served');
  });
  for (const block of shellBlocks('infra/aws/README.md', '### Stages')) await text(block);

  await sqs.send(
    new SendMessageCommand({
      QueueUrl: deadLetters,
      MessageBody: '{}',
      MessageAttributes: { [JOB_ATTRIBUTES.code]: { DataType: 'String', StringValue: 'job_failed' } },
    }),
  );
  for (const block of shellBlocks('infra/aws/operate.md')) {
    if (block.includes('operate -- heal')) await moveCounter(text);
    const answers = await answersOf(block);
    if (block.includes('operate -- status')) assert.equal(answers.length, block.trim().split('\n').length);
  }
  for (const block of shellBlocks('infra/aws/alarms.md')) await answersOf(block);

  const [remove = '', removeOld = ''] = shellBlocks('infra/aws/README.md', '### Remove');
  await Promise.all([ticks.stop(), eventSource.stop()]);
  await text(remove);
  assert.equal(await isThere(STACK), false, 'destroy removes the stack');

  writeStages(directory, { old: OLD });
  await shell.run('npx cdk deploy -c stage=old');
  // The stage is renamed: the CDK knows no `old` any more.
  writeStages(directory, { renamed: { ...STAGE, secretPrefix: 'plume/renamed' } });
  await assert.rejects(shell.run('npx cdk destroy -c stage=old'));
  await text(removeOld);
  await until('the removed stage is gone', async () => !(await isThere('PlumeTokenBroker-old')));
  return shell.notes();
}

function writeSecrets(directory: string, { tokenUrl }: PlumeCloud): void {
  for (const client of CLIENTS)
    writeFileSync(
      join(directory, `${client.name}.json`),
      JSON.stringify({ authorization: authorizationOf(client), tokenUrl, scope: scopeOf(client) }),
    );
}

/** To where no caller can have moved it: `heal` refuses else. */
async function moveCounter(text: (script: string) => Promise<string>): Promise<void> {
  const later = Date.now() + 86_400_000;
  await text(`aws dynamodb put-item --table-name "$(output TableName)" --item \
'{"pk":{"S":"budget#default#worker"},"nextMs":{"N":"${later}"}}'`);
}

function startTicks(tick: () => Promise<unknown>): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const ended = (async () => {
    while (!stopped.signal.aborted) {
      await tick().catch(() => {});
      await sleep(TICK_MS, undefined, { signal: stopped.signal }).catch(() => {});
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await ended;
    },
  };
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    if (await isSo()) return;
    await sleep(2_000);
  }
  throw new Error(`not after two minutes: ${what}`);
}

async function isThere(stackName: string): Promise<boolean> {
  const cloudformation = new CloudFormationClient({});
  try {
    const { Stacks = [] } = await cloudformation.send(new DescribeStacksCommand({ StackName: stackName }));
    return Stacks.some(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE');
  } catch {
    return false;
  } finally {
    cloudformation.destroy();
  }
}
