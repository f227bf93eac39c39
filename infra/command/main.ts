#!/usr/bin/env node
import { runCommand } from './run-command.ts';

/** `npx --no plume-m2m-token-broker <verb>`; in this repository `npm run operate -- <verb>`. */

process.exitCode = await runCommand(process.argv.slice(2), process);
