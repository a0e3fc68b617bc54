import assert from "node:assert/strict";
import test from "node:test";
import { DEFAULT, format, ORDERS, parse, RANGES } from "../src/address";

test("an address reads back as the view that wrote it", () => {
  for (const by of ORDERS) {
    for (const range of RANGES) assert.deepEqual(parse(format({ by, range })), { by, range });
  }
});

test("what is missing or unknown becomes the default", () => {
  assert.deepEqual(parse(""), DEFAULT);
  assert.deepEqual(parse("?by=colour&range=9y&other=1"), DEFAULT);
  assert.deepEqual(parse("?range=15m"), { ...DEFAULT, range: "15m" });
});
