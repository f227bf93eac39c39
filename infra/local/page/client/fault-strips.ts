import type { FaultMark, View } from '../view.ts';
import { svg } from './dom.ts';
import { lanesOf, MARGIN } from './plot.ts';
import type { TimeRange } from './time-range.ts';

const ROW = 16;
const STRIP = 6;
/** Of a letter, roughly: enough to know on which side of its strip a label has room. */
const LETTER = 6;

/** A labelled strip a fault, in line with the picture below. */
export function createFaultStrips() {
  const picture = svg('svg', { class: 'strips', 'aria-hidden': 'true' });

  return {
    node: picture,
    update({ marks, faults }: View, range: TimeRange): void {
      const lanes = lanesOf(marks);
      const right = picture.clientWidth - MARGIN.right;
      const width = right - MARGIN.left;
      const x = (ms: number): number =>
        MARGIN.left +
        (width * (Math.min(Math.max(ms, range.fromMs), range.toMs) - range.fromMs)) /
          (range.toMs - range.fromMs);

      const label = (lane: FaultMark['fault'], row: number): SVGElement => {
        const text = faults.find(({ name }) => name === lane)?.label ?? lane;
        const last = marks.findLast(({ fault }) => fault === lane) as FaultMark;
        const from = x(last.atMs);
        const fits = from + text.length * LETTER < right;
        return svg(
          'text',
          { x: fits ? from : right, y: row * ROW + 9, 'text-anchor': fits ? 'start' : 'end' },
          text,
        );
      };
      const strip = (name: string, row: number, fromMs: number, toMs: number): SVGElement =>
        svg('rect', {
          class: name,
          x: x(fromMs),
          y: row * ROW + ROW - STRIP,
          height: STRIP - 1,
          width: Math.max(x(toMs) - x(fromMs), 2),
        });

      picture.setAttribute('height', String(lanes.length * ROW));
      picture.replaceChildren(
        ...marks
          .filter(({ atMs, recoveredMs }) => atMs < range.toMs && (recoveredMs ?? range.toMs) > range.fromMs)
          .flatMap(({ fault, atMs, overMs, recoveredMs }) => {
            const row = lanes.indexOf(fault);
            const endMs = recoveredMs ?? range.toMs;
            return [
              strip('fault', row, atMs, overMs ?? endMs),
              ...(overMs === undefined ? [] : [strip('recovering', row, overMs, endMs)]),
            ];
          }),
        ...lanes.map(label),
      );
    },
  };
}
