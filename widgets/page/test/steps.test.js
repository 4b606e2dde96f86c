import assert from "node:assert/strict";
import test from "node:test";
import { placeOf } from "../editor/steps.js";

test("a mark lies at the box, or at the strip of a folded layer", () => {
  const plain = { id: "a", head: 40, h: 40, folded: [] };
  assert.deepEqual(placeOf(plain, "a"), { y: 0, h: 40 });
  const folded = { id: "a", head: 40, h: 84, folded: [{ id: "b" }, { id: "c" }] };
  assert.deepEqual(placeOf(folded, "a"), { y: 0, h: 36 });
  assert.deepEqual(placeOf(folded, "c"), { y: 60, h: 18 });
});
