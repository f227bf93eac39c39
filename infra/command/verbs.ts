import { forget, heal, lift, mint, pause, resume, slow } from './orders.ts';
import { policy } from './policy.ts';
import { replay } from './replay.ts';
import { status } from './status.ts';
import type { Verb } from './verb.ts';

/** Every verb, in the order in which `--help` lists them. */
export const VERBS: Readonly<Record<string, Verb>> = {
  status,
  pause,
  resume,
  slow,
  lift,
  mint,
  forget,
  heal,
  replay,
  policy,
};
