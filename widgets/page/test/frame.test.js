import assert from "node:assert/strict";
import { test } from "node:test";
import { opened, remembered } from "../frame.js";

test("what is remembered is taken as far as it is sound", () => {
  assert.deepEqual(remembered(null), { open: [], side: undefined, height: undefined, hidden: [] });
  assert.deepEqual(remembered("{nonsense"), { open: [], hidden: [] });
  assert.deepEqual(remembered('{"open": ["form", 3], "side": 400, "height": "x", "hidden": null}'),
    { open: ["form"], side: 400, height: undefined, hidden: [] });
});

test("a click opens one pane, with Ctrl it joins or leaves the others, and one stays open", () => {
  assert.deepEqual(opened(["form"], "text", false), ["text"]);
  assert.deepEqual(opened(["form"], "look", true), ["form", "look"]);
  assert.deepEqual(opened(["form", "look"], "form", true), ["look"]);
  assert.deepEqual(opened(["form"], "form", true), ["form"]);
});
