/**
 * The chart's geometry: ACCEPT above the line, REJECT below it on a scale of its own. Pure.
 *
 * uPlot gets one scale in ACCEPT's unit. REJECT is mapped into the lower part of it, so that both share
 * one zero line and one column of labels.
 */

import { ACCEPT, at, type Point, REJECT, SECONDS, START, UNKNOWN } from "./board";
import type { Order } from "./address";

const DOWN = 0.5; // the lower part's height, as a share of the upper one's
const HEADROOM = 1.05;

export interface Tick {
  readonly y: number;
  readonly value: number;
}

type Values = (number | null)[];

/** One value for each `x`; null if another part of the curve has the value. */
export interface Lines {
  readonly accept: Values;
  readonly reject: Values;
  readonly unknown: Values;
}

export interface Curve {
  readonly x: number[];
  readonly settled: Lines;
  readonly open: Lines;
  readonly hasUnknown: boolean;
  readonly ticks: Tick[];
  readonly low: number;
  readonly high: number;
  /** The start of the first window that can still grow; null if every window is settled. */
  readonly openFrom: number | null;
}

/** The column of a point, beside its action, that an order shows; rejects are flows. */
export function column(by: Order): number {
  return { flows: 0, packets: 1, bytes: 2, rejects: 0 }[by];
}

/** Lay out points as steps: a window's value holds from its start to its end; a missing window is a gap. */
export function curve(points: readonly Point[], by: Order, openFrom: number | null = null): Curve {
  const offset = column(by);
  const rate = (point: Point, action: number) => at(point, action + offset) / at(point, SECONDS);
  const up = nice(Math.max(0, ...points.map((p) => Math.max(rate(p, ACCEPT), rate(p, UNKNOWN)))), 4);
  const down = nice(Math.max(0, ...points.map((p) => rate(p, REJECT))), 2);
  const toY = (rejects: number) => (-rejects / down.top) * up.top * DOWN;
  const x: number[] = [];
  const [settled, open] = [lines(), lines()];
  const push = (moment: number, point: Point | null, held: Point | null) => {
    x.push(moment);
    const isOpen = openFrom !== null && moment >= openFrom;
    for (const [part, value] of [[settled, isOpen ? held : point], [open, isOpen ? point : null]] as const) {
      part.accept.push(value && rate(value, ACCEPT));
      part.reject.push(value && toY(rate(value, REJECT)));
      part.unknown.push(value && rate(value, UNKNOWN));
    }
  };
  points.forEach((point, index) => {
    const start = at(point, START);
    const end = start + at(point, SECONDS);
    const [before, next] = [points[index - 1], points[index + 1]];
    // The last settled step ends where the first open window starts.
    const isFirstOpen = start === openFrom && before !== undefined && at(before, START) + at(before, SECONDS) === start;
    push(start, point, isFirstOpen ? before : null);
    if (next === undefined) push(end, point, null);
    else if (at(next, START) > end) push(end, null, null);
  });
  return {
    x,
    settled,
    open,
    hasUnknown: points.some((point) => rate(point, UNKNOWN) > 0),
    ticks: [
      ...down.ticks.slice(1).reverse().map((value) => ({ y: toY(value), value })),
      ...up.ticks.map((value) => ({ y: value, value })),
    ],
    low: -up.top * DOWN * HEADROOM,
    high: up.top * HEADROOM,
    openFrom,
  };
}

/** Round ticks from zero to at least `max`, about `parts` of them, by steps of 1, 2, 2.5 or 5. */
export function nice(max: number, parts: number): { top: number; ticks: number[] } {
  if (!(max > 0)) return { top: 1, ticks: [0] };
  const raw = max / parts;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw * 0.999) ?? 10);
  const steps = Math.ceil(max / step - 1e-9);
  return { top: steps * step, ticks: Array.from({ length: steps + 1 }, (_, index) => index * step) };
}

function lines() {
  return { accept: [] as Values, reject: [] as Values, unknown: [] as Values };
}
