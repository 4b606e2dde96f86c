// @ts-check
// The drawing: one SVG in which only what is in sight, or nearly, has elements.

import { set, svg } from "../dom.js";
import { FAR, bounds, curve, overlap, portX, shorten, shownPart } from "./geometry.js";
import { describe } from "./model.js";
import { paint, room } from "./overlay.js";
import { Sharing } from "./sharing.js";
import { drawSteps } from "./steps.js";

/** @typedef {import("./model.js").Box} Box */
/** @typedef {import("./model.js").Edge} Edge */
/** @typedef {import("../messages.js").Face} Face */
/** @typedef {import("../messages.js").NodeData} NodeData */
/** @typedef {{ g: SVGGElement, box: SVGGElement, rest: SVGGElement, look: string, at: string }} NodeElement */
/** @typedef {{ g: SVGGElement, hit: SVGPathElement, line: SVGPathElement, label: SVGTextElement, path: string }} EdgeElement */

const STRIP = 20; // height of an in-place layer in its box; graph.py says the same
const LINE = 15; // height of a line of text
const MARGIN = 0.5; // how far beyond what is in sight there are elements, in sizes of the canvas

export class Drawing {
  /** @param {import("./model.js").Model} model @param {HTMLElement} stage @param {HTMLElement} root */
  constructor(model, stage, root) {
    this.model = model;
    this.root = root;
    this.canvas = svg("svg", {
      class: "ne-canvas", tabindex: 0, role: "application", "aria-roledescription": "net editor",
      "aria-label": "Net. Arrow keys walk along the edges, slash searches, a adds a layer behind the selected " +
        "one, c connects, Enter goes to its fields, F2 renames, question mark shows the keys, Delete removes and joins what was before with what was behind.",
    }, stage);
    this.scene = svg("g", {}, this.canvas);
    this.frameLayer = svg("g", {}, this.scene);
    this.edgeLayer = svg("g", {}, this.scene);
    this.nodeLayer = svg("g", {}, this.scene);
    this.sharing = new Sharing(model, this.scene);
    this.wire = svg("path", { class: "ne-wire" }, this.scene);
    this.band = svg("rect", { class: "ne-band", visibility: "hidden" }, this.canvas);
    /** @type {Map<string, NodeElement>} */
    this.nodes = new Map();
    /** @type {Map<string, EdgeElement>} */
    this.edges = new Map();
    /** @type {Map<string, { g: SVGGElement, rect: SVGRectElement, text: SVGTextElement }>} */
    this.frames = new Map();
    /** @type {string | undefined} the box that must have elements wherever it is: it has the focus */
    this.pinned = undefined;
    /** @type {string | undefined} the box that a connection aims at */
    this.target = undefined;
    /** @type {import("./steps.js").Steps} */
    this.steps = { ran: null, next: null, bad: null };
    this.view = { x: 0, y: 0, k: 1 };
    /** @type {import("./geometry.js").Bounds} the part of the net that has elements */
    this.part = [0, 0, 0, 0];
  }

  size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  /** Draw what is in sight of the model as it is now. */
  draw() {
    this.drawFrames();
    this.fill();
  }

  /** Look at the net through another view. @param {import("./geometry.js").View} view */
  look(view) {
    const { x, y, k } = this.view = view;
    this.scene.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
    this.root.classList.toggle("ne-far", k < FAR);
    const [left, top, right, bottom] = shownPart(view, this.size());
    const part = this.part;
    const covered = left >= part[0] && top >= part[1] && right <= part[2] && bottom <= part[3];
    const wasteful = part[2] - part[0] > 4 * (right - left);
    if (!covered || wasteful) this.fill();
  }

  /** Give elements to what is near what is in sight, and take those of all else away. */
  fill() {
    const { model } = this;
    this.part = shownPart(this.view, this.size(), MARGIN);
    const drawn = new Set();
    for (const [id, box] of model.boxes) {
      if (id !== this.pinned && !overlap([box.x, box.y - 30, box.x + box.w, box.y + box.h], this.part)) continue;
      drawn.add(id);
      this.drawNode(id, box);
    }
    this.drop(this.nodes, drawn);
    const lines = new Set();
    for (const [id, edge] of model.edges) {
      const [x1, y1, x2, y2] = model.ends(edge);
      if (!overlap([Math.min(x1, x2) - 60, Math.min(y1, y2), Math.max(x1, x2) + 60, Math.max(y1, y2)], this.part)) continue;
      lines.add(id);
      this.drawEdge(id, edge);
    }
    this.drop(this.edges, lines);
    this.paintSelection();
  }

