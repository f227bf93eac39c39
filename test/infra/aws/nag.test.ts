import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { expect, test } from 'vitest';

import { createApp, createStack, REGION } from './synth.ts';

/** Both packs; what the code departs from on purpose is acknowledged beside it, with the reason. */
test.each([
  ['of a region', 0, { region: REGION }, {}],
  ['with two zones', 2, { region: REGION }, {}],
  ['of an account', 0, { region: REGION, account: '123456789012' }, {}],
  ['of a known partition', 0, { region: REGION }, { '@aws-cdk/core:enablePartitionLiterals': true }],
])(
  'cdk-nag finds nothing in a stack %s',
  (_, zones, env, context) => {
    const app = createApp(context);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
    createStack({ zones }, app, env);
    expect(() => app.synth()).not.toThrow();
  },
  300_000,
);
