import assert from "node:assert/strict";
import test from "node:test";

import { nextPhase, offered } from "../editor/menu.js";

test("the switch goes from both to TRAIN, TEST and back", () => {
  assert.deepEqual(["", "TRAIN", "TEST", "TRAIN deploy"].map(nextPhase), ["TRAIN", "TEST", "", ""]);
});

test("the menu offers what fits so many layers", () => {
  const values = (count) => offered(count).map((entry) => entry.value);
  assert.deepEqual(values(0).filter((value) => ["train", "test", "both"].includes(value)), []);
  assert.deepEqual(values(1).slice(0, 3), ["train", "test", "both"]);
});
