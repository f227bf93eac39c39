import type { IncomingMessage } from 'node:http';

import { createRollingWindow, type RollingWindow } from './rolling-window.ts';

export interface WafSettings {
  /** Calls allowed in any `windowMs` from one address. */
  readonly limit: number;
  readonly windowMs: number;
  /**
   * When a refused address may call again.
   *
   * `new-frame`: a whole window after the first refusal, with the full number of calls available again (vendor
   * document: "The block is released at the beginning of a new five-minute time frame").
   * `rolling`: as soon as fewer than `limit` accepted calls lie in the window.
   */
  readonly release: 'new-frame' | 'rolling';
}

export interface Waf {
  /** Judges one call of an address, which counts whether it is refused or not. */
  judge(address: string): { readonly refused: boolean; readonly inWindow: number };
  /** Refuses every address for `durationMs`. */
  block(durationMs: number): void;
}

export function createWaf(settings: WafSettings, now: () => number): Waf {
  const sources = new Map<string, Source>();
  let blockedUntil = Number.NEGATIVE_INFINITY;

  return {
    judge(address) {
      const source = sources.get(address) ?? createSource(settings);
      sources.set(address, source);
      const atMs = now();
      const inWindow = source.arrivals.add(atMs);
      return { refused: atMs < blockedUntil || source.refuses(atMs), inWindow };
    },
    block(durationMs) {
      blockedUntil = now() + durationMs;
    },
  };
}

interface Source {
  /** Every call: what is measured. */
  readonly arrivals: RollingWindow;
  /** Decides on one call, and counts it. */
  refuses(atMs: number): boolean;
}

function createSource({ limit, windowMs, release }: WafSettings): Source {
  const counted = createRollingWindow(windowMs);
  let blockedUntil = Number.NEGATIVE_INFINITY;
  return {
    arrivals: createRollingWindow(windowMs),
    refuses(atMs) {
      if (release === 'rolling') {
        if (counted.count(atMs) >= limit) return true;
        counted.add(atMs);
        return false;
      }
      if (atMs < blockedUntil) return true;
      if (counted.add(atMs) <= limit) return false;
      blockedUntil = atMs + windowMs;
      counted.clear();
      return true;
    },
  };
}

/** Tests put another address here. It is believed only from a loopback peer. */
export const TEST_ADDRESS_HEADER = 'x-test-source-address';

/** The address that the WAF counts a call for. */
export function sourceAddressOf(request: IncomingMessage): string {
  const peer = request.socket.remoteAddress ?? 'unknown';
  const isLoopback = peer === '::1' || /^(::ffff:)?127\./.test(peer);
  const header = request.headers[TEST_ADDRESS_HEADER];
  return isLoopback && typeof header === 'string' ? header : peer;
}
