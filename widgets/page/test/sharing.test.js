import assert from "node:assert/strict";
import test from "node:test";

import { links } from "../editor/sharing.js";

const boxes = { a: { x: 0, y: 0, w: 100 }, b: { x: 200, y: 80, w: 50 }, c: { x: 0, y: 300, w: 100 } };
const model = { box: (id) => boxes[id] };
const shares = [{ name: "w", ids: ["a", "b", "hidden", "c"] }, { name: "v", ids: ["b", "c"] }];

test("a sharer has a link to each of the others that are drawn", () => {
  assert.deepEqual(links(model, shares, ["a"]).map(({ name }) => name), ["w", "w"]);
  assert.equal(links(model, shares, ["a"])[0].d, "M100 21C296 21 296 101 250 101");
  assert.deepEqual(links(model, shares, ["b"]).map(({ name }) => name), ["w", "w", "v"]);
  assert.deepEqual(links(model, shares, ["nobody"]), []);
});
