// @ts-check
// The sheet of keys, and the line that an empty drawing shows.

import { make } from "../dom.js";

/** @type {[keys: string, what: string][]} */
const KEYS = [
  ["a", "add a layer or a module: conv 64 3, relu"],
  ["Shift+Enter", "in that list: as a branch"],
  ["c", "connect to the next layer that lacks a bottom"],
  ["Enter", "to the fields; Escape comes back"],
  ["F2", "rename, the top too; Shift+Enter: the layer alone"],
  ["Delete", "remove, and join the neighbours"],
  ["Ctrl+C X V D", "copy, cut, paste, duplicate"],
  ["Ctrl+Z, Ctrl+Y", "undo, redo"],
  ["Arrows", "walk; Shift extends the selection"],
  ["Space, Shift+click", "add to the selection"],
  ["Ctrl+A, Shift+drag", "select all, all in a frame: the form edits them at once"],
  ["/, Ctrl+F", "find a layer"],
  ["e", "the edges of a layer, one by one"],
  ["p", "in TRAIN only, in TEST only, in both"],
  ["m, right click", "what can be done with the selection"],
  ["g", "fold or unfold the group"],
  ["f, +, -", "fit, zoom in, zoom out"],
];

export class Sheet {
  /** @param {Element} stage */
  constructor(stage) {
    this.empty = make("div", { class: "ne-empty", hidden: "", text: "Press a to add a layer, or paste prototxt. ? shows the keys." }, stage);
    this.box = make("div", { class: "ne-sheet", role: "dialog", "aria-label": "Keys", tabindex: -1, hidden: "" }, stage);
    const list = make("dl", {}, this.box);
    for (const [keys, what] of KEYS) {
      make("dt", { text: keys }, list);
      make("dd", { text: what }, list);
    }
    this.onClose = () => {};
    this.box.addEventListener("focusout", () => { this.box.hidden = true; });
    this.box.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (!["Escape", "Enter", "?"].includes(event.key)) return;
      event.preventDefault();
      this.box.hidden = true;
      this.onClose();
    });
  }

  /** @param {() => void} onClose */
  open(onClose) {
    this.onClose = onClose;
    this.box.hidden = false;
    this.box.focus();
  }
}
