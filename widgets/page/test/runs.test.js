import assert from "node:assert/strict";
import test from "node:test";
import { summaryOf } from "../runs.js";

test("the list says how many runs there are, and how many of the earlier ones are drawn", () => {
  const run = (shown) => ({ name: "a", about: "", notes: "", shown, can_resume: false });
  assert.equal(summaryOf([run(null)]), "runs: 1");
  assert.equal(summaryOf([run(false), run(true), run(null)]), "runs: 3, 1 beside");
});
