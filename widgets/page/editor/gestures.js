// @ts-check
// What the pointer does on the canvas: pan, move boxes, draw a wire from a top, draw a band around boxes.

import { around } from "../dom.js";
import { bounds, clamp, curve, overlap, portX } from "./geometry.js";
import { switchPhase } from "./menu.js";
import { toggled } from "./model.js";

/** @typedef {import("./geometry.js").Point} Point */
/** @typedef {import("./model.js").Box} Box */
/**
 * @typedef {object} Gesture
 * @property {"pan" | "move" | "wire" | "band"} kind
 * @property {Point} start
 * @property {import("./geometry.js").View} [view] of a pan: where it began
 * @property {[Box, Point][]} [from] of a move: boxes, and how far they were moved before
 * @property {string} [id] of a move: what was pressed
 * @property {boolean} [alone] of a move: whether only that would be selected by a click
 * @property {Box} [source] of a wire
 * @property {number} [port] of a wire
 * @property {boolean} [live] whether the pointer has moved far enough to mean it
 * @property {PointerEvent} [last]
 * @property {number} [frame]
 */

const MAC = navigator.platform.startsWith("Mac"); // where Ctrl+click is a right click
const SLACK = 3; // pixels that a click may move

export class Gestures {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
    /** @type {Gesture | null} */
    this.now = null;
    const canvas = editor.drawing.canvas;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", () => this.end());
    canvas.addEventListener("pointerleave", () => {
      editor.card.hide();
      editor.drawing.sharing.hover();
    });
    canvas.addEventListener("contextmenu", (event) => this.openMenu(event));
    canvas.addEventListener("dblclick", (event) => this.doubleClick(event));
    // A page keeps its own scrolling unless the editor has the focus, or the user means zooming.
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && !editor.root.contains(document.activeElement)) return;
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      editor.zoom(Math.exp(-clamp(event.deltaY * lines, -240, 240) * 0.0016), this.point(event));
    }, { passive: false });
  }

  /** Where the pointer is on the canvas. @param {MouseEvent} event @returns {Point} */
  point(event) {
    const frame = this.editor.drawing.canvas.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button > 1 || (event.ctrlKey && event.button === 0 && MAC)) return; // the menu
    const { editor } = this, { model, drawing } = editor;
    editor.card.hide();
    editor.wiring.end("");
    const start = this.point(event), several = event.shiftKey || event.ctrlKey || event.metaKey;
    const chip = around(event, ".ne-chip"), out = around(event, ".ne-out"), item = around(event, "[data-id]");
    const edge = around(event, ".ne-edge"), fold = around(event, ".ne-fold");
    /** @type {Gesture} */
    const pan = { kind: "pan", start, view: { ...editor.view } };
    event.preventDefault(); // no text selection, and the focus goes where we say

    if (event.button === 1) this.now = pan;
    else if (fold) editor.toggleGroup(fold.parentElement?.dataset.group);
    else if (chip) switchPhase(editor, item?.dataset.id);
    else if (out) this.now = { kind: "wire", start, port: Number(out.dataset.port), source: this.boxOf(out) };
    else if (item) this.press(item.dataset.id ?? "", several, start);
    else if (edge) {
      const id = edge.dataset.edge ?? "";
      if (several) editor.choose(model.selected, toggled(model.selectedEdges, id));
      else editor.choose([], [id]);
    } else this.now = event.shiftKey ? { kind: "band", start } : pan;
    if (!item) drawing.focus();
  }

  /** @param {string} id @param {boolean} several @param {Point} start */
  press(id, several, start) {
    const { editor } = this, { model } = editor;
    if (several) editor.choose(toggled(model.selected, id), model.selectedEdges);
    else if (!model.selected.has(id)) editor.choose([id]);
    const boxes = new Set([...model.selected].flatMap((chosen) => model.box(chosen) ?? []));
    this.now = {
      kind: "move", start, id, alone: !several,
      from: [...boxes].map((box) => [box, model.moved.get(box.data.id) ?? { x: 0, y: 0 }]),
    };
    editor.drawing.focus(id);
  }

  /** The box that an element belongs to. @param {Element} element */
  boxOf(element) {
    return this.editor.model.box(element.closest(".ne-node")?.querySelector(".ne-box")?.getAttribute("data-id"));
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { editor } = this, gesture = this.now;
    if (!gesture) {
      if (!event.buttons) {
        const item = around(event, "[data-id]"), edge = around(event, ".ne-edge");
        editor.drawing.sharing.hover(item?.dataset.id);
        editor.card.show(item?.dataset.id, edge?.dataset.edge, this.point(event), editor.drawing.size());
      }
      return;
    }
    const now = this.point(event);
    gesture.last = event;
    if (!gesture.live) {
      if (Math.hypot(now.x - gesture.start.x, now.y - gesture.start.y) < SLACK) return;
      gesture.live = true;
      editor.drawing.canvas.setPointerCapture(event.pointerId);
      editor.root.dataset.gesture = gesture.kind;
    }
    // At most one drawing a frame, however many events there are.
    gesture.frame ??= requestAnimationFrame(() => {
      gesture.frame = undefined;
      if (this.now === gesture && gesture.last) this.follow(gesture, this.point(gesture.last));
    });
  }

  /** @param {Gesture} gesture @param {Point} now */
  follow({ kind, start, view, from, source, port }, now) {
    const { editor } = this, { model, drawing } = editor, { x, y, k } = editor.view;
    const dx = now.x - start.x, dy = now.y - start.y;
    if (kind === "pan" && view) editor.lookFrom({ k: view.k, x: view.x + dx, y: view.y + dy });
    else if (kind === "move") {
      for (const [box, offset] of from ?? []) {
        model.shift(box, { x: offset.x + dx / k, y: offset.y + dy / k });
        drawing.follow(box);
      }
    } else if (kind === "wire" && source) {
      const from = source.x + portX(source.w, port ?? 0, source.data.tops.length);
      drawing.wire.setAttribute("d", curve(from, source.y + source.h, (now.x - x) / k, (now.y - y) / k));
    } else if (kind === "band") {
      const { band } = drawing;
      band.setAttribute("visibility", "visible");
      band.setAttribute("x", String(Math.min(start.x, now.x)));
      band.setAttribute("y", String(Math.min(start.y, now.y)));
      band.setAttribute("width", String(Math.abs(dx)));
      band.setAttribute("height", String(Math.abs(dy)));
    }
  }

  /** @param {PointerEvent} event */
  up(event) {
    const { editor } = this, { model } = editor, gesture = this.now;
    if (!gesture) return;
    if (gesture.live) this.follow(gesture, this.point(event));
    this.end();
    if (gesture.kind === "move") {
      if (gesture.live) editor.minimap.draw();
      else if (gesture.alone && model.selected.size > 1) editor.choose([gesture.id ?? ""]);
    } else if (gesture.kind === "pan") {
      if (!gesture.live && (model.selected.size || model.selectedEdges.size)) editor.choose([]);
    } else if (gesture.kind === "wire" && gesture.live) this.drop(gesture, event);
    else if (gesture.kind === "band" && gesture.live) {
      const { x, y, k } = editor.view, { start } = gesture, end = this.point(event);
      const net = [start, end].map((point) => ({ x: (point.x - x) / k, y: (point.y - y) / k, w: 0, h: 0 }));
      const inside = [...model.boxes.values()].filter((box) =>
        overlap([box.x, box.y, box.x + box.w, box.y + box.h], /** @type {any} */ (bounds(net))));
      editor.choose([...model.selected, ...inside.flatMap(({ data }) => [data.id, ...data.folded.map((strip) => strip.id)])], model.selectedEdges);
    }
  }

  /** Connect to the box that a wire was dropped on. @param {Gesture} gesture @param {PointerEvent} event */
  drop({ source, port }, event) {
    const { editor } = this;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const end = /** @type {SVGElement | null | undefined} */ (under?.closest(".ne-in"));
    const target = under && editor.drawing.nodeLayer.contains(under) ? this.boxOf(under) : undefined;
    if (!target || !source) return editor.say("Dropped beside any layer: nothing connected.");
    editor.connect(source.data.id, port ?? 0, target.data.id, end ? Number(end.dataset.port) : undefined);
  }

  end() {
    const { root, drawing } = this.editor;
    this.now = null;
    delete root.dataset.gesture;
    drawing.wire.removeAttribute("d");
    drawing.band.setAttribute("visibility", "hidden");
  }

  /** What can be done with what is under the pointer, and with all that is selected along with it. @param {MouseEvent} event */
  openMenu(event) {
    const { editor } = this, id = around(event, "[data-id]")?.dataset.id;
    event.preventDefault();
    event.stopPropagation();
    if (id && !editor.model.selected.has(id)) editor.choose([id]);
    editor.openMenu();
  }

  /** @param {MouseEvent} event */
  doubleClick(event) {
    const { editor } = this;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const id = under?.closest("[data-id]")?.getAttribute("data-id") ?? undefined;
    const thing = editor.model.thing(id);
    if (thing?.collapsed) editor.toggleGroup(thing.group);
    else if (thing) editor.rename(thing.id);
    else editor.toggleGroup(under?.closest(".ne-frame")?.getAttribute("data-group"));
  }
}
