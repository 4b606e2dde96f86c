// @ts-check
// The whole net in small, with a frame around what is in sight.

import { set, svg } from "../dom.js";
import { PAD } from "./geometry.js";

export class Minimap {
  /**
   * @param {import("./model.js").Model} model
   * @param {HTMLElement} stage
   * @param {(middle: import("./geometry.js").Point) => void} onLook called with what is to come into the middle
   */
  constructor(model, stage, onLook) {
    this.model = model;
    this.stage = stage;
    this.picture = svg("svg", { class: "ne-minimap", "aria-hidden": "true" }, stage);
    this.boxes = svg("g", {}, this.picture);
    this.frame = svg("rect", { class: "ne-minimap-view" }, this.picture);
    const look = (/** @type {PointerEvent} */ event) => {
      const matrix = this.picture.getScreenCTM();
      if (matrix) onLook(new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse()));
    };
    this.picture.addEventListener("pointerdown", (event) => {
      this.picture.setPointerCapture(event.pointerId);
      look(event);
    });
    this.picture.addEventListener("pointermove", (event) => event.buttons && look(event));
  }

  /** Give it its column beside the net, or all the room to the net. @param {boolean} wanted */
  show(wanted) {
    this.stage.classList.toggle("ne-overview", wanted);
  }

  draw() {
    const around = this.model.bounds();
    if (!around) return;
    const [left, top, right, bottom] = around;
    set(this.picture, { viewBox: `${left - PAD} ${top - PAD} ${right - left + 2 * PAD} ${bottom - top + 2 * PAD}` });
    const paths = new Map();
    for (const { x, y, w, h, data } of this.model.boxes.values()) {
      const kind = data.error ? "error" : data.category;
      paths.set(kind, `${paths.get(kind) ?? ""}M${x} ${y}h${w}v${h}h${-w}z`);
    }
    this.boxes.replaceChildren(...[...paths].map(([kind, d]) => svg("path", { class: `ne-bar ne-${kind}`, d })));
  }

  /** @param {import("./geometry.js").View} view @param {import("./geometry.js").Size} size */
  look({ x, y, k }, { width, height }) {
    set(this.frame, { x: -x / k, y: -y / k, width: width / k, height: height / k });
  }
}
