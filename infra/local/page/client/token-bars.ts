import type { TokenLife } from '../view.ts';
import { element, svg } from './dom.ts';
import { formatTime } from './format.ts';
import { MARGIN } from './plot.ts';
import type { TimeRange } from './time-range.ts';

const ROW = 18;
const BAR = 12;

/** The lives of each client's tokens: a row a client, in line with the picture below. */
export function createTokenBars() {
  const picture = svg('svg', { class: 'tokens', 'aria-hidden': 'true' });
  const words = element('p', { class: 'unseen' });

  return {
    nodes: [picture, words],
    update(tokens: readonly TokenLife[], range: TimeRange): void {
      const clients = [...new Set(tokens.map(({ client }) => client))].sort();
      const width = picture.clientWidth - MARGIN.left - MARGIN.right;
      const x = (ms: number): number =>
        MARGIN.left +
        (width * (Math.min(Math.max(ms, range.fromMs), range.toMs) - range.fromMs)) /
          (range.toMs - range.fromMs);
      // Two rows a client: a token begins before the one that it replaces ends.
      const rows = clients.flatMap((client) => {
        const own = tokens.filter((token) => token.client === client);
        return own.map((token, index) => ({ token, row: 2 * clients.indexOf(client) + (index % 2) }));
      });
      picture.setAttribute('height', String(2 * ROW * clients.length));
      picture.replaceChildren(
        ...clients.map((client, index) => svg('text', { x: 0, y: 2 * ROW * index + ROW + 4 }, client)),
        ...rows
          .filter(({ token }) => token.expiresMs > range.fromMs && token.mintedMs < range.toMs)
          .flatMap(({ token, row }) => bar(token, row * ROW + (ROW - BAR) / 2, x)),
      );
      const latest = clients.map((client) => tokens.findLast((token) => token.client === client));
      words.textContent = latest.map((token) => token && `${token.client}: ${describe(token)}`).join('; ');
    },
  };
}

function bar(token: TokenLife, y: number, x: (ms: number) => number): SVGElement[] {
  const { mintedMs, servableUntilMs, expiresMs, usedUntilMs, revokedMs, rejectedMs } = token;
  const span = (className: string, fromMs: number, toMs: number): SVGElement =>
    svg('rect', {
      class: className,
      x: x(fromMs),
      y,
      width: Math.max(x(toMs) - x(fromMs), 0),
      height: BAR,
      rx: 2,
    });
  const endMs = revokedMs ?? expiresMs;
  const parts = [
    span('life', mintedMs, endMs),
    span('servable', mintedMs, Math.min(servableUntilMs, endMs)),
    ...(usedUntilMs === undefined ? [] : [span('used', mintedMs, usedUntilMs)]),
  ];
  const crossed = rejectedMs ?? revokedMs;
  if (crossed !== undefined) {
    const at = x(crossed);
    parts.push(svg('path', { class: 'rejected', d: `M${at - 4} ${y + 2}l8 8m0 -8l-8 8` }));
  }
  return [svg('g', {}, svg('title', {}, describe(token)), ...parts)];
}

function describe({
  fingerprint,
  mintedMs,
  servableUntilMs,
  expiresMs,
  revokedMs,
  rejectedMs,
}: TokenLife): string {
  return [
    `token ${fingerprint} minted at ${formatTime(mintedMs)}`,
    `served until ${formatTime(servableUntilMs)} at the latest`,
    `expires at ${formatTime(expiresMs)}`,
    ...(revokedMs === undefined ? [] : [`revoked at ${formatTime(revokedMs)}`]),
    ...(rejectedMs === undefined ? [] : [`rejected at ${formatTime(rejectedMs)}`]),
  ].join(', ');
}
