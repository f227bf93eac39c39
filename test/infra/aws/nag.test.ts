import { type Environment, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { expect, test } from 'vitest';

import type { Stage } from '../../../infra/aws/stage-schema.ts';
import { createApp, createStack, REGION } from './synth.ts';

/** Both packs; what the code departs from on purpose is acknowledged beside it, with the reason. */
test.each<[string, Partial<Stage>, Environment, Record<string, unknown>]>([
  ['of a region', {}, { region: REGION }, {}],
  ['with two zones', { zones: 2 }, { region: REGION }, {}],
  ['of an account', {}, { region: REGION, account: '123456789012' }, {}],
  ['with a key that AWS owns', { encryption: 'aws-owned' }, { region: REGION }, {}],
  ['of a known partition', {}, { region: REGION }, { '@aws-cdk/core:enablePartitionLiterals': true }],
])(
  'cdk-nag finds nothing in a stack %s',
  (_, stage, env, context) => {
    const app = createApp(context);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
    createStack(stage, app, env);
    expect(() => app.synth()).not.toThrow();
  },
  300_000,
);
