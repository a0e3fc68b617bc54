import assert from "node:assert/strict";
import test from "node:test";
import { DEFAULT, format, formatConversations, formatLive, GROUPS, hasFilter, isSelective, ORDERS, parse, RANGES } from "../src/address";

test("an address reads back as the view that wrote it", () => {
  for (const by of ORDERS) {
    for (const range of RANGES) assert.deepEqual(parse(format({ ...DEFAULT, by, range })), { ...DEFAULT, by, range });
  }
  for (const group of GROUPS) {
    const view = { ...DEFAULT, group, filters: { eni: "eni-1", pair: "10.0.0.1|10.0.0.2", port: "443/6" }, from: 60, to: 120 };
    assert.deepEqual(parse(format(view)), view);
  }
});

test("the link of an alert is a view", () => {
  const view = parse("?v=1&eni=eni-1&from=1767225660&to=1767225720");
  assert.deepEqual(view, { ...DEFAULT, filters: { eni: "eni-1" }, from: 1767225660, to: 1767225720 });
  assert.equal(hasFilter(view) && isSelective(view), true);
  assert.equal(hasFilter(DEFAULT) || isSelective(DEFAULT), false);
});

test("the stream knows no filters, and a query of conversations has them", () => {
  const view = { ...DEFAULT, filters: { peer: "10.0.0.9" }, from: 60 };
  assert.equal(formatLive(view), "?by=bytes&range=1h");
  assert.equal(formatConversations(view, "port", { n: "5" }), "?by=bytes&range=1h&peer=10.0.0.9&from=60&group=port&n=5");
});

test("what is missing or unknown becomes the default", () => {
  assert.deepEqual(parse(""), DEFAULT);
  assert.deepEqual(parse("?by=colour&range=9y&other=1"), DEFAULT);
  assert.deepEqual(parse(`?from=1e9&to=-5&eni=${"x".repeat(201)}&peer=`), DEFAULT);
  assert.deepEqual(parse("?from=9&to=8"), DEFAULT);
  assert.deepEqual(parse("?range=15m"), { ...DEFAULT, range: "15m" });
});
