import assert from "node:assert/strict";
import { test } from "node:test";
import { matching } from "../editor/matching.js";
import { Model } from "../editor/model.js";

/** A graph of [id, ids of those it reads] pairs, one under the other. */
function graph(...layers) {
  const nodes = layers.map(([id, inputs, folded = []], index) => ({
    id, index, name: id, type: "T", category: "common", x: 0, y: 100 * index, w: 100, h: 50, head: 50, tops: [id],
    bottoms: inputs, dangling: [], lines: [], details: [], note: "", dimmed: false, error: null, warning: null, params: 0,
    group: "", collapsed: 0, folded: folded.map((name) => ({ id: name, index: 100 + index, name, type: "ReLU", details: [] })),
  }));
  const edges = layers.flatMap(([target, inputs]) => inputs.map((source, target_port) => ({
    id: `${source}:0>${target}:${target_port}`, source, source_port: 0, target, target_port, blob: source, label: "1x2",
    dimmed: false,
  })));
  return { nodes, edges };
}

function taken(...layers) {
  const model = new Model();
  model.take(graph(...layers));
  return model;
}

test("a cycle is refused with the reason, also a long one", () => {
  const model = taken(["a", []], ["b", ["a"]], ["c", ["b"]]);
  assert.match(model.objection("c", "a"), /leads to c.*cycle/);
  assert.match(model.objection("a", "a"), /itself/);
  assert.equal(model.objection("a", "c"), "");
});

test("a renamed layer stays selected and where it was moved to", () => {
  const model = taken(["a", []], ["b", ["a"]]);
  model.selected.add("b");
  model.shift(model.boxes.get("b"), { x: 7, y: 9 });
  const { added, renamed, reselected } = model.take(graph(["a", []], ["z", ["a"]]));
  assert.deepEqual([added, [...renamed], reselected], [[], [["b", "z"]], true]);
  assert.deepEqual([...model.selected], ["z"]);
  assert.equal(model.boxes.get("z").x, 7);
});

test("what is gone is no longer selected, what is new is told", () => {
  const model = taken(["a", []], ["b", ["a"]]);
  model.selected.add("b");
  const { added, reselected } = model.take(graph(["a", []]));
  assert.deepEqual([added, reselected, model.selected.size], [[], true, 0]);
  assert.deepEqual(model.take(graph(["a", []], ["c", ["a"]])).added, ["c"]);
});

test("arrows walk along the edges and through the strips", () => {
  const model = taken(["a", [], ["relu"]], ["b", ["a"]]);
  assert.equal(model.neighbour("a", "Down"), "relu");
  assert.equal(model.neighbour("relu", "Down"), "b");
  assert.equal(model.neighbour("b", "Up"), "relu");
  assert.equal(model.neighbour("b", "Down"), undefined);
});

test("one label for all the edges of a top", () => {
  const model = taken(["a", []], ["b", ["a"]], ["c", ["a"]]);
  assert.deepEqual([...model.edges.values()].map((edge) => edge.label), ["1x2", ""]);
});

test("the very name comes first, then what begins so", () => {
  const entries = ["PReLU", "ReLU6", "ReLU"].map((text) => ({ text, value: text, haystack: text.toLowerCase() }));
  assert.deepEqual(matching(entries, "relu").map((entry) => entry.text), ["ReLU", "ReLU6", "PReLU"]);
  assert.equal(matching(entries, "relu p").length, 1);
});
