import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib/core';
import type { BudgetSettings } from '../../../../lib/budget/settings.ts';
import { DEFAULT_SERVICE } from '../../../../lib/contract.ts';
import { TokenBrokerStack } from '../../../aws/token-broker-stack.ts';
import type { Profile } from '../../run/profile.ts';
import type { CloudFormationTemplate } from './template.ts';
import { STACK_TICK_MS } from './time-scale.ts';

/**
 * The template of the stack that a run stands for: its dashboard and alarms are the run's. All times of the profile are
 * as many times longer as the stack's tick is. It takes seconds: the CDK is large.
 */
export function synthesize(profile: Profile): CloudFormationTemplate {
  const outdir = mkdtempSync(join(tmpdir(), 'plume-local-'));
  try {
    const app = new App({
      context: { 'aws:cdk:bundling-stacks': [] },
      outdir,
      // The template is only read here; `cdk synth` validates it.
      builtinCloudFormationValidation: false,
    });
    // Named as the functions name themselves in metrics.
    const stack = new TokenBrokerStack(app, DEFAULT_SERVICE, {
      env: { region: 'us-east-1' },
      stage: {
        name: 'local',
        apiUrl: 'https://api.plume.example/',
        client: profile.clients[0]?.name ?? '',
        budget: slower(profile.budget, STACK_TICK_MS / profile.token.tickMs),
      },
    });
    return app.synth().getStackByName(stack.stackName).template as CloudFormationTemplate;
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

function slower(budget: BudgetSettings, times: number): BudgetSettings {
  const scaled = <Settings extends object>(settings: Settings): Settings =>
    Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [
        key,
        key.endsWith('Ms') ? Math.ceil(Number(value) * times) : value,
      ]),
    ) as Settings;
  return { ...scaled(budget), worker: scaled(budget.worker), minter: scaled(budget.minter) };
}
