import assert from "node:assert/strict";
import { test } from "node:test";
import { blobsOf, difference, helpAt, messageAt, offers, placeAt, tokenize } from "../text/prototxt.js";

const SCHEMA = {
  root: "NetParameter",
  messages: {
    NetParameter: [
      { name: "name", kind: "string", repeated: false, help: "Its name." },
      { name: "layer", kind: "message", repeated: true, help: "A layer.", message: "LayerParameter" },
    ],
    LayerParameter: [
      { name: "name", kind: "string", repeated: false, help: "Of the layer." },
      { name: "type", kind: "string", repeated: false, help: "What it does." },
      { name: "bottom", kind: "string", repeated: true, help: "Reads." },
      { name: "top", kind: "string", repeated: true, help: "Writes." },
      { name: "pooling_param", kind: "message", repeated: false, help: "For Pooling.", message: "PoolingParameter" },
      { name: "relu_param", kind: "message", repeated: false, help: "For ReLU.", message: "ReLUParameter" },
    ],
    PoolingParameter: [
      { name: "pool", kind: "enum", repeated: false, help: "Which.", default: "MAX", choices: [["MAX", "Largest."], ["AVE", "Mean."]] },
      { name: "global_pooling", kind: "bool", repeated: false, help: "All of it." },
    ],
    ReLUParameter: [],
  },
  layers: [
    { type: "Pooling", category: "vision", help: "Windows.", param: "pooling_param" },
    { type: "ReLU", category: "neuron", help: "Zero below zero.", param: "relu_param" },
  ],
};
const NET = 'layer { name: "d" type: "Input" top: "data" }\nlayer {\n  type: "Pooling"\n  ';

/** The labels offered at the end of a text. */
const offered = (text, all = text) => offers(SCHEMA, placeAt(text), all, text).map(({ label }) => label);

test("tokens cover the line and know their kind", () => {
  const line = String.raw`  weight_filler { type: "xa\"v" std: -1.5e-3 on: true } # why "not"`;
  const tokens = tokenize(line);
  assert.equal(tokens.map(([, text]) => text).join(""), line);
  const kinds = Object.fromEntries(tokens.filter(([kind]) => kind).map(([kind, text]) => [text, kind]));
  assert.equal(kinds.weight_filler, "field");
  assert.equal(kinds.type, "field");
  assert.equal(kinds[String.raw`"xa\"v"`], "string");
  assert.equal(kinds["-1.5e-3"], "number");
  assert.equal(kinds.true, "enum");
  assert.equal(kinds["{"], "brace");
  assert.equal(kinds['# why "not"'], "comment");
});

test("a place knows its messages, its field and the word begun", () => {
  assert.deepEqual(placeAt("layer { pooling_param { po"), { path: ["layer", "pooling_param"], field: "", word: "po", from: 24, quoted: false, type: "" });
  const value = placeAt('layer { type: "Po');
  assert.deepEqual([value.path, value.field, value.word, value.quoted], [["layer"], "type", "Po", true]);
  assert.equal(placeAt("layer { pooling_param { pool: AV").field, "pool");
  assert.equal(placeAt("layer { pooling_param { pool: AVE ").field, "", "behind a value comes a field");
  assert.equal(placeAt('layer { name: "}" ').path.length, 1, "braces inside strings do not count");
  assert.equal(placeAt("layer { # } {\n").path.length, 1, "nor inside comments");
  assert.deepEqual(placeAt('layer { type: "A" } layer { ').type, "", "the type is the layer's own");
});

test("fields of the message are offered, of settings only those of the layer's type", () => {
  assert.deepEqual(offered(NET), ["name", "type", "bottom", "top", "pooling_param"]);
  assert.deepEqual(offered(`${NET}pooling_param { `), ["pool", "global_pooling"]);
  assert.deepEqual(offered("no_such { "), []);
});

test("values: types, blobs written before, enums, truth", () => {
  assert.deepEqual(offered('layer { type: "'), ["Pooling", "ReLU"]);
  const all = `${NET}\n top: "later" }`;
  assert.deepEqual(offered(`${NET}bottom: "`, all), ["data"]);
  assert.deepEqual(offered(`${NET}top: "`, all), ["data", "later"]);
  assert.deepEqual(offered(`${NET}pooling_param { pool: `), ["MAX", "AVE"]);
  assert.deepEqual(offered(`${NET}pooling_param { global_pooling: t`), ["true", "false"]);
  assert.deepEqual(offered('layer { name: "'), [], "a name is the user's");
  assert.deepEqual(offered("layer { # to"), [], "nothing inside a comment");
});

test("what is inserted is quoted where it must be", () => {
  const [unquoted] = offers(SCHEMA, placeAt("layer { type: "), "", "");
  const [quoted] = offers(SCHEMA, placeAt('layer { type: "'), "", "");
  assert.deepEqual([unquoted.insert, quoted.insert], ['"Pooling"', "Pooling"]);
  assert.equal(offers(SCHEMA, placeAt("la"), "", "").find(({ label }) => label === "layer").insert, "layer {");
});

test("help of fields, enums and types", () => {
  const text = 'layer { type: "Pooling" pooling_param { pool: AVE } }';
  assert.equal(helpAt(SCHEMA, text, text.indexOf("pool:") + 1).title, "pool: enum, MAX unless given");
  assert.equal(helpAt(SCHEMA, text, text.indexOf("AVE")).help, "Mean.");
  assert.equal(helpAt(SCHEMA, text, text.indexOf("Pooling")).title, "Pooling (vision)");
  assert.equal(helpAt(SCHEMA, text, text.indexOf("{")), null);
  assert.equal(helpAt(SCHEMA, "no_such: 1", 2), null);
});

test("messages are found by path, blobs by their writers", () => {
  assert.equal(messageAt(SCHEMA, ["layer", "pooling_param"]), "PoolingParameter");
  assert.equal(messageAt(SCHEMA, ["layer", "nothing"]), undefined);
  assert.deepEqual(blobsOf('input: "a"\nlayer { top: "b" top: \'c\' bottom: "x" top: "b" }'), ["a", "b", "c"]);
});

test("two texts differ in one span", () => {
  assert.deepEqual(difference("abcd", "abXd"), [2, 3, 3]);
  assert.deepEqual(difference("aa", "aaa"), [2, 2, 3]);
  assert.deepEqual(difference("", ""), [0, 0, 0]);
});