  /** @param {Map<string, { g: SVGGElement }>} drawn @param {Set<string>} wanted */
  drop(drawn, wanted) {
    for (const [id, item] of drawn) {
      if (wanted.has(id)) continue;
      item.g.remove();
      drawn.delete(id);
    }
  }

  /** @param {string} id @param {Box} box */
  drawNode(id, box) {
    let node = this.nodes.get(id);
    if (!node) {
      const g = svg("g", {}, this.nodeLayer);
      node = { g, box: svg("g", { tabindex: -1 }, g), rest: svg("g", {}, g), look: "", at: "" };
      this.nodes.set(id, node);
    }
    const { x: _x, y: _y, index: _index, ...face } = box.data;
    const look = JSON.stringify([face, ...[box.data, ...box.data.folded].map((each) => this.model.tints.get(each.id))]);
    if (look !== node.look) {
      this.fillNode(node, box.data);
      this.drawSteps(node.rest, box);
    }
    node.look = look;
    node.g.classList.toggle("ne-target", id === this.target);
    const at = `translate(${box.x} ${box.y})`;
    if (at !== node.at) node.g.setAttribute("transform", at);
    node.at = at;
  }

  /** Mark the steps of an iteration that ran last and runs next. @param {import("./steps.js").Steps} steps */
  markSteps({ ran, next, bad }) {
    this.steps = { ran, next, bad };
    for (const [id, node] of this.nodes) {
      const box = this.model.boxes.get(id);
      if (box) this.drawSteps(node.rest, box);
    }
  }

  /** @param {SVGGElement} rest @param {Box} box */
  drawSteps(rest, box) {
    drawSteps(rest, box.data, this.steps, (id) => this.model.box(id)?.data.id);
  }

  /** @param {NodeElement} node @param {NodeData} data */
  fillNode({ g, box, rest }, data) {
    const { w, h, head } = data;
    g.setAttribute("class", `ne-node ${stateClasses(data)}`);
    box.replaceChildren();
    rest.replaceChildren();
    dress(box, data, "ne-box");
    const tint = this.model.tints.get(data.id), flawed = data.error || data.warning;
    if (data.collapsed) svg("rect", { class: "ne-card ne-behind", x: 5, y: 5, width: w, height: h, rx: 6 }, box);
    svg("rect", { class: "ne-card", width: w, height: h, rx: 6 }, box);
    svg("path", { class: "ne-bar", d: `M6 0V${h}A6 6 0 0 1 0 ${h - 6}V6A6 6 0 0 1 6 0z` }, box);
    write(box, 16, 18, "ne-name", shorten(data.name || "(no name)", w - room(tint) - chipRoom(data.rule), 7.6));
    paint(box, tint, w - chipRoom(data.rule) - (flawed ? 16 : 8), 18);
    const kind = write(box, 16, 33, "ne-type", data.collapsed ? "" : data.type);
    svg("tspan", { class: "ne-note", dx: data.collapsed ? 0 : 6, text: data.note ?? "" }, kind);
    data.lines.forEach((line, at) => write(box, 16, 48 + LINE * at, "ne-note", shorten(line, w, 6.2)));
    if (data.rule || (!data.collapsed && !tint)) chip(box, w - 14, 7, data.rule);
    if (flawed) badge(box, w - 4, 4);

    data.folded.forEach((strip, at) => {
      const inside = svg("g", { tabindex: -1, transform: `translate(10 ${head + STRIP * at})` }, rest);
      const tint = this.model.tints.get(strip.id);
      dress(inside, strip, `ne-strip ${stateClasses(strip)}`);
      svg("rect", { width: w - 14, height: STRIP - 2, rx: 4 }, inside);
      const text = write(inside, 6, 13, "ne-type", strip.type);
      svg("tspan", { class: "ne-note", dx: 6, text: shorten(strip.name, w - 20 - strip.type.length * 6.4 - room(tint) - chipRoom(strip.rule), 6.2) }, text);
      paint(inside, tint, w - 20 - chipRoom(strip.rule), 13);
      if (strip.rule || !tint) chip(inside, w - 24, 2, strip.rule);
      if (strip.error || strip.warning) badge(inside, w - 14, 2);
    });

    svg("rect", { class: "ne-outline", width: w, height: h, rx: 6 }, rest);
    data.bottoms.forEach((blob, at) => {
      const x = portX(w, at, data.bottoms.length), missing = data.dangling.includes(at);
      if (missing) {
        svg("path", { class: "ne-stub", d: `M${x} 0v-14` }, rest);
        write(rest, x, -18, "ne-missing", `${blob}?`);
      }
      port(rest, "ne-in", x, 0, at, missing);
    });
    data.tops.forEach((_, at) => port(rest, "ne-out", portX(w, at, data.tops.length), h, at, false));
  }

