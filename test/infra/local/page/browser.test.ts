import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page as BrowserPage } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAULTS } from '../../../../infra/local/faults/fault-desk.ts';
import { type Page, startPage } from '../../../../infra/local/page/page.ts';
import { bundlePage } from '../../../../infra/local/page/page-html.ts';
import { startPageServer } from '../../../../infra/local/page/page-server.ts';
import type { View } from '../../../../infra/local/page/view.ts';
import type { FaultName } from '../../../../infra/local/run/events.ts';
import { failuresOf, type Report } from '../../../../infra/local/run/report.ts';
import { run } from '../../../../infra/local/run/run.ts';
import { BROWSER_PATH, NO_BROWSER, startBrowser } from '../../../fixtures/browser.ts';
import { FAST_PROFILE } from '../../../fixtures/fast-profile.ts';

/** The live page in a real browser: every fault is ordered by its button, and seen, and seen to be over. */

const PROFILE = {
  ...FAST_PROFILE,
  worker: { ...FAST_PROFILE.worker, timeoutMs: 5_000, visibilitySeconds: 6 },
  budget: { ...FAST_PROFILE.budget, worker: { ...FAST_PROFILE.budget.worker, intervalMs: 100 } },
};
/** A machine that is busy elsewhere may let a story pass by its alarm: it can be told again. */
const TWICE_MORE = { retry: 2 };
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
/** A token, a header, or a secret of the local clients. */
const CREDENTIAL = /eyJ[\w-]{10}|Basic [\w+/]{10}|Bearer [\w.-]{10}|[\w-]{60}/;
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

if (BROWSER_PATH === undefined) console.log(`${import.meta.filename}: ${NO_BROWSER}`);

