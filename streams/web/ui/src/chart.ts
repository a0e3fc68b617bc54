/** The chart on a canvas: uPlot draws the curve with the colours of the style sheet. */

import uPlot from "uplot";
import { clock, day } from "./format";
import type { Curve } from "./curve";
import { colours } from "./theme";

const NAMES = ["accept", "reject", "unknown", "accept-fill", "reject-fill", "ink-3", "grid", "open", "zero"] as const;
const HEIGHT = 300;
const DASH = [5, 3];
const OPEN_DASH = { accept: [5, 4], reject: [2, 4] };

export interface Drawing {
  curve: Curve;
  label: (value: number) => string;
  marks: readonly number[];
  /** The callback for the index of the point under the cursor, or null. */
  hover: (x: number | null) => void;
}

/** A chart in an element. `draw` shows new data; `repaint` follows a change of colours; `close` removes it. */
export class Chart {
  private plot: uPlot | null = null;
  private readonly observer: ResizeObserver;

  constructor(
    private readonly element: HTMLElement,
    private drawing: Drawing,
  ) {
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.observer.observe(element);
    this.repaint();
  }

  draw(drawing: Drawing): void {
    const sameSeries = drawing.curve.hasUnknown === this.drawing.curve.hasUnknown;
    this.drawing = drawing;
    if (sameSeries) this.plot?.setData(this.data());
    else this.repaint();
  }

  repaint(): void {
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), this.data(), this.element);
  }

  close(): void {
    this.observer.disconnect();
    this.plot?.destroy();
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(this.element.clientWidth, 200), height: HEIGHT };
  }

  private data(): uPlot.AlignedData {
    const { x, settled, open } = this.drawing.curve;
    return [x, settled.accept, settled.reject, settled.unknown, open.accept, open.reject, open.unknown];
  }

  private options(): uPlot.Options {
    const colour = colours(NAMES);
    const steps = uPlot.paths.stepped?.({ align: 1 });
    const line = { scale: "y", width: 1.5, points: { show: false }, ...(steps && { paths: steps }) };
    const text = { stroke: colour["ink-3"], font: "11px system-ui, sans-serif" };
    return {
      ...this.size(),
      padding: [10, 14, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { time: true },
        y: { range: () => [this.drawing.curve.low, this.drawing.curve.high] },
      },
      axes: [
        { ...text, grid: { show: false }, ticks: { show: false }, gap: 6, size: 34, space: 70, values: times },
        {
          ...text,
          scale: "y",
          size: 70,
          gap: 8,
          ticks: { show: false },
          grid: { stroke: colour.grid, width: 1 },
          splits: () => this.drawing.curve.ticks.map((tick) => tick.y),
          values: () => this.drawing.curve.ticks.map((tick) => this.drawing.label(tick.value)),
        },
      ],
      series: [
        {},
        { ...line, stroke: colour.accept, fill: colour["accept-fill"] },
        { ...line, stroke: colour.reject, fill: colour["reject-fill"], dash: DASH },
        { ...line, stroke: colour.unknown, dash: [2, 3], show: this.drawing.curve.hasUnknown },
        { ...line, stroke: colour.accept, dash: OPEN_DASH.accept },
        { ...line, stroke: colour.reject, dash: OPEN_DASH.reject },
        { ...line, stroke: colour.unknown, dash: OPEN_DASH.reject, show: this.drawing.curve.hasUnknown },
      ],
      hooks: {
        drawClear: [(plot) => this.shadeOpen(plot, colour.open)],
        draw: [(plot) => this.drawZero(plot, colour.zero), (plot) => this.drawMarks(plot, colour.reject)],
        setCursor: [(plot) => this.drawing.hover(plot.cursor.idx == null ? null : plot.posToVal(plot.cursor.left ?? 0, "x"))],
      },
    };
  }

  private shadeOpen(plot: uPlot, colour: string): void {
    const { openFrom } = this.drawing.curve;
    if (openFrom === null) return;
    const left = Math.max(plot.valToPos(openFrom, "x", true), plot.bbox.left);
    plot.ctx.fillStyle = colour;
    plot.ctx.fillRect(left, plot.bbox.top, plot.bbox.left + plot.bbox.width - left, plot.bbox.height);
  }

  private drawZero(plot: uPlot, colour: string): void {
    const y = Math.round(plot.valToPos(0, "y", true));
    plot.ctx.fillStyle = colour;
    plot.ctx.fillRect(plot.bbox.left, y, plot.bbox.width, devicePixelRatio);
  }

  /** Draw a triangle on the time axis at the start of each alert. */
  private drawMarks(plot: uPlot, colour: string): void {
    const bottom = plot.bbox.top + plot.bbox.height;
    const size = 5 * devicePixelRatio;
    plot.ctx.fillStyle = colour;
    for (const moment of this.drawing.marks) {
      const x = plot.valToPos(moment, "x", true);
      if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
      plot.ctx.beginPath();
      plot.ctx.moveTo(x - size, bottom);
      plot.ctx.lineTo(x + size, bottom);
      plot.ctx.lineTo(x, bottom - size * 1.6);
      plot.ctx.fill();
    }
  }
}

/** Labels of the time axis: a split on another day than the one before it shows the day too. */
function times(_: uPlot, splits: number[]): string[] {
  const withSeconds = splits.some((split) => split % 60 !== 0);
  return splits.map((split, index) => {
    const changed = day(split, splits[index - 1] ?? split).slice(5);
    return `${changed} ${clock(split, withSeconds)}`.trim();
  });
}
