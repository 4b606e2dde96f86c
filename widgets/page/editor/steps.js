// @ts-check
// The steps of an iteration in the drawing: the layer that ran last, the one that runs next, and one that made a NaN.

import { svg } from "../dom.js";

const MARK = 15; // width of a mark, left of its box
const STRIP = 20; // height of an in-place layer in its box

const TEXTS = { ran: "ran", next: "next", bad: "NaN, infinity" };

/** @typedef {import("../messages.js").Step} Step */
/** @typedef {{ ran: Step | null, next: Step | null, bad: Step | null }} Steps */

/**
 * Where the mark of a layer lies in its box: its top and height. A folded layer has the strip's.
 * @param {import("../messages.js").NodeData} data @param {string} id @returns {{ y: number, h: number }}
 */
export function placeOf(data, id) {
  const at = data.folded.findIndex((strip) => strip.id === id);
  if (at >= 0) return { y: data.head + STRIP * at, h: STRIP - 2 };
  return { y: 0, h: data.folded.length ? data.head - 4 : data.h };
}

/**
 * Draw the marks of a box anew.
 * @param {SVGGElement} parent the box's group @param {import("../messages.js").NodeData} data
 * @param {Steps} steps @param {(id: string) => string | undefined} boxOf the box that a layer is drawn in
 */
export function drawSteps(parent, data, steps, boxOf) {
  for (const old of parent.querySelectorAll(":scope > .ne-step")) old.remove();
  for (const kind of /** @type {const} */ (["ran", "next", "bad"])) {
    const step = steps[kind];
    if (!step || boxOf(step.id) !== data.id) continue;
    const { y, h } = placeOf(data, step.id), middle = y + h / 2, down = step.direction === "forward" ? 1 : -1;
    const right = kind !== "ran";
    const x = right ? data.w + MARK - 4 : 4 - MARK;
    const g = svg("g", { class: `ne-step ne-${kind}`, "data-step": kind, "data-direction": step.direction, "aria-hidden": "true" }, parent);
    svg("rect", { x: -4, y: y - 4, width: data.w + 8, height: h + 8, rx: 8 }, g);
    svg("path", { d: `M${x - 5} ${middle - 4 * down}h10l-5 ${8 * down}z` }, g);
    svg("text", { x: x + (right ? 9 : -9), y: middle + 4, "text-anchor": right ? "start" : "end", text: TEXTS[kind] }, g);
  }
}
