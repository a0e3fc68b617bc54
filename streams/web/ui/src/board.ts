/** The events of the server, and the board that results from them. Pure. */

export interface Numbers {
  readonly behind_s: number | null;
  readonly flows_per_s: number | null;
  readonly bytes_per_s: number | null;
  readonly reject_percent: number | null;
  readonly late: number;
  readonly lag_s: number | null;
  /** The newest settled window, whose rates these are. */
  readonly window_start: number | null;
  readonly window_end: number | null;
  readonly window_is_final: boolean;
  /** The start of the first window that can still grow; null if every window is settled. */
  readonly open_from: number | null;
}

/** The slots that hold the watermark: the worst few as sentences, and the number of others. */
export interface Watermark {
  readonly held: readonly string[];
  readonly more: number;
  /** The number of hidden windows, which are far ahead of the others. */
  readonly ahead: number;
}

export interface Row {
  readonly eni: string;
  readonly flows: number;
  readonly packets: number;
  readonly bytes: number;
  readonly rejects: number;
  readonly share: number;
}

export interface Top {
  readonly by: "bytes" | "packets" | "flows" | "rejects";
  readonly rows: readonly Row[];
  readonly other: Row | null;
  readonly others: number;
  readonly total: Row;
}

export interface Alert {
  readonly fingerprint: string;
  readonly rule: string;
  readonly severity: string;
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly value: number;
  readonly threshold: number;
  readonly window_start: number;
  readonly window_end: number;
  readonly starts_at: number;
  readonly ends_at: number;
}

/** A data health message of a connector (`connectors/kafka/health_messages.py`). Times are epoch milliseconds. */
export interface Health {
  readonly kind: string;
  readonly source: string;
  readonly at_ms: number;
  readonly text: string;
}

export interface Standing {
  readonly link: "connecting" | "waiting" | "live" | "reconnecting";
  readonly detail: string;
  readonly silent_s: number | null;
  readonly is_stale: boolean;
  readonly is_caught_up: boolean;
  readonly is_reading_history: boolean;
}

/** start, seconds, (flows, packets, bytes) of ACCEPT, of REJECT, of no action, is final. */
export type Point = readonly number[];
export const START = 0;
export const SECONDS = 1;
export const ACCEPT = 2;
export const REJECT = 5;
export const UNKNOWN = 8;
export const IS_FINAL = 11;

export interface Event {
  readonly now: number;
  readonly state: Standing;
  readonly numbers: Numbers;
  readonly watermark: Watermark;
  readonly from: number | null;
  readonly points: readonly Point[];
  readonly top: Top;
  readonly alerts?: readonly Alert[];
  readonly health?: readonly Health[];
  /** The names of interfaces in the table and the alerts, as far as the inventory has them. */
  readonly names: Readonly<Record<string, string>>;
}

export interface Board extends Event {
  readonly alerts: readonly Alert[];
  readonly health: readonly Health[];
}

/** Apply an event. Points are absolute: a point replaces the one with the same start; old points are dropped. */
export function apply(board: Board | null, event: Event, isSnapshot: boolean): Board {
  const before = isSnapshot || board === null ? [] : board.points;
  const alerts = event.alerts ?? board?.alerts ?? [];
  const health = event.health ?? board?.health ?? [];
  return { ...event, alerts, health, points: merge(before, event.points, event.from) };
}

function merge(old: readonly Point[], changed: readonly Point[], from: number | null): Point[] {
  if (from === null) return [];
  const byStart = new Map(old.map((point) => [point[START], point]));
  for (const point of changed) byStart.set(point[START], point);
  const kept = [...byStart.values()].filter((point) => at(point, START) >= from);
  return kept.sort((a, b) => at(a, START) - at(b, START));
}

/** Read a column of a point. */
export function at(point: Point, column: number): number {
  return point[column] ?? 0;
}
