import assert from "node:assert/strict";
import { test } from "node:test";
import {
  LEGIBLE, bounds, inSight, keptWhole, openingView, overlap, portX, revealed, shorten, shownPart, wholeView, zoomed,
} from "../editor/geometry.js";

const SIZE = { width: 800, height: 600 };

test("bounds hold all boxes, and are null of none", () => {
  assert.deepEqual(bounds([{ x: 1, y: 2, w: 3, h: 4 }, { x: -5, y: 3, w: 1, h: 9 }]), [-5, 2, 4, 12]);
  assert.equal(bounds([]), null);
});

test("ports share the width of a box evenly", () => {
  assert.deepEqual([0, 1].map((port) => portX(100, port, 2)), [25, 75]);
  assert.equal(portX(100, 3, 0), 50, "a port that is not there lies in the middle");
});

test("a long name keeps both its ends", () => {
  assert.equal(shorten("conv1", 130, 7.6), "conv1");
  const short = shorten("inception_3a/3x3_reduce_and_more", 130, 7.6);
  assert.ok(short.startsWith("incep") && short.endsWith("more") && short.includes("…"));
});

test("a small net opens whole, a large one at its top and legible", () => {
  const small = openingView([0, 0, 300, 400], SIZE, 150);
  assert.ok(inSight(small, [0, 0, 300, 400], SIZE));
  const large = openingView([0, 0, 3000, 20000], SIZE, 1500);
  assert.ok(large.k >= LEGIBLE);
  assert.ok(large.y >= 0, "the top is in sight");
  assert.ok(Math.abs(1500 * large.k + large.x - SIZE.width / 2) < 1, "and what comes first in the middle");
});

test("zooming keeps the point under the pointer", () => {
  const view = { x: 10, y: 20, k: 1 }, point = { x: 110, y: 220 };
  const after = zoomed(view, 2, point);
  assert.deepEqual([(point.x - after.x) / after.k, (point.y - after.y) / after.k], [100, 200]);
});

test("a view is left as it is where the box is in sight, and moved as little as will do where not", () => {
  const view = { x: 0, y: 0, k: 1 };
  assert.equal(revealed(view, { x: 10, y: 10, w: 50, h: 50 }, SIZE, false), view);
  const moved = revealed(view, { x: 10, y: 900, w: 50, h: 50 }, SIZE, false);
  assert.equal(moved.k, 1);
  assert.ok(950 + moved.y <= SIZE.height && 900 + moved.y >= 0);
});

test("what was whole stays whole while it fits, and the zoom is the user's", () => {
  const view = wholeView([0, 0, 300, 400], SIZE);
  const kept = keptWhole(view, [40, 90, 300, 520], SIZE);
  assert.ok(kept && kept.k === view.k && inSight(kept, [40, 90, 300, 520], SIZE));
  assert.equal(keptWhole(view, [0, 0, 300, 800], SIZE), null);
});

test("the part that is shown is what pixels map back to", () => {
  assert.deepEqual(shownPart({ x: 100, y: 0, k: 2 }, SIZE), [-50, -0, 350, 300]);
  assert.ok(overlap([0, 0, 1, 1], [1, 1, 2, 2]) && !overlap([0, 0, 1, 1], [2, 0, 3, 1]));
});
