// @ts-check
// The graph being edited, without a page: boxes and edges, what is selected, what was moved, who is whose neighbour.

import { bounds, portX } from "./geometry.js";

/** @typedef {import("../messages.js").Graph} Graph */
/** @typedef {import("../messages.js").NodeData} NodeData */
/** @typedef {import("../messages.js").EdgeData} EdgeData */
/** @typedef {import("../messages.js").Face} Face */
/** @typedef {{ data: NodeData, x: number, y: number, w: number, h: number, ins: Edge[], outs: Edge[] }} Box */
/** @typedef {{ data: EdgeData, from: Box, to: Box, label: string }} Edge */

/** @param {Face} thing */
export const describe = (thing) => `${thing.collapsed ? "Group" : thing.type} ${thing.name}`;

/** What is known of a layer, in one sentence. @param {Face} thing */
export function sentence(thing) {
  return [describe(thing), thing.note, thing.dimmed ? "not in this phase" : "",
    thing.error ? `error: ${thing.error}` : "", thing.warning ? `warning: ${thing.warning}` : ""]
    .filter(Boolean).join(", ");
}

/** @param {EdgeData} data */
export const edgeSentence = ({ blob, label, source, target }) =>
  `Blob ${blob}${label ? ` ${label}` : ""}, from ${source} to ${target}`;

/**
 * A set with one member more, or less if it was one.
 * @template T
 * @param {Iterable<T>} ids
 * @param {T} id
 */
export function toggled(ids, id) {
  const result = new Set(ids);
  if (!result.delete(id)) result.add(id);
  return result;
}

export class Model {
  constructor() {
    /** @type {Graph} */
    this.graph = { nodes: [], edges: [] };
    /** @type {Map<string, Box>} */
    this.boxes = new Map();
    /** @type {Map<string, Edge>} */
    this.edges = new Map();
    /** @type {Map<string, string>} id of a box or a strip -> id of its box */
    this.owner = new Map();
    /** @type {Map<string, import("./geometry.js").Point>} how far boxes were moved by hand from where the layout put them */
    this.moved = new Map();
    /** @type {Set<string>} */
    this.selected = new Set();
    /** @type {Set<string>} */
    this.selectedEdges = new Set();
    /** @type {Map<string, import("../overlay.js").Tint>} the colours of boxes and strips that have a figure */
    this.tints = new Map();
  }

  /**
   * Take another graph in the place of the one before. What was moved or selected stays so, also under a new name.
   * @param {Graph} graph
   * @returns {{ added: string[], renamed: Map<string, string>, reselected: boolean }} ids that are new, old ids with
   *   their new ones, and whether the selection is another now
   */
  take(graph) {
    const before = new Set(this.owner.keys()), renamed = this.renames(graph);
    const selection = [...this.selected, "", ...this.selectedEdges].join("\n");
    this.graph = graph;
    for (const [old, id] of renamed) {
      const offset = this.moved.get(old);
      if (offset) this.moved.set(id, offset);
      this.moved.delete(old);
      if (this.selected.delete(old)) this.selected.add(id);
    }
    this.owner.clear();
    this.boxes = new Map(graph.nodes.map((data) => [data.id, this.placed(data)]));
    for (const data of graph.nodes) {
      this.owner.set(data.id, data.id);
      for (const strip of data.folded) this.owner.set(strip.id, data.id);
    }
    this.join(graph.edges);
    this.selected = new Set([...this.selected].filter((id) => this.owner.has(id)));
    this.selectedEdges = new Set([...this.selectedEdges].filter((id) => this.edges.has(id)));
    const news = new Set(renamed.values());
    return {
      renamed,
      added: [...this.owner.keys()].filter((id) => !before.has(id) && !news.has(id)),
      reselected: renamed.size > 0 || selection !== [...this.selected, "", ...this.selectedEdges].join("\n"),
    };
  }

  /** @param {NodeData} data @returns {Box} */
  placed(data) {
    const { x, y } = this.moved.get(data.id) ?? { x: 0, y: 0 };
    return { data, x: data.x + x, y: data.y + y, w: data.w, h: data.h, ins: [], outs: [] };
  }

  /** @param {EdgeData[]} edges */
  join(edges) {
    this.edges = new Map();
    const labelled = new Set();
    for (const data of edges) {
      const from = this.boxes.get(data.source), to = this.boxes.get(data.target);
      if (!from || !to) continue;
      const port = `${data.source_port} ${data.source}`; // one label for all the edges of a top: they carry the same blob
      const edge = { data, from, to, label: labelled.has(port) ? "" : data.label };
      labelled.add(port);
      this.edges.set(data.id, edge);
      from.outs.push(edge);
      to.ins.push(edge);
    }
  }

