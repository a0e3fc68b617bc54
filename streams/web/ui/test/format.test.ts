import assert from "node:assert/strict";
import test from "node:test";
import { brief, bytes, clock, count, day, moment, percent, period, span, zone } from "../src/format";

test("numbers keep three digits and take a unit", () => {
  assert.deepEqual([0, 7, 999, 1000, 12_400, 999_600].map(count), ["0", "7", "999", "1.00 k", "12.4 k", "1.00 M"]);
  assert.deepEqual([0.5, -2500].map(count), ["0.50", "−2.50 k"]);
  assert.deepEqual([0, 388e6, 1e15].map(bytes), ["0 B", "388 MB", "1.00 PB"]);
  assert.deepEqual([0, 0.04, 2.11, 21].map(percent), ["0.0 %", "< 0.1 %", "2.1 %", "21 %"]);
});

test("an axis has no idle zeros", () => {
  assert.deepEqual(["5.00 MB", "12.50 k", "100 k", "0 B", "2.50"].map(brief), ["5 MB", "12.5 k", "100 k", "0 B", "2.5"]);
});

test("spans are read, not calculated", () => {
  assert.deepEqual([0.42, 12, 60, 200, 7500, 273_600].map(span), ["0.4 s", "12 s", "1 min", "3 min 20 s", "2 h 5 min", "3 d 4 h"]);
});

test("what is not known is a dash", () => {
  assert.deepEqual([count(null), bytes(null), percent(null), span(null)], ["–", "–", "–", "–"]);
});

test("a moment has its zone, and its day when it is not today", () => {
  const now = new Date(2026, 10, 28, 15, 0).getTime() / 1000;
  const [today, before] = [new Date(2026, 10, 28, 14, 5), new Date(2026, 10, 27, 23, 59)].map((d) => d.getTime() / 1000);
  assert.ok(today !== undefined && before !== undefined);
  assert.equal(moment(today, now), `14:05 ${zone(today)}`);
  assert.equal(moment(before, now), `2026-11-27 23:59 ${zone(before)}`);
  assert.match(zone(today), /^(UTC|GMT|[A-Z]{3,4})/);
  assert.deepEqual([day(today, now), day(before, now)], ["", "2026-11-27"]);
  assert.equal(period(today, today + 60), `14:05–14:06 ${zone(today)}`);
  assert.equal(period(today, today + 10), `14:05:00–14:05:10 ${zone(today)}`);
  assert.equal(clock(today, true), "14:05:00");
});
