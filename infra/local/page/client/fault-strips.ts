import type { FaultMark, View } from '../view.ts';
import { svg } from './dom.ts';
import { faultLanes } from './fault-lanes.ts';
import { MARGIN } from './plot.ts';
import type { TimeRange } from './time-range.ts';

/** A label and, below its descenders, the strip. */
const ROW = 20;
const BASELINE = 10;
const STRIP = 5;
/** Of a letter, roughly: enough to know on which side of its strip a label has room. */
const LETTER = 6;

/** One labelled strip per fault, in line with the picture below. */
export function createFaultStrips() {
  const picture = svg('svg', { class: 'strips', 'aria-hidden': 'true' });

  return {
    node: picture,
    update({ marks, faults }: View, range: TimeRange): void {
      const { lanes, strips } = faultLanes(marks, range);
      const right = picture.clientWidth - MARGIN.right;
      const width = right - MARGIN.left;
      const x = (ms: number): number =>
        MARGIN.left + (width * (ms - range.fromMs)) / (range.toMs - range.fromMs);

      const label = (lane: FaultMark['fault'], row: number): SVGElement => {
        const text = faults.find(({ name }) => name === lane)?.label ?? lane;
        const from = x(strips.find((strip) => strip.lane === row)?.fromMs ?? range.fromMs);
        const fits = from + text.length * LETTER < right;
        return svg(
          'text',
          { x: fits ? from : right, y: row * ROW + BASELINE, 'text-anchor': fits ? 'start' : 'end' },
          text,
        );
      };
      picture.setAttribute('height', String(lanes.length * ROW));
      picture.replaceChildren(
        ...strips.map(({ lane, kind, fromMs, toMs }) =>
          svg('rect', {
            class: kind,
            x: x(fromMs),
            y: (lane + 1) * ROW - STRIP - 1,
            height: STRIP,
            width: Math.max(x(toMs) - x(fromMs), 2),
          }),
        ),
        ...lanes.map(label),
      );
    },
  };
}
