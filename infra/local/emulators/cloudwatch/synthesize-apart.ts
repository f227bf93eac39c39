import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import type { Profile } from '../../run/profile.ts';
import type { CloudFormationTemplate } from './template.ts';

/** {@link synthesize} in a thread of its own: the CDK's half a gigabyte goes with it. */
export async function synthesizeApart(profile: Profile): Promise<CloudFormationTemplate> {
  const thread = new Worker(new URL('./synthesize-thread.ts', import.meta.url), { workerData: profile });
  const [template] = await once(thread, 'message');
  await thread.terminate();
  return template;
}
