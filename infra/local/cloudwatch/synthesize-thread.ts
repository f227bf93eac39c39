import { parentPort, workerData } from 'node:worker_threads';

import type { Profile } from '../profile.ts';
import { synthesize } from './synthesize.ts';

parentPort?.postMessage(synthesize(workerData as Profile));
