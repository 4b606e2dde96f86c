import assert from "node:assert/strict";
import { test } from "node:test";
import { PALETTE, colourAt, figures, inkOn, luminance, scaleOf, shareOf, spell, tinted } from "../overlay.js";

const face = (id, index, more = {}) => ({ id, index, ...more });
const GRAPH = {
  nodes: [
    { ...face("conv", 0), folded: [face("relu", 1)] },
    { ...face("group/", 2, { members: [2, 3, 4], collapsed: 3 }), folded: [] },
    { ...face("loss", 5), folded: [] },
  ],
  edges: [],
};

test("colours grow lighter along the scale, and the ink on each has contrast enough", () => {
  const colours = Array.from({ length: 201 }, (_, k) => colourAt(k / 200));
  assert.equal(colours[0], PALETTE[0]);
  assert.equal(colours.at(-1), PALETTE.at(-1));
  for (const [k, colour] of colours.entries()) {
    if (k) assert.ok(luminance(colour) >= luminance(colours[k - 1]), colour);
    const [a, b] = [luminance(colour), luminance(inkOn(colour))].sort((x, y) => y - x);
    assert.ok((a + 0.05) / (b + 0.05) >= 4.5, colour);
  }
});

test("folded groups have the sum or the largest of what is inside, and what has no figure has none", () => {
  const values = { 0: 5, 2: 1, 4: 3 };
  assert.deepEqual([...figures(GRAPH, { values, gather: "sum" })], [["conv", 5], ["group/", 4]]);
  assert.deepEqual([...figures(GRAPH, { values, gather: "max" })], [["conv", 5], ["group/", 3]]);
});

test("a scale is logarithmic over magnitudes, and what is not finite has its place", () => {
  const wide = scaleOf([1, 10, 100]);
  assert.deepEqual(wide, { low: 1, high: 100, log: true });
  assert.equal(shareOf(10, wide), 0.5);
  const narrow = scaleOf([10, 40, Infinity]);
  assert.deepEqual(narrow, { low: 0, high: 40, log: false });
  assert.equal(shareOf(10, narrow), 0.25);
  assert.equal(shareOf(Infinity, narrow), 1);
  assert.equal(scaleOf([NaN]), null);
  assert.equal(shareOf(0, scaleOf([0, 0])), 0);
  assert.equal(shareOf(7, scaleOf([7])), 1);
});

test("figures are short, with their units", () => {
  const spelled = [[25050, ""], [1460000, "B"], [0.0314159, ""], [64, "%"], [33.333, "%"], [0.00001, ""], [512, "B"], [Infinity, "px"], [NaN, ""], [0, "%"]];
  assert.deepEqual(spelled.map(([value, unit]) => spell(value, unit).replaceAll("\u00a0", " ")),
    ["25.1 k", "1.46 MB", "0.0314", "64 %", "33.3 %", "1.0e-5", "512 B", "all", "NaN", "0 %"]);
});

test("a graph without an overlay has no colours", () => {
  assert.equal(tinted(GRAPH, null).tints.size, 0);
  const { tints } = tinted(GRAPH, { unit: "", gather: "max", values: { 0: "NaN", 5: "Infinity", 2: 1 } });
  assert.deepEqual([...tints].map(([id, { text }]) => [id, text]), [["conv", "NaN"], ["group/", "1"], ["loss", "∞"]]);
});
