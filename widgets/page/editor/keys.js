// @ts-check
// What the keyboard does in the editor.

import { switchPhase } from "./menu.js";
import { toggled } from "./model.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {(editor: Editor, event: KeyboardEvent, current: string | undefined) => unknown} Action */

/** Keys that are pressed alone. @type {Record<string, Action>} */
const PLAIN = {
  Delete: (editor) => editor.removeSelection(),
  Backspace: (editor) => editor.removeSelection(),
  Enter: (editor, _event, current) => openOrEdit(editor, current),
  F2: (editor, _event, current) => current && editor.rename(current),
  "?": (editor) => editor.sheet.open(() => editor.drawing.focus(editor.current())),
  " ": (editor, _event, current) => current && editor.choose(toggled(editor.model.selected, current), editor.model.selectedEdges),
  Escape: (editor) => (editor.gestures.now ? editor.gestures.end() : editor.choose([])),
  "/": (editor) => editor.openSearch(),
  f: (editor) => editor.fit(),
  a: (editor) => editor.openPalette(),
  c: (editor, _event, current) => editor.wiring.start(current),
  m: (editor) => editor.openMenu(),
  p: (editor, _event, current) => switchPhase(editor, current),
  e: (editor, _event, current) => nextEdge(editor, current),
  g: (editor, _event, current) => editor.toggleGroup(editor.model.box(current)?.data.group),
  "+": (editor) => editor.zoom(1.25),
  "=": (editor) => editor.zoom(1.25),
  "-": (editor) => editor.zoom(1 / 1.25),
};

/** Keys that are pressed with Ctrl, or with the command key. @type {Record<string, Action>} */
const COMMANDS = {
  z: (editor, { shiftKey }) => editor.send({ type: shiftKey ? "redo" : "undo" }),
  y: (editor) => editor.send({ type: "redo" }),
  f: (editor) => editor.openSearch(),
  a: (editor) => editor.choose(editor.model.owner.keys()),
  d: (editor) => editor.duplicate(),
  c: (editor) => editor.send({ type: "copy", ids: [...editor.model.selected] }),
  x: (editor) => {
    editor.send({ type: "copy", ids: [...editor.model.selected] });
    editor.removeSelection();
  },
};

/** @param {Editor} editor @param {KeyboardEvent} event */
export function keyDown(editor, event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.altKey || editor.wiring.key(event)) return;
  const current = editor.current();
  if (event.ctrlKey || event.metaKey) {
    if (!COMMANDS[key]) return;
    COMMANDS[key](editor, event, current);
  } else if (key.startsWith("Arrow")) walk(editor, key.slice(5), event.shiftKey);
  else if (PLAIN[key]) PLAIN[key](editor, event, current);
  else return;
  event.preventDefault();
}

/** Walk with the data: down along an edge, up against it, sideways to the neighbour. @param {Editor} editor @param {string} direction @param {boolean} extend */
function walk(editor, direction, extend) {
  const { model } = editor, from = editor.current();
  const next = from === undefined ? model.graph.nodes[0]?.id : model.neighbour(from, direction);
  if (next === undefined) return editor.say(from === undefined ? "The net is empty." : "Nothing further that way.");
  editor.choose(extend ? [...model.selected, next] : [next]);
  editor.reveal(next);
  editor.drawing.focus(next);
}

/** @param {Editor} editor @param {string | undefined} current */
function openOrEdit(editor, current) {
  const box = editor.model.box(current);
  if (box?.data.collapsed) editor.toggleGroup(box.data.group);
  else if (current) {
    if (!editor.model.selected.has(current)) editor.choose([current]);
    editor.send({ type: "edit", id: current });
  }
}

/** @param {Editor} editor @param {string | undefined} current */
function nextEdge(editor, current) {
  const box = editor.model.box(current);
  const edges = box ? [...box.ins, ...box.outs].map((edge) => edge.data.id) : [];
  if (!edges.length) return editor.say("No edge here.");
  const at = edges.findIndex((id) => editor.model.selectedEdges.has(id));
  editor.choose([], [edges[(at + 1) % edges.length]]);
}
