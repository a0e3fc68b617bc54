import assert from "node:assert/strict";
import test from "node:test";
import { curve, nice } from "../src/curve";

const point = (start: number, accept: number, reject: number, isFinal = 0) =>
  [start, 60, 0, 0, accept * 60, 0, 0, reject * 60, 0, 0, 0, isFinal];

test("ticks are round, begin at zero and reach the maximum", () => {
  assert.deepEqual(nice(87, 4), { top: 100, ticks: [0, 25, 50, 75, 100] });
  assert.deepEqual(nice(4, 4), { top: 4, ticks: [0, 1, 2, 3, 4] });
  assert.deepEqual(nice(0, 4), { top: 1, ticks: [0] });
});

test("ACCEPT goes up and REJECT down, each on its own scale", () => {
  const drawn = curve([point(0, 100, 2)], "bytes");
  assert.deepEqual(drawn.settled.accept, [100, 100]);
  assert.deepEqual(drawn.settled.reject, [-50, -50]); // the largest REJECT reaches the end of the lower half
  assert.deepEqual(drawn.ticks.map((tick) => tick.value), [2, 1, 0, 25, 50, 75, 100]);
});

test("a missing window is a gap, and the last one holds to its end", () => {
  const drawn = curve([point(0, 1, 0), point(180, 2, 0)], "bytes");
  assert.deepEqual(drawn.x, [0, 60, 180, 240]);
  assert.deepEqual(drawn.settled.accept, [1, null, 2, 2]);
});

test("open windows are lines of their own, and the settled ones hold to their end", () => {
  const drawn = curve([point(0, 1, 0), point(60, 2, 0), point(120, 3, 0)], "bytes", 60);
  assert.deepEqual(drawn.x, [0, 60, 120, 180]);
  assert.deepEqual(drawn.settled.accept, [1, 1, null, null]);
  assert.deepEqual(drawn.open.accept, [null, 2, 3, 3]);
  assert.equal(drawn.openFrom, 60);
});

test("after a gap nothing settled is held, and without an open window nothing is dashed", () => {
  assert.deepEqual(curve([point(0, 1, 0), point(180, 2, 0)], "bytes", 180).settled.accept, [1, null, null, null]);
  assert.deepEqual(curve([point(0, 1, 0)], "bytes", null).open.accept, [null, null]);
  assert.deepEqual(curve([], "bytes").x, []);
});
