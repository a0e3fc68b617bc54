/** The card of the chart: title, values under the cursor, canvas, and the same data as text and as a table. */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isSelective, type Order, RANGES } from "./address";
import { ACCEPT, at, type Board, type Point, REJECT, SECONDS, START, UNKNOWN } from "./board";
import { Chart, type Drawing } from "./chart";
import { column, curve } from "./curve";
import { brief, bytes, count, day, moment, zone } from "./format";
import { rows } from "./selection";
import { board, isLost, look, standing, view } from "./state";
import { Switch } from "./switch";
import { palette } from "./theme";

const TABLE_ROWS = 5;
const UNIT: Record<Order, string> = { bytes: "Bytes", packets: "Packets", flows: "Flows", rejects: "Flows" };

export function Traffic() {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const hovered = useSignal<number | null>(null);
  const points = useComputed(() => (isSelective(view.value) ? (rows.value?.series ?? []) : (board.value?.points ?? [])));
  const drawing = useComputed<Drawing>(() => draw(board.value, points.value, (x) => (hovered.value = x)));

  useEffect(() => {
    if (element.current === null) return;
    chart.current = new Chart(element.current, drawing.peek());
    return () => chart.current?.close();
  }, []);
  useSignalEffect(() => chart.current?.draw(drawing.value));
  useSignalEffect(() => {
    if (palette.value) chart.current?.repaint();
  });

  const by = board.value?.top.by ?? view.value.by;
  const now = board.value?.now ?? 0;
  const openFrom = board.value?.numbers.open_from ?? null;
  const shownPoints = points.value;
  const newest = settled(shownPoints, openFrom) ?? shownPoints.at(-1);
  const shown = under(shownPoints, hovered.value) ?? newest;
  const state = standing(board.value, isLost.value);
  return (
    <section class="card traffic">
      <header>
        <h2>{UNIT[by]} per second</h2>
        <Legend point={shown} by={by} now={now} isOpen={isOpen(shown, openFrom)} />
        <Switch name="range" values={RANGES} value={view.value.range} pick={(range) => look({ range })} />
      </header>
      {state.name !== "live" && state.name !== "reading" && <Notice name={state.name} text={state.text} isAlone={shownPoints.length === 0} />}
      <div
        class={`canvas ${state.name}`}
        ref={element}
        role="img"
        data-testid="chart"
        aria-label={sentence(newest, by, now, isOpen(newest, openFrom))}
      />
      {newest && <Zone at={at(newest, START)} now={now} />}
      <Hidden points={shownPoints.slice(-TABLE_ROWS)} by={by} now={now} openFrom={openFrom} />
    </section>
  );
}

/** The zone of the time axis, and its day if it is not today. */
function Zone({ at: epoch, now }: { at: number; now: number }) {
  return (
    <p class="zone" data-testid="zone">
      <span>{zone(epoch)}</span>
      {day(epoch, now) && <span>{day(epoch, now)}</span>}
    </p>
  );
}

interface LegendProperties {
  readonly point: Point | undefined;
  readonly by: Order;
  readonly now: number;
  readonly isOpen: boolean;
}

function Legend({ point, by, now, isOpen }: LegendProperties) {
  const hasUnknown = point !== undefined && at(point, UNKNOWN) > 0;
  return (
    <p class="legend">
      {point && (
        <time data-testid="legend-time">
          {moment(at(point, START), now, at(point, SECONDS) < 60)}
          {isOpen && ", still open"}
        </time>
      )}
      <span class="accept">ACCEPT <b>{point ? rate(point, ACCEPT, by) : "–"}</b></span>
      <span class="reject">REJECT <b>{point ? rate(point, REJECT, by) : "–"}</b></span>
      {hasUnknown && <span class="unknown">no action <b>{rate(point, UNKNOWN, by)}</b></span>}
      <span class="open">dashed: still open</span>
    </p>
  );
}

const ADVICE: Record<string, string> = {
  empty: "Windows appear here a few seconds after the first flow-log lines arrive.",
  waiting: "Start `vpcflow work`, or `vpcflow replay`, and this page fills by itself.",
  stale: "Nothing has come from the aggregates topic. What you see is the last that did.",
  lost: "What you see is the last that came. The page resumes by itself.",
  broken: "What you see is the last that came. The page resumes by itself.",
  connecting: "Opening the live stream.",
};

function Notice({ name, text, isAlone }: { name: string; text: string; isAlone: boolean }) {
  return (
    <div class={`notice ${name} ${isAlone ? "alone" : ""}`} role="status" data-testid="notice">
      <strong>{text}</strong>
      <span>{ADVICE[name]}</span>
    </div>
  );
}

interface HiddenProperties {
  readonly points: readonly Point[];
  readonly by: Order;
  readonly now: number;
  readonly openFrom: number | null;
}

function Hidden({ points, by, now, openFrom }: HiddenProperties) {
  return (
    <div class="hidden">
      <table data-testid="chart-table">
        <caption>{UNIT[by]} per second, newest windows</caption>
        <thead>
          <tr><th>window</th><th>ACCEPT</th><th>REJECT</th><th>state</th></tr>
        </thead>
        <tbody>
          {points.map((point) => (
            <tr key={at(point, START)} data-start={at(point, START)}>
              <td>{moment(at(point, START), now, true)}</td>
              <td data-value={perSecond(point, ACCEPT, by)}>{rate(point, ACCEPT, by)}</td>
              <td data-value={perSecond(point, REJECT, by)}>{rate(point, REJECT, by)}</td>
              <td>{isOpen(point, openFrom) ? "still open" : "settled"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function draw(board: Board | null, points: readonly Point[], hover: (x: number | null) => void): Drawing {
  const by = board?.top.by ?? "bytes";
  const label = (value: number) => brief(by === "bytes" ? bytes(value) : count(value));
  const marks = (board?.alerts ?? []).filter((a) => a.status !== "pending").map((a) => a.starts_at);
  return { curve: curve(points, by, board?.numbers.open_from), label, marks, hover };
}

function isOpen(point: Point | undefined, openFrom: number | null): boolean {
  return point !== undefined && openFrom !== null && at(point, START) >= openFrom;
}

function settled(points: readonly Point[], openFrom: number | null): Point | undefined {
  return points.findLast((point) => !isOpen(point, openFrom));
}

function under(points: readonly Point[], x: number | null): Point | undefined {
  if (x === null) return undefined;
  return points.findLast((point) => at(point, START) <= x);
}

function perSecond(point: Point, action: number, by: Order): number {
  return at(point, action + column(by)) / at(point, SECONDS);
}

function rate(point: Point, action: number, by: Order): string {
  const value = perSecond(point, action, by);
  return `${by === "bytes" ? bytes(value) : count(value)}/s`;
}

function sentence(point: Point | undefined, by: Order, now: number, isOpen: boolean): string {
  if (point === undefined) return "No windows yet.";
  const [accept, reject] = [rate(point, ACCEPT, by), rate(point, REJECT, by)];
  const state = isOpen ? "open" : "settled";
  return `${UNIT[by]}: ACCEPT ${accept}, REJECT ${reject} in the ${state} window of ${moment(at(point, START), now)}.`;
}