describe.skipIf(BROWSER_PATH === undefined)('the live page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plume-page-'));
  const reportFile = join(folder, 'report.html');
  const over = new AbortController();
  /** What went over the wire: addresses, bodies of requests and of answers, events. */
  const traffic: string[] = [];
  const complaints: string[] = [];
  let page: Page;
  let running: Promise<Report>;
  let browser: Browser;
  let tab: BrowserPage;
  let figures = 0;

  beforeAll(async () => {
    page = await startPage({ profile: PROFILE, port: 0, reportFile });
    running = run({
      profile: PROFILE,
      durationMs: 600_000,
      workers: 4,
      faults: false,
      dynamodbUrl: process.env.AWS_ENDPOINT_URL_DYNAMODB,
      signal: over.signal,
      watch: page.watch,
    });
    browser = await startBrowser();
    tab = await open(page.url ?? '');
  }, 60_000);

  afterAll(async () => {
    over.abort();
    await running.catch(() => {});
    await page.stop();
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  async function open(url: string): Promise<BrowserPage> {
    const opened = await browser.newPage({ viewport: DESKTOP });
    opened.setDefaultTimeout(60_000);
    opened.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    opened.on('pageerror', (error) => complaints.push(error.message));
    opened.on('request', (request) => traffic.push(`${request.url()} ${request.postData() ?? ''}`));
    await opened.addInitScript(() => {
      const heard: string[] = [];
      Object.assign(window, { heard });
      const { EventSource: Real } = window;
      window.EventSource = class extends Real {
        constructor(address: string | URL) {
          super(address);
          this.addEventListener('message', ({ data }) => heard.push(data));
        }
      };
    });
    await opened.goto(url);
    return opened;
  }

  const lit = (alarm: RegExp) => tab.locator('.lights li[data-state="ALARM"]', { hasText: alarm });

  /** By the keyboard. */
  async function press(fault: FaultName): Promise<void> {
    await tab.locator(`button[data-fault="${fault}"]`).focus();
    await tab.keyboard.press('Enter');
  }

  /** For whoever built something to look at. */
  async function screenshot(name: string, of: BrowserPage = tab): Promise<void> {
    const folder = process.env.PLUME_TEST_SCREENSHOTS;
    if (folder !== undefined) await of.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  }

  async function seeRecovery(fault: FaultName): Promise<void> {
    await tab.locator(`.log [data-fault="${fault}"][data-recovered="true"]`).first().waitFor();
  }

  test('draws curves soon: the window, the tokens, and every widget of the dashboard', async () => {
    await tab
      .locator('.window .legend b')
      .filter({ hasText: /^\d\d+$/ })
      .waitFor();
    expect(await tab.locator('.tokens .used').count()).toBeGreaterThan(0);
    const drawn = await tab.locator('.plot canvas').evaluateAll((canvases) =>
      canvases.map((canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        const pixels = (canvas as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, width, height).data;
        return new Set(new Uint32Array(pixels?.buffer ?? new ArrayBuffer(0))).size;
      }),
    );
    expect(drawn.length).toBeGreaterThan(10);
    for (const colours of drawn) expect(colours).toBeGreaterThan(3);
    expect(await tab.locator('.dashboard figcaption').allTextContents()).toContain(
      'Tokens served, by source',
    );
    await tab.locator('.dashboard td', { hasText: 'latte' }).first().waitFor();
    await tab.locator('.lights li').first().waitFor();
    const { alarms } = JSON.parse(
      (await tab.evaluate(() => (window as unknown as { heard: string[] }).heard)).at(-1) ?? '{}',
    ) as View;
    expect(await tab.locator('.lights li').count()).toBe(alarms.length);
    figures = drawn.length;
  });

  test.each([
    [['token-revoked'], []],
    [
      ['secret-broken', 'instance-killed', 'load-doubled'],
      [/CredentialsRefused/, /BudgetSaturated/],
    ],
    [['authorization-server-down'], [/TokenAboutToExpire|ClientsFailing/]],
    [['table-away'], [/TicksMissing/]],
    [['secret-rotated', 'partner-removed'], []],
    [['address-blocked'], [/WafBlock/]],
  ] as const)('%s: the recovery is seen, and the alarms %s', TWICE_MORE, async (faults, alarms) => {
    // The run's own backlog, too, saturates the budget.
    for (const alarm of alarms)
      if (!alarm.test('BudgetSaturated')) await expect.poll(() => lit(alarm).count()).toBe(0);
    for (const fault of faults) await press(fault);
    await Promise.all([...faults.map(seeRecovery), ...alarms.map((alarm) => lit(alarm).first().waitFor())]);
  });

  test('orders reach the operator function, and the page says who gave them', async () => {
    const given = tab.locator('.orders .given');
    for (const [verb, text] of [
      ['slow', /25 % of their calls .*by a viewer of this page/],
      ['pause', /the workers are paused/],
      ['resume', /No order is in force/],
    ] as const) {
      await tab.locator(`button[data-order="${verb}"]`).focus();
      await tab.keyboard.press('Enter');
      await given.filter({ hasText: text }).waitFor();
    }
    await tab.locator('.streams li', { hasText: /worker: circuit breaker/ }).waitFor();
    await tab
      .locator('.partners td', { hasText: /served, \d+ s left/ })
      .first()
      .waitFor();
  });

  test.each([
    ['desktop, light', DESKTOP, 'light'],
    ['desktop, dark', DESKTOP, 'dark'],
    ['phone, light', PHONE, 'light'],
    ['phone, dark', PHONE, 'dark'],
  ] as const)('is within reach of everybody: %s', async (_name, viewport, colorScheme) => {
    await tab.setViewportSize(viewport);
    await tab.emulateMedia({ colorScheme });
    await tab.evaluate(readFileSync(axe, 'utf8'));
    const violations = await tab.evaluate(async () => {
      const { axe } = window as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      return (await axe.run()).violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`,
      );
    });
    expect(violations).toEqual([]);
    const wide = await tab.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wide).toBeLessThanOrEqual(0);
    await screenshot(_name);
  });

  test('on a phone every button gives its order too', async () => {
    const view = (await tab.evaluate(() => (window as unknown as { heard: string[] }).heard)).at(-1) ?? '{}';
    const given: string[] = [];
    const server = await startPageServer({
      port: 0,
      html: await bundlePage(),
      view: () => JSON.parse(view) as View,
      outputs: () => undefined,
      inject: (fault) => given.push(fault) > 0,
      order: async (verb) => given.push(verb) > 0,
    });
    const phone = await browser.newPage({ viewport: PHONE });
    await phone.goto(server.url);
    const buttons = phone.locator('button[data-fault][aria-disabled="false"], button[data-order]');
    await buttons.first().waitFor();
    const names = [...FAULTS.map(({ name }) => name), 'pause', 'slow', 'resume', 'lift'];
    for (const name of names)
      await phone.locator(`button[data-fault="${name}"], button[data-order="${name}"]`).click();
    await expect.poll(() => given.toSorted()).toEqual(names.toSorted());
    await phone.close();
    await server.stop();
  });

  test('shows the report when the run is over, and leaves it as a file', async () => {
    over.abort();
    const report = await running;
    await page.finish(report);
    await page.stop();
    await tab.locator('.run[data-result]:not([data-result="open"])').waitFor();
    // On a machine that stands still for half a second, the grace of these tokens, a call may carry one that has expired.
    const failures = failuresOf(report);
    const result = failures.length === 0 ? 'good' : `failed: ${failures.join('; ')}`;
    const status = await tab.locator('.run .status').textContent();
    expect(status).toMatch(/^Over after \d+ /);
    expect(status).toContain(`: ${result}.`);
    expect(await tab.locator('.faults .buttons').isVisible()).toBe(false);
    expect(report).toMatchObject({ jobsLost: 0, wafBlocked: 0 });

    const file = await open(pathToFileURL(reportFile).href);
    expect(await file.locator('.plot canvas').count()).toBe(figures);
    expect(await file.locator('.log li').count()).toBeGreaterThanOrEqual(FAULTS.length);
    await screenshot('report', file);
    expect(await file.locator('.run .status').textContent()).toBe(status);
  }, 60_000);

  test('shows a run in which nothing has happened yet, as with the long first silence of the vendor’s limits', async () => {
    const nothing: View = {
      nowMs: 0,
      isSilent: true,
      figures: [],
      run: { profile: 'test', durationMs: 1_000, firstSilenceMs: 100, cloudWatchMinuteMs: 100 },
      window: { limit: 1, windowMs: 1_000, addresses: [] },
      tokens: [],
      partners: [],
      faults: [],
      marks: [],
      alarms: [],
      widgets: [{ kind: 'graph', title: 'Empty', atMs: [], lines: [{ label: 'a', values: [] }], levels: [] }],
    };
    const file = join(folder, 'empty.html');
    writeFileSync(file, (await bundlePage())(nothing));
    const empty = await open(pathToFileURL(file).href);
    expect(await empty.locator('figcaption').count()).toBe(2);
    expect(await empty.locator('.window').textContent()).toContain('No data.');
  });

  test('asked for nothing elsewhere, complained of nothing, and held no secret and no token', async () => {
    const origin = page.url ?? '';
    const elsewhere = traffic.filter((line) => !/^(data:|file:)/.test(line) && !line.startsWith(origin));
    expect(elsewhere).toEqual([]);
    // The page is told of a busy server, not of an error: its stop, too, ends the stream of events in order.
    expect(complaints).toEqual([]);
    const heard = await tab.evaluate(() => (window as unknown as { heard: string[] }).heard);
    expect(heard.length).toBeGreaterThan(10);
    const view = /id="view">(.*?)<\/script>/.exec(readFileSync(reportFile, 'utf8'))?.[1] ?? '';
    expect(view).toContain('"fingerprint"');
    const text = await tab.evaluate(() => document.querySelector('main')?.outerHTML ?? '');
    for (const part of [...traffic, ...heard, view, text]) expect(part).not.toMatch(CREDENTIAL);
  });
});
