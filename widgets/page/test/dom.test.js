import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "../dom.js";

test("control characters are spelled out, all else stays", () => {
  assert.equal(printable("a\u001b[31m\u009b\u007f\u202ex\u2066"), "a\\x1b[31m\\x9b\\x7f\\u202ex\\u2066");
  assert.equal(printable("\ud800 \ufffe"), "\\ud800 \\ufffe");
  assert.equal(printable("größer × 10 ½ \u{1f600}\n\tחלב"), "größer × 10 ½ \u{1f600}\n\tחלב");
  assert.equal(printable(12), "12");
});
