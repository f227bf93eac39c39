import { writeFile } from 'node:fs/promises';

import { synthesizeApart } from '../emulators/cloudwatch/synthesize-apart.ts';
import type { Profile } from '../run/profile.ts';
import type { Report } from '../run/report.ts';
import type { RunUnderWay } from '../run/run.ts';
import { bundlePage } from './page-html.ts';
import { startPageServer } from './page-server.ts';
import { createRecorder } from './recorder.ts';

/** The page of a run: live while it lasts, and a file of its report. */
export interface Page {
  /** undefined: it is not served. */
  readonly url: string | undefined;
  /** Watches a run; returns the function that ends the watching. */
  watch(run: RunUnderWay): () => void;
  finish(report: Report): Promise<void>;
  stop(): Promise<void>;
}

export interface PageOptions {
  readonly profile: Profile;
  /** 0: any that is free. undefined: it is not served. */
  readonly port: number | undefined;
  /** Where the page of the report is written. */
  readonly reportFile: string | undefined;
}

/** @throws EADDRINUSE */
export async function startPage({ profile, port, reportFile }: PageOptions): Promise<Page> {
  const [template, html] = await Promise.all([synthesizeApart(profile), bundlePage()]);
  const recorder = createRecorder(profile, template);
  let underWay: RunUnderWay | undefined;
  const server =
    port === undefined
      ? undefined
      : await startPageServer({
          port,
          html,
          view: recorder.view,
          order: recorder.order,
          outputs: () => underWay?.deployment.outputs,
          inject: (fault) => underWay?.faultDesk.inject(fault) !== undefined,
        });
  return {
    url: server?.url,
    watch(run) {
      underWay = run;
      return recorder.record(run);
    },
    async finish(report) {
      recorder.finish(report);
      if (reportFile !== undefined) await writeFile(reportFile, html(recorder.view()));
    },
    stop: async () => server?.stop(),
  };
}
