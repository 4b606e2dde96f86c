// @ts-check
// Links between layers that share parameters, seen while one of them is selected or under the pointer.

import { svg } from "../dom.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {{ name: string, ids: string[] }} Share */

const BOW = 46; // how far a link bows out to the right

/**
 * The links of layers to those that share parameters with them, each with the parameters' names.
 * @param {Pick<Model, "box">} model
 * @param {Share[]} shares
 * @param {Iterable<string>} ids
 * @returns {{ d: string, x: number, y: number, name: string }[]}
 */
export function links(model, shares, ids) {
  const asked = new Set(ids), found = [];
  for (const { name, ids: sharers } of shares) {
    const shown = sharers.filter((id) => model.box(id));
    const from = shown.find((id) => asked.has(id));
    if (from === undefined) continue;
    for (const to of shown) {
      const a = model.box(from), b = model.box(to);
      if (to === from || !a || !b || a === b) continue;
      const [x1, y1, x2, y2] = [a.x + a.w, a.y + 21, b.x + b.w, b.y + 21], right = Math.max(x1, x2) + BOW;
      found.push({ d: `M${x1} ${y1}C${right} ${y1} ${right} ${y2} ${x2} ${y2}`, x: (x1 + x2 + 6 * right) / 8, y: (y1 + y2) / 2, name });
    }
  }
  return found;
}

export class Sharing {
  /** @param {Model} model @param {SVGGElement} scene */
  constructor(model, scene) {
    this.model = model;
    this.layer = svg("g", { class: "ne-shares", "aria-hidden": "true" }, scene);
    /** @type {string | undefined} */
    this.hovered = undefined;
  }

  /** @param {string} [id] of the layer under the pointer */
  hover(id) {
    if (id === this.hovered) return;
    this.hovered = id;
    this.draw();
  }

  draw() {
    const { graph, selected } = this.model, shares = graph.shares ?? [];
    const shown = shares.length ? links(this.model, shares, [...selected, ...(this.hovered ? [this.hovered] : [])]) : [];
    this.layer.replaceChildren();
    for (const { d, x, y, name } of shown) {
      svg("path", { d }, this.layer);
      svg("text", { x: x + 4, y, text: name }, this.layer);
    }
  }
}
