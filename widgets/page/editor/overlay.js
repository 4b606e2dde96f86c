// @ts-check
// The overlay of the drawing: the list of figures it can be coloured by, and the colour bar.

import { make, svg } from "../dom.js";
import { PALETTE, spell, tinted } from "../overlay.js";

/** @typedef {import("../overlay.js").Overlay} Overlay */
/** @typedef {import("../overlay.js").Tint} Tint */

const LETTER = 6.4; // width of a letter of a figure

export class OverlayBar {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
    /** @type {Overlay | null} */
    this.overlay = null;
    this.late = false; // whether the kernel waits to hear that a live overlay was drawn
    this.label = make("label", { class: "ne-colour", text: "Colour: ", hidden: "" });
    editor.toolbar.space.before(this.label);
    this.choice = make("select", { "aria-label": "Colour the drawing by" }, this.label);
    this.choice.addEventListener("change", () => editor.send({ type: "overlay", ask: "choose", name: this.choice.value }));
    for (const kind of ["pointerdown", "keydown"]) this.label.addEventListener(kind, (event) => event.stopPropagation()); // not the toolbar's
    this.bar = make("div", { class: "ne-scale", hidden: "" });
    editor.toolbar.element.after(this.bar);
    this.low = make("span", {}, this.bar);
    this.colours = make("span", { class: "ne-colours", "aria-hidden": "true", style: `background: linear-gradient(to right, ${PALETTE.join(", ")})` }, this.bar);
    this.high = make("span", {}, this.bar);
    this.note = make("span", { class: "ne-scale-note" }, this.bar);
    this.measure = make("button", { type: "button", text: "Measure", "aria-label": "Measure again", title: "Measure again: a few passes of a copy of the net" }, this.bar);
    this.measure.addEventListener("click", () => editor.send({ type: "overlay", ask: "measure" }));
    this.sight = new IntersectionObserver((entries) => {
      this.seen = entries.at(-1)?.isIntersecting ?? false;
      this.answer();
    });
    this.seen = false;
    this.sight.observe(editor.root);
  }

  /** What may be chosen, each with its help. @param {{ name: string, title: string, help: string }[]} overlays */
  offer(overlays) {
    const chosen = this.choice.value;
    this.choice.replaceChildren(make("option", { value: "", text: "none" }), ...overlays.map(({ name, title, help }) => make("option", { value: name, text: title, title: help })));
    this.choice.value = chosen;
    this.label.hidden = !overlays.length;
  }

  /** Show an overlay; none without. @param {Overlay | null} overlay */
  show(overlay) {
    this.overlay = overlay;
    this.choice.value = overlay?.name ?? "";
    this.follow();
    this.editor.drawing.fill();
    this.late = Boolean(overlay?.live);
    this.answer();
  }

  /** Colour the graph as it is now: the drawing shows it when it is drawn next. */
  follow() {
    const { overlay, editor: { model, root } } = this, { tints, scale } = tinted(model.graph, overlay);
    model.tints = tints;
    root.classList.toggle("ne-overlaid", Boolean(overlay));
    this.bar.hidden = !overlay;
    if (!overlay) return;
    this.low.textContent = scale ? spell(scale.low, overlay.unit) : "";
    this.high.textContent = scale ? spell(scale.high, overlay.unit) : "";
    this.low.hidden = this.colours.hidden = this.high.hidden = !scale;
    this.note.textContent = overlay.note || (scale?.log ? "logarithmic" : "");
    this.measure.hidden = !overlay.measured;
    this.bar.setAttribute("aria-label", `${overlay.title}${scale ? `, from ${this.low.textContent} to ${this.high.textContent}` : ""}`);
  }

  /** Tell the kernel that a live overlay was drawn, once it is in sight: until then it measures no other. */
  answer() {
    if (!this.late || !this.seen) return;
    requestAnimationFrame(() => { // which comes when the page is in sight
      if (!this.late || !this.seen) return;
      this.late = false;
      this.editor.send({ type: "overlay", ask: "drawn" });
    });
  }

  destroy() {
    this.late = false;
    this.sight.disconnect();
  }
}

/** The width that a figure takes at the end of a line. @param {Tint | undefined} tint */
export const room = (tint) => (tint ? LETTER * tint.text.length + 8 : 0);

/**
 * Colour a box or a strip, and write its figure to the end of a line.
 * @param {SVGGElement} element
 * @param {Tint | undefined} tint
 * @param {number} x
 * @param {number} y
 */
export function paint(element, tint, x, y) {
  if (!tint) return;
  element.classList.add("ne-tinted");
  element.style.setProperty("--ne-tint", tint.fill);
  element.style.setProperty("--ne-tint-ink", tint.ink);
  svg("text", { class: "ne-figure", x, y, "text-anchor": "end", text: tint.text }, element);
}
