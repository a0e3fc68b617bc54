import assert from "node:assert/strict";
import test from "node:test";
import { apply, type Event } from "../src/board";

function event(from: number | null, points: number[][], alerts?: Event["alerts"]): Event {
  const row = { eni: "Total", flows: 0, packets: 0, bytes: 0, rejects: 0, share: 0 };
  return {
    now: 0,
    state: { link: "live", detail: "", silent_s: 0, is_stale: false, is_caught_up: true, is_reading_history: false },
    numbers: {
      behind_s: null, flows_per_s: null, bytes_per_s: null, reject_percent: null, late: 0, lag_s: null,
      window_start: null, window_end: null, window_is_final: false, open_from: null,
    },
    watermark: { held: [], more: 0, ahead: 0 },
    from,
    points,
    top: { by: "bytes", rows: [], other: null, others: 0, total: row },
    names: {},
    ...(alerts && { alerts }),
  };
}

test("a tick replaces, adds and lets go", () => {
  const first = apply(null, event(0, [[0, 60, 1], [60, 60, 2]]), true);
  const second = apply(first, event(60, [[120, 60, 4], [60, 60, 3]]), false);
  assert.deepEqual(second.points, [[60, 60, 3], [120, 60, 4]]);
});

test("applying a tick twice changes nothing", () => {
  const tick = event(0, [[60, 60, 3]]);
  const once = apply(apply(null, event(0, [[0, 60, 1]]), true), tick, false);
  assert.deepEqual(apply(once, tick, false).points, once.points);
});

test("a snapshot forgets what was before, and no window means no point", () => {
  const first = apply(null, event(0, [[0, 60, 1]]), true);
  assert.deepEqual(apply(first, event(60, [[60, 60, 2]]), true).points, [[60, 60, 2]]);
  assert.deepEqual(apply(first, event(null, []), false).points, []);
});

test("alerts stay until an event brings others", () => {
  const alert = {
    fingerprint: "f", rule: "r", severity: "s", status: "firing", labels: {}, summary: "",
    value: 1, threshold: 1, window_start: 0, window_end: 60, starts_at: 0, ends_at: 0,
  };
  const first = apply(null, event(0, [], [alert]), true);
  assert.equal(apply(first, event(0, []), false).alerts.length, 1);
  assert.equal(apply(first, event(0, [], []), false).alerts.length, 0);
});