  /** @param {string} id @param {Edge} edge */
  drawEdge(id, edge) {
    let drawn = this.edges.get(id);
    if (!drawn) {
      const g = svg("g", { "data-edge": id }, this.edgeLayer);
      drawn = {
        g, hit: svg("path", { class: "ne-hit" }, g), line: svg("path", { class: "ne-line" }, g),
        label: svg("text", { class: "ne-label" }, g), path: "",
      };
      this.edges.set(id, drawn);
    }
    if (drawn.label.textContent !== edge.label) drawn.label.textContent = edge.label;
    drawn.g.classList.add("ne-edge");
    drawn.g.classList.toggle("ne-dimmed", edge.data.dimmed);
    this.placeEdge(drawn, edge);
  }

  /** @param {EdgeElement} drawn @param {Edge} edge */
  placeEdge(drawn, edge) {
    const [x1, y1, x2, y2] = this.model.ends(edge);
    const [first, ...others] = (this.model.isRouted(edge) && edge.data.points) || [];
    const line = first ? `M${first}C${others.map((point) => point.join()).join(" ")}` : curve(x1, y1, x2, y2);
    const path = `${line}M${x2 - 4} ${y2 - 11}L${x2} ${y2 - 5}L${x2 + 4} ${y2 - 11}`;
    if (path === drawn.path) return;
    drawn.path = path;
    drawn.line.setAttribute("d", path);
    drawn.hit.setAttribute("d", path);
    set(drawn.label, { x: x1 + 7, y: y1 + 16 });
  }

  /** Draw a box, its edges and its frame where they are by now. @param {Box} box */
  follow(box) {
    this.drawNode(box.data.id, box);
    for (const edge of [...box.ins, ...box.outs]) this.drawEdge(edge.data.id, edge);
    if (this.frames.has(box.data.group)) this.placeFrame(box.data.group);
    this.sharing.draw();
  }

  /** Frames around the name groups that are expanded. */
  drawFrames() {
    const groups = this.model.graph.groups ?? [];
    this.drop(this.frames, new Set(groups.map((group) => group.name)));
    for (const { name } of groups) {
      if (!this.frames.has(name)) {
        const g = svg("g", { class: "ne-frame", "data-group": name }, this.frameLayer);
        const rect = svg("rect", { rx: 10 }, g);
        const header = svg("g", { role: "button", class: "ne-fold", "aria-label": `Collapse the group ${name}` }, g);
        this.frames.set(name, { g, rect, text: write(header, 0, 0, "ne-label", `− ${name}`) });
      }
      this.placeFrame(name);
    }
  }

  /** @param {string} name */
  placeFrame(name) {
    const frame = this.frames.get(name);
    const members = this.model.graph.groups?.find((group) => group.name === name)?.members ?? [];
    const around = bounds(members.flatMap((id) => this.model.boxes.get(id) ?? []));
    if (!around || !frame) return;
    const [left, top, right, bottom] = around;
    set(frame.rect, { x: left - 12, y: top - 22, width: right - left + 24, height: bottom - top + 34 });
    set(frame.text, { x: left - 4, y: top - 9 });
  }

  paintSelection() {
    const { selected, selectedEdges } = this.model;
    for (const element of this.nodeLayer.querySelectorAll("[data-id]")) {
      const on = selected.has(element.getAttribute("data-id") ?? "");
      element.classList.toggle("ne-selected", on);
      element.setAttribute("aria-pressed", String(on));
    }
    for (const [id, edge] of this.edges) edge.g.classList.toggle("ne-selected", selectedEdges.has(id));
    this.sharing.draw();
  }

