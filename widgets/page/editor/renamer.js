// @ts-check
// The input in which the user types a name: another one over a layer, or one for a module.

import { make } from "../dom.js";

/** @typedef {import("./editor.js").Editor} Editor */

/** @param {Element} stage */
export const makeRenamer = (stage) => make("input", { class: "ne-rename", type: "text", "aria-label": "Name", spellcheck: "false", hidden: "" }, stage);

/**
 * Let the user type a line, at a place of the stage; `told` hears it, unless it is empty or given up.
 * @param {Editor} editor
 * @param {{ label: string, title: string, value: string, left: number, top: number, width: number }} line
 * @param {(text: string, shift: boolean) => void} told
 * @param {string} [back] the layer that has the focus afterwards
 */
export function ask(editor, { label, title, value, left, top, width }, told, back) {
  const input = editor.renamer;
  Object.assign(input.style, { left: `${left}px`, top: `${top}px`, width: `${width}px` });
  input.setAttribute("aria-label", label);
  Object.assign(input, { title, placeholder: label, value, hidden: false });
  input.focus();
  input.select();
  const finish = (/** @type {string} */ text, shift = false) => {
    if (input.hidden) return;
    input.hidden = true;
    input.onkeydown = input.onblur = null;
    editor.drawing.focus(back);
    if (text) told(text, shift);
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

/** Let the user type another name over a layer. @param {Editor} editor @param {string} id */
export function rename(editor, id) {
  const thing = editor.model.thing(id);
  if (!thing || thing.collapsed) return;
  editor.reveal(id);
  const shape = editor.drawing.element(id)?.getBoundingClientRect(), stage = editor.stage.getBoundingClientRect();
  if (!shape) return;
  ask(editor, {
    label: "Name of the layer", title: "Enter renames the layer, and its top where that has the same name; Shift+Enter the layer alone",
    value: thing.name, left: shape.left - stage.left, top: shape.top - stage.top, width: Math.max(120, shape.width),
  }, (name, alone) => {
    if (name !== thing.name) editor.send({ type: "rename", id, name, ...alone && { alone } });
  }, id);
}
