// @ts-check
// What can be done with the selection, and with the whole net, as a list to pick from.

import { ask } from "./renamer.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {{ text: string, hint: string, fits: (count: number, shared: boolean) => boolean, run: (editor: Editor, ids: string[]) => unknown }} Action */

const REMOVE = "remove:"; // before the name of a module of the user's own

/** @param {string} phase */
const rule = (phase) => (/** @type {Editor} */ editor, /** @type {string[]} */ ids) => editor.send({ type: "rule", ids, phase });
const exported = (/** @type {string} */ kind) => (/** @type {Editor} */ editor) => editor.send({ type: "export", kind });
const always = () => true;
const some = (/** @type {number} */ count) => count > 0;

/** @type {Record<string, Action>} */
export const ACTIONS = {
  train: { text: "In TRAIN only", hint: "include { phase: TRAIN }", fits: some, run: rule("TRAIN") },
  test: { text: "In TEST only", hint: "include { phase: TEST }", fits: some, run: rule("TEST") },
  both: { text: "In all phases", hint: "no rule about the phase", fits: some, run: rule("") },
  share: {
    text: "Share weights", hint: "param { name: … } in all of them", fits: (count) => count > 1,
    run: (editor, ids) => editor.send({ type: "share", ids }),
  },
  unshare: {
    text: "Stop sharing weights", hint: "weights of its own again", fits: (_count, shared) => shared,
    run: (editor, ids) => editor.send({ type: "unshare", ids }),
  },
  module: {
    text: "Save as module…", hint: "for the palette, among your own", fits: some,
    run: (editor, ids) => ask(editor, {
      label: "Name of the module", title: "Enter keeps the selected layers under this name", value: "", left: 8, top: 8, width: 260,
    }, (name) => editor.send({ type: "save_module", ids, name }), editor.current()),
  },
  deploy: {
    text: "Deploy net…", hint: "inputs for its data, probabilities for its losses", fits: () => true,
    run: (editor) => editor.send({ type: "make", net: "deploy" }),
  },
  training: {
    text: "Training net…", hint: "data for its inputs, a loss for its probabilities", fits: () => true,
    run: (editor) => editor.send({ type: "make", net: "training" }),
  },
  svg: { text: "Export as SVG", hint: "the drawing, as it is folded", fits: always, run: exported("svg") },
  png: { text: "Export as PNG", hint: "the drawing in dots", fits: always, run: exported("png") },
  html: { text: "Export as HTML", hint: "a page with drawing, layers and text", fits: always, run: exported("html") },
  prototxt: { text: "Export as prototxt", hint: "the text as it is now", fits: always, run: exported("prototxt") },
};

/** The actions for so many selected layers, of which some share weights or none, as entries of a list. @param {number} count @param {boolean} shared @returns {import("./matching.js").Entry[]} */
export const offered = (count, shared = false) => Object.entries(ACTIONS).filter(([, action]) => action.fits(count, shared))
  .map(([value, { text, hint }]) => ({ text, hint, value, haystack: `${text} ${hint}`.toLowerCase() }));

/** The rule that follows when a box's switch is pressed. @param {string} now */
export const nextPhase = (now) => ({ "": "TRAIN", TRAIN: "TEST" })[now] ?? "";

/** Press the switch of a layer; one that is selected takes all that are selected along. @param {Editor} editor @param {string | undefined} id */
export function switchPhase(editor, id) {
  const thing = editor.model.thing(id), { selected } = editor.model;
  if (!id || !thing || thing.collapsed) return;
  editor.send({ type: "rule", ids: selected.has(id) ? [...selected] : [id], phase: nextPhase(thing.rule ?? "") });
}

/** @param {Editor} editor */
export function openMenu(editor) {
  const near = editor.current(), ids = [...editor.model.selected];
  const own = (editor.model.graph.palette ?? []).filter(({ category }) => category === "own").map(({ type }) => ({
    text: `Remove the module ${type}`, hint: "from the palette", value: REMOVE + type, haystack: `remove the module ${type}`.toLowerCase(),
  }));
  const shared = (editor.model.graph.shares ?? []).some((share) => share.ids.some((id) => ids.includes(id)));
  let asking = false;
  editor.menu.open([...offered(ids.length, shared), ...own], {
    onPick(value) {
      asking = value === "module";
      if (value.startsWith(REMOVE)) editor.send({ type: "remove_module", name: value.slice(REMOVE.length) });
      else if (!asking) ACTIONS[value].run(editor, ids);
    },
    onClose() {
      editor.drawing.focus(near);
      if (asking) ACTIONS.module.run(editor, ids); // once the list is gone, which gives the focus back
    },
    foot: ids.length ? "" : "Select layers first to see what can be done with them, too.",
  });
}
