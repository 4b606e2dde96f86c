import assert from "node:assert/strict";
import { test } from "node:test";
import { short, sorted, total } from "../table.js";

const ROWS = [
  [0, "conv10", "Convolution", "1x2", 500, 1000, 8, "3", "1"],
  [1, "conv2", "Convolution", "1x3", 20, null, 4, "all", "2"],
  [2, "pool", "Pooling", null, 0, 0, 16, "11", "2"],
];

test("numbers are short and keep their size", () => {
  assert.deepEqual([0, 12, 1234, 436184, 1.5e9, null].map((value) => short(value)), ["", "12", "1.23 k", "436 k", "1.50 G", "?"]);
  assert.equal(short(2048, "B"), "2.05 kB");
});

test("rows are sorted by number, by name with its numbers, and are as in the text without", () => {
  const names = (by) => sorted(ROWS, by).map((row) => row[1]);
  assert.deepEqual(names({ at: 4, down: true }), ["conv10", "conv2", "pool"]);
  assert.deepEqual(names({ at: 1, down: false }), ["conv2", "conv10", "pool"]);
  assert.deepEqual(names({ at: 7, down: true }), ["conv2", "pool", "conv10"], "all is more than any number");
  assert.deepEqual(names({ at: 5, down: false }), ["conv2", "pool", "conv10"], "what is not known comes first");
  assert.deepEqual(names(null), ["conv10", "conv2", "pool"]);
});

test("sums are of what is known", () => {
  assert.deepEqual([4, 5, 6].map((at) => total(ROWS, at)), [520, 1000, 28]);
});
