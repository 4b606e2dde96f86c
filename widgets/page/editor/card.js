// @ts-check
// The card beside the pointer: all that is known of a layer or an edge.

import { make } from "../dom.js";
import { clamp } from "./geometry.js";
import { describe, edgeSentence } from "./model.js";

/** The lines of a layer's card, each with its class. @param {import("../messages.js").Face} thing @returns {[string, string][]} */
export function cardLines(thing) {
  /** @type {[string, string | null][]} */
  const lines = [
    ["ne-card-title", describe(thing)],
    ["ne-card-error", thing.error], ["ne-card-warning", thing.warning],
    ["", thing.dimmed ? "not in this phase" : ""], ["", thing.note],
    ...thing.details.map((line) => /** @type {[string, string]} */ (["", line])),
  ];
  return /** @type {[string, string][]} */ (lines.filter(([, text]) => text));
}

export class Card {
  /** @param {import("./model.js").Model} model @param {HTMLElement} stage */
  constructor(model, stage) {
    this.model = model;
    this.element = make("div", { class: "ne-tooltip", role: "tooltip", hidden: "" }, stage);
  }

  hide() {
    this.element.hidden = true;
  }

  /**
   * Show the card of a layer or an edge; hide it where it is neither.
   * @param {string | undefined} id
   * @param {string | undefined} edgeId
   * @param {import("./geometry.js").Point} at
   * @param {import("./geometry.js").Size} size of the canvas
   */
  show(id, edgeId, { x, y }, { width, height }) {
    const thing = this.model.thing(id), edge = this.model.edges.get(edgeId ?? "");
    if (!thing && !edge) return this.hide();
    const lines = thing ? cardLines(thing) : edge ? [["", edgeSentence(edge.data)]] : [];
    this.element.replaceChildren(...lines.map(([className, text]) => make("div", className ? { class: className, text } : { text })));
    this.element.hidden = false;
    const { offsetWidth, offsetHeight, style } = this.element;
    style.left = `${clamp(x + 14, 4, Math.max(4, width - offsetWidth - 4))}px`;
    style.top = `${y + 18 + offsetHeight < height ? y + 18 : Math.max(4, y - 10 - offsetHeight)}px`;
  }
}