  /**
   * Layers that merely changed their name: the id is new, the place in the file and the type are not.
   * @param {Graph} graph
   */
  renames(graph) {
    const now = new Map();
    for (const node of graph.nodes) for (const thing of [node, ...node.folded]) now.set(thing.id, thing);
    const gone = new Map(), renamed = new Map();
    for (const node of this.graph.nodes) {
      for (const thing of [node, ...node.folded]) if (!now.has(thing.id)) gone.set(thing.index, thing);
    }
    for (const thing of now.values()) {
      const old = gone.get(thing.index);
      if (old && !this.owner.has(thing.id) && old.type === thing.type && now.size === this.owner.size) {
        renamed.set(old.id, thing.id);
      }
    }
    return renamed;
  }

  /** The box of a layer, a strip or a group. @param {string | undefined | null} id */
  box(id) {
    return this.boxes.get(this.owner.get(id ?? "") ?? "");
  }

  /** The face of a layer, a strip or a group. @param {string | undefined | null} id @returns {Face | undefined} */
  thing(id) {
    const data = this.box(id)?.data;
    return data?.id === id ? data : data?.folded.find((strip) => strip.id === id);
  }

  /** All faces, boxes and strips, in the order of the drawing. @returns {Face[]} */
  things() {
    return this.graph.nodes.flatMap((node) => [node, ...node.folded]);
  }

  bounds() {
    return bounds(this.boxes.values());
  }

  /** @param {Edge} edge @returns {[x1: number, y1: number, x2: number, y2: number]} the two points that it joins */
  ends({ data, from, to }) {
    return [
      from.x + portX(from.w, data.source_port, from.data.tops.length), from.y + from.h,
      to.x + portX(to.w, data.target_port, to.data.bottoms.length), to.y,
    ];
  }

  /** Whether an edge runs as the layout routed it. @param {Edge} edge */
  isRouted({ data }) {
    return Boolean(data.points) && !this.moved.has(data.source) && !this.moved.has(data.target);
  }

  /** Move a box to this offset from where the layout put it. @param {Box} box @param {import("./geometry.js").Point} offset */
  shift(box, offset) {
    this.moved.set(box.data.id, offset);
    box.x = box.data.x + offset.x;
    box.y = box.data.y + offset.y;
  }

  /** Put every box back to where the layout had it. */
  settle() {
    this.moved.clear();
    for (const box of this.boxes.values()) Object.assign(box, { x: box.data.x, y: box.data.y });
  }

  /**
   * Why an edge between two boxes cannot be; "" if it can.
   * @param {string} source
   * @param {string} target
   */
  objection(source, target) {
    const from = this.boxes.get(source), to = this.boxes.get(target);
    if (!from || !to) return "Refused: there is no such layer.";
    if (from === to) return `Refused: ${from.data.name} cannot feed itself.`;
    if (from.data.collapsed || to.data.collapsed) return "Refused: expand the group first, then connect its layers.";
    if (!from.data.tops.length) return `Refused: ${from.data.name} has no top.`;
    const ahead = [to], seen = new Set(ahead);
    for (let box = ahead.pop(); box; box = ahead.pop()) {
      for (const edge of box.outs) {
        if (edge.to === from) return `Refused: ${to.data.name} leads to ${from.data.name}, this would close a cycle.`;
        if (!seen.has(edge.to)) ahead.push(edge.to);
        seen.add(edge.to);
      }
    }
    return "";
  }

  /** The boxes that a box may feed: those that lack a bottom first, then those below it, from top to bottom. @param {Box} source */
  targets(source) {
    const full = (/** @type {Box} */ { data }) => Number(!data.dangling.length && !/\bbottom/.test(data.error ?? ""));
    return [...this.boxes.values()].filter((other) => !this.objection(source.data.id, other.data.id))
      .sort((a, b) => full(a) - full(b) || Number(a.y < source.y) - Number(b.y < source.y) || a.y - b.y || a.x - b.x);
  }

  /**
   * Who comes next: with the data down, against it up, beside it left and right. Strips are passed one by one.
   * @param {string} id
   * @param {string} direction "Up", "Down", "Left" or "Right"
   * @returns {string | undefined}
   */
  neighbour(id, direction) {
    const box = this.box(id);
    if (!box) return undefined;
    const chain = [box.data.id, ...box.data.folded.map((strip) => strip.id)];
    const at = chain.indexOf(id), middle = box.x + box.w / 2;
    const closest = (/** @type {Box[]} */ boxes) => boxes.toSorted((a, b) =>
      Math.abs(a.x + a.w / 2 - middle) - Math.abs(b.x + b.w / 2 - middle))[0];
    if (direction === "Down") return chain[at + 1] ?? closest(box.outs.map((edge) => edge.to))?.data.id;
    if (direction === "Up") {
      const above = closest(box.ins.map((edge) => edge.from))?.data;
      return chain[at - 1] ?? (above && (above.folded.at(-1) ?? above).id);
    }
    const sign = direction === "Left" ? -1 : 1;
    return closest([...this.boxes.values()].filter((other) => (other.x - box.x) * sign > 0 &&
      other.y < box.y + box.h + 30 && other.y + other.h > box.y - 30))?.data.id;
  }
}
