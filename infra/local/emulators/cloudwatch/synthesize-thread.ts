import { parentPort, workerData } from 'node:worker_threads';

import type { Profile } from '../../run/profile.ts';
import { synthesize } from './synthesize.ts';

parentPort?.postMessage(synthesize(workerData as Profile));
