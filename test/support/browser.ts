import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Chromium, if this machine has it: it is not among what a checkout needs. */
export const BROWSER_PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

export const NO_BROWSER = 'skipped: there is no Chromium in PATH';

export function startBrowser(): Promise<Browser> {
  // Without its sandbox: it opens nothing but pages of this machine, and may run as root in a container.
  return chromium.launch({ executablePath: BROWSER_PATH ?? '', args: ['--no-sandbox'] });
}
