import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import type { FaultMark } from '../view.ts';
import { element } from './dom.ts';
import { type FaultLanes, faultLanes } from './fault-lanes.ts';
import { formatTime, formatValue } from './format.ts';
import type { TimeRange } from './time-range.ts';

/** The width of the axis on the left, and what is free on the right, in CSS pixels: other pictures keep in line. */
export const MARGIN = { left: 48, right: 12 };

export interface Level {
  readonly value: number;
  readonly label: string;
}

export interface PlotData {
  readonly atMs: readonly number[];
  readonly lines: readonly {
    readonly label: string;
    readonly values: readonly (number | null | undefined)[];
  }[];
  readonly levels: readonly Level[];
  readonly marks: readonly FaultMark[];
  readonly range: TimeRange;
}

export interface Plot {
  readonly root: HTMLElement;
  update(data: PlotData): void;
}

const DASHES = [[], [6, 3], [2, 3]];
const COLOURS = 6;
const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200].map(
  (seconds) => seconds * 1_000,
);

/** Strips of faults above a picture, and the room for a level's label between them, in CSS pixels. */
const STRIP = { above: 10, height: 5 };

function faultsOf(data: PlotData | undefined): FaultLanes {
  return data === undefined ? { lanes: [], strips: [] } : faultLanes(data.marks, data.range);
}

/** The data points that no line shows, since their neighbours are missing. */
function pointsOf(plot: uPlot, series: number): number[] {
  const values = plot.data[series] ?? [];
  const known = [...values.keys()].filter((index) => typeof values[index] === 'number');
  return known.length === 1
    ? known
    : known.filter((index) => isMissing(values[index - 1]) && isMissing(values[index + 1]));
}

function isMissing(value: number | null | undefined): boolean {
  return typeof value !== 'number';
}

/** A colour of the style sheet: light or dark, as it is now. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** The colour and dash of a line: one of them differs from every other line's. */
export function lineStyle(index: number): { readonly colour: string; readonly dash: number[] } {
  return {
    colour: `line-${index % COLOURS}`,
    dash: DASHES[Math.floor(index / COLOURS) % DASHES.length] ?? [],
  };
}

/** A picture of values over time, with levels across it and a strip for each fault above it. */
export function createPlot(height: number): Plot {
  const root = element('div', { class: 'plot' });
  let plot: uPlot | undefined;
  let shape = '';
  let latest: PlotData | undefined;

  function build(data: PlotData): uPlot {
    plot?.destroy();
    const axis = {
      stroke: () => colour('muted'),
      grid: { stroke: () => colour('grid'), width: 1 },
      ticks: { show: false },
    };
    return new uPlot(
      {
        width: Math.max(root.clientWidth, 200),
        height,
        padding: [() => STRIP.above + STRIP.height * faultsOf(latest).lanes.length, MARGIN.right, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: {
          x: { time: false, range: () => [latest?.range.fromMs ?? 0, latest?.range.toMs ?? 1] },
          y: {
            range: (_plot, _low, high) => [
              0,
              1.1 * Math.max(high ?? 0, ...(latest?.levels ?? []).map(({ value }) => value), 1),
            ],
          },
        },
        axes: [
          {
            ...axis,
            size: 28,
            incrs: STEPS_MS,
            values: (_plot, splits) => splits.map(formatTime),
            space: 70,
          },
          { ...axis, size: MARGIN.left, values: (_plot, splits) => splits.map(formatValue) },
        ],
        series: [
          {},
          ...data.lines.map((_line, index) => {
            const style = lineStyle(index);
            return {
              stroke: () => colour(style.colour),
              dash: style.dash,
              width: 2,
              // As CloudWatch does: a line joins its data points over periods without any.
              spanGaps: true,
              points: { show: true, size: 5, filter: pointsOf },
            };
          }),
        ],
        hooks: { draw: [drawMarks, drawLevels] },
      },
      undefined,
      root,
    );
  }

  /** Above the picture, not over it: curves stay readable while several faults are under way. */
  function drawMarks({ ctx, bbox, valToPos }: uPlot): void {
    const { lanes, strips } = faultsOf(latest);
    const pixels = devicePixelRatio;
    for (const { lane, kind, fromMs, toMs } of strips) {
      const left = valToPos(fromMs, 'x', true);
      const right = valToPos(toMs, 'x', true);
      ctx.fillStyle = colour(kind);
      const top = bbox.top - (STRIP.above + (lanes.length - lane) * STRIP.height) * pixels;
      // The least width, so that an instantaneous fault can be seen.
      ctx.fillRect(left, top, Math.max(right - left, 2 * pixels), (STRIP.height - 1) * pixels);
    }
  }

  function drawLevels({ ctx, bbox, valToPos }: uPlot): void {
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = 'right';
    for (const { value, label } of latest?.levels ?? []) {
      const y = valToPos(value, 'y', true);
      ctx.strokeStyle = ctx.fillStyle = colour('level');
      ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      const x = bbox.left + bbox.width - 4 * devicePixelRatio;
      const baseline = y - 5 * devicePixelRatio;
      const width = ctx.measureText(label).width;
      // A curve behind it must not make it unreadable.
      ctx.fillStyle = colour('surface');
      ctx.fillRect(x - width - 2, baseline - 11 * devicePixelRatio, width + 4, 14 * devicePixelRatio);
      ctx.fillStyle = colour('level');
      ctx.fillText(label, x, baseline);
    }
    ctx.restore();
  }

  new ResizeObserver(() => {
    if (root.clientWidth > 0) plot?.setSize({ width: root.clientWidth, height });
  }).observe(root);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot?.redraw());

  return {
    root,
    update(data) {
      latest = data;
      const labels = data.lines.map(({ label }) => label).join();
      if (plot === undefined || shape !== labels) plot = build(data);
      shape = labels;
      plot.setData([data.atMs, ...data.lines.map(({ values }) => values)] as unknown as uPlot.AlignedData);
    },
  };
}
