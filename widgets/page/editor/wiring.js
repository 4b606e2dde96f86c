// @ts-check
// Connecting by keyboard: a target is chosen with Tab or up and down, its bottom with left and right.

import { curve, portX } from "./geometry.js";

/** @typedef {import("./model.js").Box} Box */

export class Wiring {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
    /** @type {{ source: Box, port: number, targets: Box[], at: number, bottom: number | null } | null} */
    this.now = null;
  }

  /** @param {string | undefined} id the layer to connect from */
  start(id) {
    const { editor } = this, { model } = editor;
    const source = model.box(id);
    if (!source) return editor.say("Select the layer to connect from first.");
    const targets = model.targets(source);
    if (!targets.length) {
      const other = model.graph.nodes.find((data) => data.id !== source.data.id)?.id ?? source.data.id;
      return editor.say(model.objection(source.data.id, other), "error");
    }
    this.now = { source, port: 0, targets, at: 0, bottom: null };
    this.aim();
  }

  aim() {
    if (!this.now) return;
    const { source, port, targets, at, bottom } = this.now;
    const { editor } = this, to = targets[at];
    editor.reveal(to.data.id);
    editor.drawing.aimAt(to.data.id);
    const x = bottom === null ? to.w / 2 : portX(to.w, bottom, to.data.bottoms.length);
    editor.drawing.wire.setAttribute("d", curve(
      source.x + portX(source.w, port, source.data.tops.length), source.y + source.h, to.x + x, to.y));
    const where = bottom === null ? "a new bottom" : `bottom ${bottom}, ${to.data.bottoms[bottom]}`;
    editor.say(`Connect ${source.data.tops[port]} of ${source.data.id} to ${to.data.id}, ${where}: ` +
      "Enter connects, Tab and arrows choose, Escape leaves.");
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether a connection is being made, which then takes the key */
  key(event) {
    const wiring = this.now;
    if (!wiring) return false;
    const step = { Tab: event.shiftKey ? -1 : 1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    const side = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    event.preventDefault();
    if (event.key === "Enter") {
      this.end("");
      this.editor.connect(wiring.source.data.id, wiring.port, wiring.targets[wiring.at].data.id, wiring.bottom ?? undefined);
    } else if (event.key === "Escape") this.end("Not connected.");
    else if (event.key === "c") {
      wiring.port = (wiring.port + 1) % wiring.source.data.tops.length;
      this.aim();
    } else if (step) {
      wiring.at = (wiring.at + step + wiring.targets.length) % wiring.targets.length;
      wiring.bottom = null;
      this.aim();
    } else if (side) {
      const count = wiring.targets[wiring.at].data.bottoms.length;
      const at = wiring.bottom === null ? count : wiring.bottom; // a new bottom counts as the last
      const next = (at + side + count + 1) % (count + 1);
      wiring.bottom = next === count ? null : next;
      this.aim();
    }
    return true;
  }

  /** @param {string} text what to say of it */
  end(text) {
    if (!this.now) return;
    this.now = null;
    this.editor.drawing.wire.removeAttribute("d");
    this.editor.drawing.aimAt();
    this.editor.say(text);
  }
}
