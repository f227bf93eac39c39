import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { expect, test } from 'vitest';

import { createApp, createStack } from './synth.ts';

/** Both packs; what the code departs from on purpose is acknowledged beside it, with the reason. */
test.each([0, 2])(
  'cdk-nag finds nothing in a stack with %i zones',
  (zones) => {
    const app = createApp();
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
    createStack({ zones }, app);
    expect(() => app.synth()).not.toThrow();
  },
  60_000,
);
