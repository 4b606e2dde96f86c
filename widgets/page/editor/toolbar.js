// @ts-check
// The bar above the drawing: buttons, the view that is looked at, the zoom.

import { icon, make } from "../dom.js";

/** @typedef {import("./editor.js").Editor} Editor */

const ICONS = {
  add: "M8 3v10M3 8h10",
  remove: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
  undo: "M6 3 3 6l3 3M3 6h6a3.5 3.5 0 0 1 0 7H6",
  redo: "m10 3 3 3-3 3M13 6H7a3.5 3.5 0 0 0 0 7h3",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8M10 10l3.5 3.5",
  relayout: "M6 2h4v3H6zM2 11h4v3H2zM10 11h4v3h-4zM8 5v3M4 11V8h8v3",
  menu: "M3 4h10M3 8h10M3 12h10",
  out: "M3 8h10",
  in: "M8 3v10M3 8h10",
  fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
};

export class Toolbar {
  /** @param {Editor} editor */
  constructor(editor) {
    this.element = make("div", { class: "ne-toolbar", role: "toolbar", "aria-label": "Net editor" }, editor.root);
    this.button("add", "Add a layer behind the selected one (a)", () => editor.openPalette());
    this.button("remove", "Remove the selection, and join what it was between (Delete)", () => editor.removeSelection());
    this.button("undo", "Undo (Ctrl+Z)", () => editor.send({ type: "undo" }));
    this.button("redo", "Redo (Ctrl+Shift+Z)", () => editor.send({ type: "redo" }));
    this.button("search", "Find a layer (Ctrl+F or /)", () => editor.openSearch());
    this.button("relayout", "Arrange anew", () => editor.relayout());
    this.button("menu", "What can be done with the selection (m)", () => editor.openMenu());
    this.space = make("span", { class: "ne-space" }, this.element);
    this.view = make("select", {
      class: "ne-view", "aria-label": "Layers in view", hidden: "",
      title: "Dim the layers that are not in TRAIN, in TEST, or in the deploy net",
    }, this.element);
    this.view.addEventListener("change", () => editor.send({ type: "view", name: this.view.value }));
    this.button("out", "Zoom out (-)", () => editor.zoom(1 / 1.25));
    this.percent = make("output", { class: "ne-percent", "aria-label": "Zoom" }, this.element);
    this.button("in", "Zoom in (+)", () => editor.zoom(1.25));
    this.button("fit", "Show the whole net (f)", () => editor.fit());
    this.element.addEventListener("pointerdown", (event) => { // keeps the focus
      if (event.target !== this.view) event.preventDefault();
    });
  }

  /** @param {keyof typeof ICONS} name @param {string} title @param {() => void} action */
  button(name, title, action) {
    const button = make("button", {
      type: "button", title, "aria-label": title.replace(/ \(.*/, ""), "data-action": name,
    }, this.element);
    button.append(icon(ICONS[name]));
    button.addEventListener("click", action);
  }

  /** @param {string} action @param {boolean} enabled */
  enable(action, enabled) {
    const button = this.element.querySelector(`[data-action=${action}]`);
    if (button instanceof HTMLButtonElement) button.disabled = !enabled;
  }

  /** Offer views of the net; none without any. @param {string[]} views @param {string} [view] the one of now */
  offer(views, view) {
    this.view.hidden = !views.length;
    if (views.length !== this.view.options.length) this.view.replaceChildren(...views.map((text) => make("option", { text })));
    if (view !== undefined) this.view.value = view;
  }
}