  /** Mark the box that a connection aims at; none without an id. @param {string} [id] */
  aimAt(id) {
    this.target = id;
    for (const [each, node] of this.nodes) node.g.classList.toggle("ne-target", each === id);
  }

  /** The element of a layer, which is made for it where it is out of sight. @param {string} id @returns {SVGGElement | null} */
  element(id) {
    const box = this.model.box(id);
    if (!box) return null;
    this.drawNode(box.data.id, box);
    const g = this.nodes.get(box.data.id)?.g;
    const inside = /** @type {SVGGElement[]} */ ([...(g?.querySelectorAll("[data-id]") ?? [])]);
    return inside.find((each) => each.getAttribute("data-id") === id) ?? null;
  }

  /** Give the focus to a layer, or to the canvas. @param {string} [id] */
  focus(id) {
    this.pinned = this.model.box(id)?.data.id;
    const element = (id && this.element(id)) || this.canvas;
    element.focus({ preventScroll: true });
    this.paintSelection();
  }

  /** The layer that has the focus. */
  focused() {
    const active = document.activeElement;
    return this.canvas.contains(active) ? active?.getAttribute("data-id") ?? undefined : undefined;
  }
}

/** @param {Element} parent @param {number} x @param {number} y @param {string} className @param {string} text */
function write(parent, x, y, className, text) {
  return svg("text", { x, y, class: className, text }, parent);
}

/** @param {Element} parent @param {string} className @param {number} x @param {number} y @param {number} number @param {boolean} missing */
function port(parent, className, x, y, number, missing) {
  svg("circle", {
    class: `ne-port ${className}${missing ? " ne-dangling" : ""}`, cx: x, cy: y, r: 4, "data-port": number,
    "aria-hidden": "true",
  }, parent);
}

/** The width of a switch's text, and what it takes of a line where it always shows. @param {string} text */
const chipWidth = (text) => 6.2 * text.length + 10;
const chipRoom = (rule = "") => (rule ? chipWidth(rule) + 8 : 0);

/**
 * The switch of a layer's phases, with its right edge at x: its rule, or a hint that there is none.
 * @param {Element} parent @param {number} x @param {number} y @param {string} [rule]
 */
function chip(parent, x, y, rule) {
  const text = rule || "always", width = chipWidth(text);
  const g = svg("g", {
    class: `ne-chip${rule ? "" : " ne-ghost"}`, transform: `translate(${x - width} ${y})`, "aria-hidden": "true",
  }, parent);
  svg("title", { text: "In TRAIN only, in TEST only, or in both (p)" }, g);
  svg("rect", { width, height: 14, rx: 7 }, g);
  svg("text", { x: width / 2, y: 10.5, text }, g);
}

/** An exclamation mark on the corner: colour alone is not enough to mark an error. @param {Element} parent @param {number} x @param {number} y */
function badge(parent, x, y) {
  const g = svg("g", { class: "ne-badge", transform: `translate(${x} ${y})` }, parent);
  svg("circle", { r: 8 }, g);
  svg("path", { d: "M0 -4.5v5M0 3.2v1.3" }, g);
}

/** The classes that say what state a box or a strip is in. @param {Face} data */
function stateClasses(data) {
  return [
    `ne-${data.category}`, data.dimmed && "ne-dimmed", data.error && "ne-error",
    !data.error && data.warning && "ne-warning", data.collapsed && "ne-collapsed",
  ].filter(Boolean).join(" ");
}

/** Give an element the name and the state of its layer, for screen readers and for tests. @param {Element} element @param {Face} data @param {string} className */
function dress(element, data, className) {
  const attributes = {
    class: className, role: "button", "aria-roledescription": data.collapsed ? "group of layers" : "layer",
    "aria-label": `${describe(data)}${data.note ? `, ${data.note}` : ""}${data.rule ? `, in ${data.rule} only` : ""}${data.dimmed ? ", not in this phase" : ""}`,
    "aria-description": [data.error && `error: ${data.error}`, data.warning && `warning: ${data.warning}`,
      ...data.details].filter(Boolean).join("; "),
    "data-id": data.id, "data-type": data.type, "data-error": data.error ?? "", "data-warning": data.warning ?? "",
  };
  for (const [name, value] of Object.entries(attributes)) {
    if (value === "" && name.startsWith("data-")) element.removeAttribute(name);
    else element.setAttribute(name, value);
  }
}
