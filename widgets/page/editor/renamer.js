// @ts-check
// The input in which the user types another name over a layer.

import { make } from "../dom.js";

/** @typedef {import("./editor.js").Editor} Editor */

/** @param {Element} stage */
export const makeRenamer = (stage) => make("input", {
  class: "ne-rename", type: "text", "aria-label": "Name of the layer", spellcheck: "false", hidden: "",
  title: "Enter renames the layer, and its top where that has the same name; Shift+Enter the layer alone",
}, stage);

/** Let the user type another name over a layer. @param {Editor} editor @param {string} id */
export function rename(editor, id) {
  const thing = editor.model.thing(id);
  if (!thing || thing.collapsed) return;
  editor.reveal(id);
  const shape = editor.drawing.element(id)?.getBoundingClientRect(), stage = editor.stage.getBoundingClientRect();
  if (!shape) return;
  const input = editor.renamer;
  Object.assign(input.style, {
    left: `${shape.left - stage.left}px`, top: `${shape.top - stage.top}px`, width: `${Math.max(120, shape.width)}px`,
  });
  input.value = thing.name;
  input.hidden = false;
  input.focus();
  input.select();
  const finish = (/** @type {string} */ name, alone = false) => {
    if (input.hidden) return;
    input.hidden = true;
    input.onkeydown = input.onblur = null;
    editor.drawing.focus(id);
    if (name && name !== thing.name) editor.send({ type: "rename", id, name, ...alone && { alone } });
  };
  input.onblur = () => finish("");
  input.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter") finish(input.value.trim(), event.shiftKey);
    else if (event.key === "Escape") finish("");
    else return;
    event.preventDefault();
  };
}
