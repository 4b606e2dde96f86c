// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { asked, grouped, matching, remembered } from "../editor/matching.js";

/** @param {string} text @param {string} category @param {string} [words] */
const entry = (text, category, words = "") => ({
  text, category, value: text, haystack: `${text} ${category}`.toLowerCase(), words: words.split(" ").filter(Boolean), last: category === "fork",
});
const ENTRIES = [
  entry("Convolution", "vision", "conv"), entry("Deconvolution", "vision", "deconv"), entry("LRN", "vision", "norm"),
  entry("Pooling", "vision", "pool"), entry("ReLU", "neuron"), entry("BatchNorm", "common", "bn norm"), entry("InnerProduct", "common", "fc dense"),
  entry("Softmax", "common"), entry("ContrastiveLoss", "loss"), entry("EuclideanLoss", "loss", "l2"), entry("SoftmaxWithLoss", "loss", "loss"),
  entry("BN", "fork"), entry("ConvolutionDepthwise", "fork"), entry("Normalize", "fork"), entry("PSROIPooling", "fork"), entry("ReLU6", "fork"),
];
const first = (/** @type {string} */ typed) => matching(ENTRIES, typed)[0]?.text;

test("the common words of the field find the layer that is meant", () => {
  const meant = {
    conv: "Convolution", fc: "InnerProduct", dense: "InnerProduct", bn: "BatchNorm", relu: "ReLU", loss: "SoftmaxWithLoss",
    pool: "Pooling", softmax: "Softmax", deconv: "Deconvolution", relu6: "ReLU6", BN: "BN", l2: "EuclideanLoss", Convol: "Convolution",
  };
  for (const [typed, text] of Object.entries(meant)) assert.equal(first(typed), text, typed);
  const norm = matching(ENTRIES, "norm").map(({ text }) => text);
  assert.deepEqual(norm, ["LRN", "BatchNorm", "Normalize"], "forks' layers come behind");
  assert.deepEqual(matching(ENTRIES, "nothing like it"), []);
});

test("of what fits as well, what was used recently comes first", () => {
  assert.equal(matching(ENTRIES, "norm", ["BatchNorm"])[0].text, "BatchNorm");
  assert.equal(matching(ENTRIES, "conv", ["Deconvolution"])[0].text, "Convolution", "a worse fit stays behind");
});

test("without a word the list has headings, recently used first", () => {
  const groups = grouped(ENTRIES, ["ReLU", "gone"]);
  assert.deepEqual(groups.map(({ heading }) => heading),
    ["Recently used", "Vision", "Activations", "Common", "Losses, scores", "From forks of Caffe"]);
  assert.deepEqual(groups[0].entries.map(({ text }) => text), ["ReLU"]);
  assert.equal(grouped(ENTRIES, [])[0].heading, "Vision");
});

test("a line asks for layers with their first settings", () => {
  assert.deepEqual(asked("conv 64 1, relu"), [{ query: "conv", args: ["64", "1"] }, { query: "relu", args: [] }]);
  assert.deepEqual(asked("in 1x3x8x8"), [{ query: "in", args: ["1x3x8x8"] }]);
  assert.deepEqual(asked("relu6"), [{ query: "relu6", args: [] }]);
  assert.deepEqual(asked(""), [{ query: "", args: [] }]);
});

test("few values are remembered, the last one first", () => {
  assert.deepEqual(remembered(["a", "b"], ["b", "c"]), ["c", "b", "a"]);
  assert.equal(remembered(["1", "2", "3", "4", "5"], ["6"]).length, 5);
});
