// Made by build.mjs from page/: change the sources there, then `npm run build`.
// page/dom.js
var SVG = "http://www.w3.org/2000/svg";
var SHOWN = /* @__PURE__ */ new Set(["title", "aria-label", "aria-description"]);
var ids = 0;
var UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]/gu;
var printable = (text) => String(text).replace(UNSAFE, (one) => {
  const code = one.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
});
function make(tag, attributes = {}, parent) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = printable(value);
    else element.setAttribute(name, SHOWN.has(name) ? printable(value) : value);
  }
  parent?.append(element);
  return element;
}
function svg(tag, attributes = {}, parent) {
  const element = document.createElementNS(SVG, tag);
  set(element, attributes);
  parent?.append(element);
  return element;
}
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = printable(value);
    else element.setAttribute(name, SHOWN.has(name) ? printable(value) : String(value));
  }
}
function icon(path) {
  const picture = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
  svg("path", { d: path }, picture);
  return picture;
}
var uniqueId = (stem) => `${stem}-${++ids}`;
function around(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}
function takesText(target) {
  return target instanceof Element && target.matches("input, select, textarea, [contenteditable=true]");
}

// page/editor/geometry.js
var SMALLEST = 0.05;
var LARGEST = 4;
var LEGIBLE = 0.96;
var FAR = 0.35;
var PAD = 24;
var clamp = (value, low, high) => Math.min(high, Math.max(low, value));
var portX = (width, port2, count) => width * (2 * Math.max(0, Math.min(port2, count - 1)) + 1) / (2 * Math.max(1, count));
function curve(x1, y1, x2, y2) {
  const reach = Math.max(12, Math.abs(y2 - y1) / 2);
  return `M${x1} ${y1}C${x1} ${y1 + reach} ${x2} ${y2 - reach} ${x2} ${y2}`;
}
function bounds(boxes) {
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (const { x, y, w, h } of boxes) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + w);
    bottom = Math.max(bottom, y + h);
  }
  return left === Infinity ? null : [left, top, right, bottom];
}
function shorten(text, width, letter) {
  const room2 = Math.max(4, Math.floor((width - 26) / letter));
  if (text.length <= room2) return text;
  return `${text.slice(0, (room2 >> 1) - 1)}…${text.slice(-(room2 >> 1))}`;
}
function wholeZoom([left, top, right, bottom], { width, height }) {
  return Math.min((width - 2 * PAD) / (right - left), (height - 2 * PAD) / (bottom - top));
}
function openingView(around2, size, focus) {
  const [left, top, right, bottom] = around2;
  const { width, height } = size;
  const whole = wholeZoom(around2, size), across = (width - 2 * PAD) / (right - left);
  const k = whole >= LEGIBLE ? Math.min(whole, 1.15) : LEGIBLE;
  const centre = k <= across ? (left + right) / 2 : focus;
  return {
    k,
    x: k <= across ? width / 2 - centre * k : clamp(width / 2 - centre * k, width - PAD - right * k, PAD - left * k),
    y: whole >= LEGIBLE ? (height - (top + bottom) * k) / 2 : PAD - top * k
  };
}
function wholeView(around2, size) {
  const [left, top, right, bottom] = around2;
  const k = clamp(wholeZoom(around2, size), SMALLEST, 1.15);
  return { k, x: (size.width - (left + right) * k) / 2, y: (size.height - (top + bottom) * k) / 2 };
}
function inSight({ x, y, k }, around2, { width, height }) {
  return !around2 || around2[0] * k + x >= 0 && around2[1] * k + y >= 0 && around2[2] * k + x <= width && around2[3] * k + y <= height;
}
function keptWhole(view, around2, size) {
  const [left, top, right, bottom] = around2;
  const { width, height } = size;
  const { k } = view;
  if (!width || !height || k > wholeZoom(around2, size)) return null;
  const within = (now, first, last, room2) => clamp(now, PAD - first * k, room2 - PAD - last * k);
  return { k, x: within(view.x, left, right, width), y: within(view.y, top, bottom, height) };
}
function zoomed(view, factor, { x, y }) {
  const k = clamp(view.k * factor, SMALLEST, LARGEST);
  const ratio = k / view.k;
  return { k, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio };
}
function revealed(view, box, { width, height }, centre) {
  const k = centre ? Math.max(view.k, LEGIBLE) : view.k;
  const { x, y } = view;
  const middle = { k, x: width / 2 - (box.x + box.w / 2) * k, y: height / 2 - (box.y + box.h / 2) * k };
  if (centre) return middle;
  if (box.x * k + x >= 0 && (box.x + box.w) * k + x <= width && box.y * k + y >= 0 && (box.y + box.h) * k + y <= height) {
    return view;
  }
  const near = (at, length, room2, now, mid) => length * k + 4 * PAD > room2 ? mid : clamp(now, 2 * PAD - at * k, room2 - 2 * PAD - (at + length) * k);
  return { k, x: near(box.x, box.w, width, x, middle.x), y: near(box.y, box.h, height, y, middle.y) };
}
function shownPart({ x, y, k }, { width, height }, margin = 0) {
  const [across, down] = [margin * width, margin * height];
  return [(-x - across) / k, (-y - down) / k, (width + across - x) / k, (height + down - y) / k];
}
var overlap = (a, b) => a[0] <= b[2] && a[2] >= b[0] && a[1] <= b[3] && a[3] >= b[1];

// page/editor/model.js
var describe = (thing) => `${thing.collapsed ? "Group" : thing.type} ${thing.name}`;
function sentence(thing) {
  return [
    describe(thing),
    thing.note,
    thing.dimmed ? "not in this phase" : "",
    thing.error ? `error: ${thing.error}` : "",
    thing.warning ? `warning: ${thing.warning}` : ""
  ].filter(Boolean).join(", ");
}
var edgeSentence = ({ blob, label, source, target }) => `Blob ${blob}${label ? ` ${label}` : ""}, from ${source} to ${target}`;
function toggled(ids2, id) {
  const result = new Set(ids2);
  if (!result.delete(id)) result.add(id);
  return result;
}
var Model = class {
  constructor() {
    this.graph = { nodes: [], edges: [] };
    this.boxes = /* @__PURE__ */ new Map();
    this.edges = /* @__PURE__ */ new Map();
    this.owner = /* @__PURE__ */ new Map();
    this.moved = /* @__PURE__ */ new Map();
    this.selected = /* @__PURE__ */ new Set();
    this.selectedEdges = /* @__PURE__ */ new Set();
    this.tints = /* @__PURE__ */ new Map();
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
      reselected: renamed.size > 0 || selection !== [...this.selected, "", ...this.selectedEdges].join("\n")
    };
  }
  /** @param {NodeData} data @returns {Box} */
  placed(data) {
    const { x, y } = this.moved.get(data.id) ?? { x: 0, y: 0 };
    return { data, x: data.x + x, y: data.y + y, w: data.w, h: data.h, ins: [], outs: [] };
  }
  /** @param {EdgeData[]} edges */
  join(edges) {
    this.edges = /* @__PURE__ */ new Map();
    const labelled = /* @__PURE__ */ new Set();
    for (const data of edges) {
      const from = this.boxes.get(data.source), to = this.boxes.get(data.target);
      if (!from || !to) continue;
      const port2 = `${data.source_port} ${data.source}`;
      const edge = { data, from, to, label: labelled.has(port2) ? "" : data.label };
      labelled.add(port2);
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
    const now = /* @__PURE__ */ new Map();
    for (const node of graph.nodes) for (const thing of [node, ...node.folded]) now.set(thing.id, thing);
    const gone = /* @__PURE__ */ new Map(), renamed = /* @__PURE__ */ new Map();
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
      from.x + portX(from.w, data.source_port, from.data.tops.length),
      from.y + from.h,
      to.x + portX(to.w, data.target_port, to.data.bottoms.length),
      to.y
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
    const full = ({ data }) => Number(!data.dangling.length && !/\bbottom/.test(data.error ?? ""));
    return [...this.boxes.values()].filter((other) => !this.objection(source.data.id, other.data.id)).sort((a, b) => full(a) - full(b) || Number(a.y < source.y) - Number(b.y < source.y) || a.y - b.y || a.x - b.x);
  }
  /**
   * Who comes next: with the data down, against it up, beside it left and right. Strips are passed one by one.
   * @param {string} id
   * @param {string} direction "Up", "Down", "Left" or "Right"
   * @returns {string | undefined}
   */
  neighbour(id, direction) {
    const box = this.box(id);
    if (!box) return void 0;
    const chain = [box.data.id, ...box.data.folded.map((strip) => strip.id)];
    const at = chain.indexOf(id), middle = box.x + box.w / 2;
    const closest = (boxes) => boxes.toSorted((a, b) => Math.abs(a.x + a.w / 2 - middle) - Math.abs(b.x + b.w / 2 - middle))[0];
    if (direction === "Down") return chain[at + 1] ?? closest(box.outs.map((edge) => edge.to))?.data.id;
    if (direction === "Up") {
      const above = closest(box.ins.map((edge) => edge.from))?.data;
      return chain[at - 1] ?? (above && (above.folded.at(-1) ?? above).id);
    }
    const sign = direction === "Left" ? -1 : 1;
    return closest([...this.boxes.values()].filter((other) => (other.x - box.x) * sign > 0 && other.y < box.y + box.h + 30 && other.y + other.h > box.y - 30))?.data.id;
  }
};

// page/editor/card.js
function cardLines(thing) {
  const lines = [
    ["ne-card-title", describe(thing)],
    ["ne-card-error", thing.error],
    ["ne-card-warning", thing.warning],
    ["", thing.dimmed ? "not in this phase" : ""],
    ["", thing.note],
    ...thing.details.map((line) => (
      /** @type {[string, string]} */
      ["", line]
    ))
  ];
  return (
    /** @type {[string, string][]} */
    lines.filter(([, text]) => text)
  );
}
var Card = class {
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
};

// page/editor/matching.js
var MOST_RECENT = 5;
var FAMILIES = {
  recent: "Recently used",
  module: "Modules",
  own: "Own modules",
  vision: "Vision",
  neuron: "Activations",
  common: "Common",
  loss: "Losses, scores",
  data: "Data",
  python: "Python",
  fork: "From forks of Caffe"
};
function distance({ text, words = [], haystack, last }, typed, start) {
  if (text === typed) return 0;
  const low = typed.toLowerCase(), name = text.toLowerCase();
  const places = [
    name === low && !last,
    words.includes(low),
    name === low,
    name.startsWith(start) && !last,
    words.some((word) => word.startsWith(start)),
    name.startsWith(start),
    haystack.startsWith(start) && !last
  ];
  const at = places.indexOf(true);
  return 1 + (at < 0 ? places.length : at) + (last && at < 0 ? 1 : 0);
}
function matching(entries, typed, recent = []) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean), start = words[0] ?? "";
  if (!words.length) return entries.slice();
  const used = new Map(recent.map((value, at) => [value, at]));
  const age = ({ value }) => used.get(value) ?? MOST_RECENT;
  return entries.filter(({ haystack, words: also = [] }) => words.every((word) => haystack.includes(word) || also.some((one) => one.startsWith(word)))).map((entry) => ({ entry, far: distance(entry, typed.trim(), start) })).sort((a, b) => a.far - b.far || age(a.entry) - age(b.entry)).map(({ entry }) => entry);
}
function grouped(entries, recent) {
  const used = recent.flatMap((value) => entries.find((entry) => entry.value === value) ?? []);
  const groups = new Map(used.length ? [["recent", used]] : []);
  for (const entry of entries) {
    const family = entry.category ?? "";
    const group = groups.get(family);
    if (group) group.push(entry);
    else groups.set(family, [entry]);
  }
  return [...groups].map(([family, found]) => ({ heading: FAMILIES[family] ?? family, entries: found }));
}
function asked(typed) {
  return typed.split(",").map((part) => {
    const words = part.trim().split(/\s+/).filter(Boolean), at = words.findIndex((word) => /^[-+.\d]/.test(word));
    return at < 0 ? { query: words.join(" "), args: [] } : { query: words.slice(0, at).join(" "), args: words.slice(at) };
  });
}
function remembered(recent, values) {
  return [.../* @__PURE__ */ new Set([...values.toReversed(), ...recent])].slice(0, MOST_RECENT);
}

// page/editor/chooser.js
var MOST = 200;
var Chooser = class {
  /** @param {Element} parent @param {string} label @param {string} placeholder */
  constructor(parent, label, placeholder) {
    const id = uniqueId("ne-list");
    this.box = make("div", { class: "ne-chooser", role: "dialog", "aria-label": label, hidden: "" }, parent);
    this.input = make("input", {
      type: "text",
      role: "combobox",
      placeholder,
      "aria-label": label,
      "aria-controls": id,
      "aria-expanded": "true",
      "aria-autocomplete": "list",
      autocomplete: "off",
      spellcheck: "false"
    }, this.box);
    this.list = make("ul", { id, role: "listbox", "aria-label": label }, this.box);
    this.foot = make("div", { class: "ne-foot" }, this.box);
    this.entries = [];
    this.found = [];
    this.at = 0;
    this.choice = { onPick() {
    }, onClose() {
    } };
    this.input.addEventListener("input", () => this.filter());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = around(event, "[role=option]");
      if (option) this.pick(Number(option.dataset.at), event.shiftKey);
    });
    this.box.addEventListener("focusout", ({ relatedTarget }) => {
      if (!this.box.contains(
        /** @type {Node | null} */
        relatedTarget
      )) this.box.hidden = true;
    });
  }
  /** @param {Entry[]} entries @param {Choice} choice */
  open(entries, choice) {
    Object.assign(this, { entries, choice });
    this.box.hidden = false;
    this.input.value = "";
    this.filter();
    this.input.focus();
  }
  /** Put other entries in the place of those of now; what is typed stays. @param {Entry[]} entries */
  offer(entries) {
    this.entries = entries;
    if (!this.box.hidden) this.filter();
  }
  close() {
    if (this.box.hidden) return;
    this.box.hidden = true;
    this.choice.onClose();
  }
  filter() {
    const { families, recent = [], query = (typed2) => typed2 } = this.choice;
    const typed = query(this.input.value).trim();
    const groups = families && !typed ? grouped(this.entries, recent) : [{ heading: "", entries: matching(this.entries, typed, recent) }];
    this.found = [];
    this.list.replaceChildren();
    for (const { heading, entries } of groups) {
      if (heading) make("li", { class: "ne-heading", "aria-hidden": "true", text: heading }, this.list);
      for (const entry of entries.slice(0, MOST)) this.show(entry);
    }
    if (!this.found.length) make("li", { class: "ne-nothing", text: "Nothing found" }, this.list);
    this.mark(0);
  }
  /** @param {Entry} entry */
  show(entry) {
    const at = this.found.push(entry) - 1;
    const option = make("li", {
      role: "option",
      id: `${this.list.id}-${at}`,
      "data-at": at,
      "data-value": entry.value,
      class: `ne-${entry.category ?? "unknown"}`,
      title: entry.hint ?? ""
    }, this.list);
    make("b", { text: entry.text }, option);
    make("span", { text: entry.hint ?? "" }, option);
  }
  /** @param {number} at */
  mark(at) {
    const options = [...this.list.querySelectorAll("[role=option]")];
    this.at = clamp(at, 0, Math.max(0, options.length - 1));
    options.forEach((option2, number) => option2.setAttribute("aria-selected", String(number === this.at)));
    const option = options[this.at];
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
    if (this.at === 0) this.list.scrollTop = 0;
    else option?.scrollIntoView({ block: "nearest" });
    const { foot = "" } = this.choice, { form } = this.found[this.at] ?? {};
    this.foot.textContent = form ? `${form} ${foot}` : foot;
    this.foot.hidden = !this.foot.textContent;
  }
  /** @param {KeyboardEvent} event */
  key(event) {
    event.stopPropagation();
    if (event.key === "ArrowDown") this.mark(this.at + 1);
    else if (event.key === "ArrowUp") this.mark(this.at - 1);
    else if (event.key === "Enter") this.pick(this.at, event.shiftKey);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }
  /** @param {number} at @param {boolean} shift */
  pick(at, shift) {
    const entry = this.found[at];
    if (!entry) return;
    this.choice.onPick(entry.value, shift, this.input.value);
    this.close();
  }
};

// page/overlay.js
var PALETTE = ["#00204c", "#00316f", "#31446b", "#4d556b", "#666870", "#7c7b78", "#958f78", "#aea373", "#cab969", "#e7d158", "#ffe945"];
var LOG_FROM = 50;
var channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
function colourAt(share) {
  const place = Math.max(0, Math.min(1, share)) * (PALETTE.length - 1), at = Math.min(PALETTE.length - 2, Math.floor(place));
  const from = channels(PALETTE[at]), to = channels(PALETTE[at + 1]);
  return `#${from.map((one, k) => Math.round(one + (to[k] - one) * (place - at)).toString(16).padStart(2, "0")).join("")}`;
}
function luminance(hex) {
  const [r, g, b] = channels(hex).map((one) => one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
var inkOn = (hex) => (luminance(hex) + 0.05) / 0.05 > 1.05 / (luminance(hex) + 0.05) ? "#000000" : "#ffffff";
function scaleOf(values) {
  const finite = [...values].filter(Number.isFinite);
  if (!finite.length) return null;
  const low = finite.reduce((a, b) => Math.min(a, b)), high = finite.reduce((a, b) => Math.max(a, b));
  const log = low > 0 && high / low >= LOG_FROM;
  return { low: log ? low : Math.min(0, low), high, log };
}
function shareOf(value, scale) {
  if (!scale || value === Infinity || scale.high === scale.low) return value > 0 || value === Infinity ? 1 : 0;
  const { low, high, log } = scale;
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}
function spell(value, unit) {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return unit === "px" ? "all" : "∞";
  const prefixed = unit === "" || unit === "B";
  const [size, letter] = !prefixed || value < 1e3 ? [1, ""] : value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  const scaled = value / size, whole = Number.isInteger(scaled) && scaled < 1e4;
  const text = whole ? String(scaled) : scaled >= 1e-3 || !scaled ? String(Number(scaled.toPrecision(3))) : scaled.toExponential(1);
  return `${text}${letter || unit ? " " : ""}${letter}${unit}`;
}
function figures(graph, { values, gather }) {
  const found = /* @__PURE__ */ new Map();
  for (const node of graph.nodes) {
    for (const face of [node, ...node.folded]) {
      const inside = (face.members ?? [face.index]).filter((index) => index in values).map((index) => Number(values[index]));
      if (inside.length) found.set(face.id, inside.reduce((a, b) => gather === "sum" ? a + b : Math.max(a, b)));
    }
  }
  return found;
}
function tinted(graph, overlay) {
  if (!overlay) return { tints: /* @__PURE__ */ new Map(), scale: null };
  const found = figures(graph, overlay), scale = scaleOf(found.values());
  const tints = new Map([...found].map(([id, value]) => {
    const fill = Number.isNaN(value) ? "#b71c1c" : colourAt(shareOf(value, scale));
    return [id, { fill, ink: inkOn(fill), text: spell(value, overlay.unit) }];
  }));
  return { tints, scale };
}

// page/editor/overlay.js
var LETTER = 6.4;
var OverlayBar = class {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
    this.overlay = null;
    this.late = false;
    this.label = make("label", { class: "ne-colour", text: "Colour: ", hidden: "" });
    editor.toolbar.space.before(this.label);
    this.choice = make("select", { "aria-label": "Colour the drawing by" }, this.label);
    this.choice.addEventListener("change", () => editor.send({ type: "overlay", ask: "choose", name: this.choice.value }));
    for (const kind of ["pointerdown", "keydown"]) this.label.addEventListener(kind, (event) => event.stopPropagation());
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
    requestAnimationFrame(() => {
      if (!this.late || !this.seen) return;
      this.late = false;
      this.editor.send({ type: "overlay", ask: "drawn" });
    });
  }
  destroy() {
    this.late = false;
    this.sight.disconnect();
  }
};
var room = (tint) => tint ? LETTER * tint.text.length + 8 : 0;
function paint(element, tint, x, y) {
  if (!tint) return;
  element.classList.add("ne-tinted");
  element.style.setProperty("--ne-tint", tint.fill);
  element.style.setProperty("--ne-tint-ink", tint.ink);
  svg("text", { class: "ne-figure", x, y, "text-anchor": "end", text: tint.text }, element);
}

// page/editor/sharing.js
var BOW = 46;
function links(model, shares, ids2) {
  const asked2 = new Set(ids2), found = [];
  for (const { name, ids: sharers } of shares) {
    const shown = sharers.filter((id) => model.box(id));
    const from = shown.find((id) => asked2.has(id));
    if (from === void 0) continue;
    for (const to of shown) {
      const a = model.box(from), b = model.box(to);
      if (to === from || !a || !b || a === b) continue;
      const [x1, y1, x2, y2] = [a.x + a.w, a.y + 21, b.x + b.w, b.y + 21], right = Math.max(x1, x2) + BOW;
      found.push({ d: `M${x1} ${y1}C${right} ${y1} ${right} ${y2} ${x2} ${y2}`, x: (x1 + x2 + 6 * right) / 8, y: (y1 + y2) / 2, name });
    }
  }
  return found;
}
var Sharing = class {
  /** @param {Model} model @param {SVGGElement} scene */
  constructor(model, scene) {
    this.model = model;
    this.layer = svg("g", { class: "ne-shares", "aria-hidden": "true" }, scene);
    this.hovered = void 0;
  }
  /** @param {string} [id] of the layer under the pointer */
  hover(id) {
    if (id === this.hovered) return;
    this.hovered = id;
    this.draw();
  }
  draw() {
    const { graph, selected } = this.model, shares = graph.shares ?? [];
    const shown = shares.length ? links(this.model, shares, [...selected, ...this.hovered ? [this.hovered] : []]) : [];
    this.layer.replaceChildren();
    for (const { d, x, y, name } of shown) {
      svg("path", { d }, this.layer);
      svg("text", { x: x + 4, y, text: name }, this.layer);
    }
  }
};

// page/editor/steps.js
var MARK = 15;
var STRIP = 20;
var TEXTS = { ran: "ran", next: "next", bad: "NaN, infinity" };
function placeOf(data, id) {
  const at = data.folded.findIndex((strip) => strip.id === id);
  if (at >= 0) return { y: data.head + STRIP * at, h: STRIP - 2 };
  return { y: 0, h: data.folded.length ? data.head - 4 : data.h };
}
function drawSteps(parent, data, steps, boxOf) {
  for (const old of parent.querySelectorAll(":scope > .ne-step")) old.remove();
  for (
    const kind of
    /** @type {const} */
    ["ran", "next", "bad"]
  ) {
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

// page/editor/drawing.js
var STRIP2 = 20;
var LINE = 15;
var MARGIN = 0.5;
var Drawing = class {
  /** @param {import("./model.js").Model} model @param {HTMLElement} stage @param {HTMLElement} root */
  constructor(model, stage, root) {
    this.model = model;
    this.root = root;
    this.canvas = svg("svg", {
      class: "ne-canvas",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "net editor",
      "aria-label": "Net. Arrow keys walk along the edges, slash searches, a adds a layer behind the selected one, c connects, Enter goes to its fields, F2 renames, question mark shows the keys, Delete removes and joins what was before with what was behind."
    }, stage);
    this.scene = svg("g", {}, this.canvas);
    this.frameLayer = svg("g", {}, this.scene);
    this.edgeLayer = svg("g", {}, this.scene);
    this.nodeLayer = svg("g", {}, this.scene);
    this.sharing = new Sharing(model, this.scene);
    this.wire = svg("path", { class: "ne-wire" }, this.scene);
    this.band = svg("rect", { class: "ne-band", visibility: "hidden" }, this.canvas);
    this.nodes = /* @__PURE__ */ new Map();
    this.edges = /* @__PURE__ */ new Map();
    this.frames = /* @__PURE__ */ new Map();
    this.pinned = void 0;
    this.target = void 0;
    this.steps = { ran: null, next: null, bad: null };
    this.view = { x: 0, y: 0, k: 1 };
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
    const drawn2 = /* @__PURE__ */ new Set();
    for (const [id, box] of model.boxes) {
      if (id !== this.pinned && !overlap([box.x, box.y - 30, box.x + box.w, box.y + box.h], this.part)) continue;
      drawn2.add(id);
      this.drawNode(id, box);
    }
    this.drop(this.nodes, drawn2);
    const lines = /* @__PURE__ */ new Set();
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
  drop(drawn2, wanted) {
    for (const [id, item] of drawn2) {
      if (wanted.has(id)) continue;
      item.g.remove();
      drawn2.delete(id);
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
    if (data.rule || !data.collapsed && !tint) chip(box, w - 14, 7, data.rule);
    if (flawed) badge(box, w - 4, 4);
    data.folded.forEach((strip, at) => {
      const inside = svg("g", { tabindex: -1, transform: `translate(10 ${head + STRIP2 * at})` }, rest);
      const tint2 = this.model.tints.get(strip.id);
      dress(inside, strip, `ne-strip ${stateClasses(strip)}`);
      svg("rect", { width: w - 14, height: STRIP2 - 2, rx: 4 }, inside);
      const text = write(inside, 6, 13, "ne-type", strip.type);
      svg("tspan", { class: "ne-note", dx: 6, text: shorten(strip.name, w - 20 - strip.type.length * 6.4 - room(tint2) - chipRoom(strip.rule), 6.2) }, text);
      paint(inside, tint2, w - 20 - chipRoom(strip.rule), 13);
      if (strip.rule || !tint2) chip(inside, w - 24, 2, strip.rule);
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
    let drawn2 = this.edges.get(id);
    if (!drawn2) {
      const g = svg("g", { "data-edge": id }, this.edgeLayer);
      drawn2 = {
        g,
        hit: svg("path", { class: "ne-hit" }, g),
        line: svg("path", { class: "ne-line" }, g),
        label: svg("text", { class: "ne-label" }, g),
        path: ""
      };
      this.edges.set(id, drawn2);
    }
    if (drawn2.label.textContent !== edge.label) drawn2.label.textContent = edge.label;
    drawn2.g.classList.add("ne-edge");
    drawn2.g.classList.toggle("ne-dimmed", edge.data.dimmed);
    this.placeEdge(drawn2, edge);
  }
  /** @param {EdgeElement} drawn @param {Edge} edge */
  placeEdge(drawn2, edge) {
    const [x1, y1, x2, y2] = this.model.ends(edge);
    const [first, ...others] = this.model.isRouted(edge) && edge.data.points || [];
    const line = first ? `M${first}C${others.map((point) => point.join()).join(" ")}` : curve(x1, y1, x2, y2);
    const path = `${line}M${x2 - 4} ${y2 - 11}L${x2} ${y2 - 5}L${x2 + 4} ${y2 - 11}`;
    if (path === drawn2.path) return;
    drawn2.path = path;
    drawn2.line.setAttribute("d", path);
    drawn2.hit.setAttribute("d", path);
    set(drawn2.label, { x: x1 + 7, y: y1 + 16 });
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
    const around2 = bounds(members.flatMap((id) => this.model.boxes.get(id) ?? []));
    if (!around2 || !frame) return;
    const [left, top, right, bottom] = around2;
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
    const inside = (
      /** @type {SVGGElement[]} */
      [...g?.querySelectorAll("[data-id]") ?? []]
    );
    return inside.find((each) => each.getAttribute("data-id") === id) ?? null;
  }
  /** Give the focus to a layer, or to the canvas. @param {string} [id] */
  focus(id) {
    this.pinned = this.model.box(id)?.data.id;
    const element = id && this.element(id) || this.canvas;
    element.focus({ preventScroll: true });
    this.paintSelection();
  }
  /** The layer that has the focus. */
  focused() {
    const active = document.activeElement;
    return this.canvas.contains(active) ? active?.getAttribute("data-id") ?? void 0 : void 0;
  }
};
function write(parent, x, y, className, text) {
  return svg("text", { x, y, class: className, text }, parent);
}
function port(parent, className, x, y, number, missing) {
  svg("circle", {
    class: `ne-port ${className}${missing ? " ne-dangling" : ""}`,
    cx: x,
    cy: y,
    r: 4,
    "data-port": number,
    "aria-hidden": "true"
  }, parent);
}
var chipWidth = (text) => 6.2 * text.length + 10;
var chipRoom = (rule2 = "") => rule2 ? chipWidth(rule2) + 8 : 0;
function chip(parent, x, y, rule2) {
  const text = rule2 || "always", width = chipWidth(text);
  const g = svg("g", {
    class: `ne-chip${rule2 ? "" : " ne-ghost"}`,
    transform: `translate(${x - width} ${y})`,
    "aria-hidden": "true"
  }, parent);
  svg("title", { text: "In TRAIN only, in TEST only, or in both (p)" }, g);
  svg("rect", { width, height: 14, rx: 7 }, g);
  svg("text", { x: width / 2, y: 10.5, text }, g);
}
function badge(parent, x, y) {
  const g = svg("g", { class: "ne-badge", transform: `translate(${x} ${y})` }, parent);
  svg("circle", { r: 8 }, g);
  svg("path", { d: "M0 -4.5v5M0 3.2v1.3" }, g);
}
function stateClasses(data) {
  return [
    `ne-${data.category}`,
    data.dimmed && "ne-dimmed",
    data.error && "ne-error",
    !data.error && data.warning && "ne-warning",
    data.collapsed && "ne-collapsed"
  ].filter(Boolean).join(" ");
}
function dress(element, data, className) {
  const attributes = {
    class: className,
    role: "button",
    "aria-roledescription": data.collapsed ? "group of layers" : "layer",
    "aria-label": `${describe(data)}${data.note ? `, ${data.note}` : ""}${data.rule ? `, in ${data.rule} only` : ""}${data.dimmed ? ", not in this phase" : ""}`,
    "aria-description": [
      data.error && `error: ${data.error}`,
      data.warning && `warning: ${data.warning}`,
      ...data.details
    ].filter(Boolean).join("; "),
    "data-id": data.id,
    "data-type": data.type,
    "data-error": data.error ?? "",
    "data-warning": data.warning ?? ""
  };
  for (const [name, value] of Object.entries(attributes)) {
    if (value === "" && name.startsWith("data-")) element.removeAttribute(name);
    else element.setAttribute(name, value);
  }
}

// page/editor/renamer.js
var makeRenamer = (stage) => make("input", { class: "ne-rename", type: "text", "aria-label": "Name", spellcheck: "false", hidden: "" }, stage);
function ask(editor, { label, title, value, left, top, width }, told, back) {
  const input = editor.renamer;
  Object.assign(input.style, { left: `${left}px`, top: `${top}px`, width: `${width}px` });
  input.setAttribute("aria-label", label);
  Object.assign(input, { title, placeholder: label, value, hidden: false });
  input.focus();
  input.select();
  const finish = (text, shift = false) => {
    if (input.hidden) return;
    input.hidden = true;
    input.onkeydown = input.onblur = null;
    editor.drawing.focus(back);
    if (text) told(text, shift);
  };
  input.onblur = () => finish("");
  input.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter") finish(input.value.trim(), event.shiftKey);
    else if (event.key === "Escape") finish("");
    else return;
    event.preventDefault();
  };
}
function rename(editor, id) {
  const thing = editor.model.thing(id);
  if (!thing || thing.collapsed) return;
  editor.reveal(id);
  const shape = editor.drawing.element(id)?.getBoundingClientRect(), stage = editor.stage.getBoundingClientRect();
  if (!shape) return;
  ask(editor, {
    label: "Name of the layer",
    title: "Enter renames the layer, and its top where that has the same name; Shift+Enter the layer alone",
    value: thing.name,
    left: shape.left - stage.left,
    top: shape.top - stage.top,
    width: Math.max(120, shape.width)
  }, (name, alone) => {
    if (name !== thing.name) editor.send({ type: "rename", id, name, ...alone && { alone } });
  }, id);
}

// page/editor/menu.js
var REMOVE = "remove:";
var rule = (phase) => (editor, ids2) => editor.send({ type: "rule", ids: ids2, phase });
var exported = (kind) => (editor) => editor.send({ type: "export", kind });
var always = () => true;
var some = (count) => count > 0;
var ACTIONS = {
  train: { text: "In TRAIN only", hint: "include { phase: TRAIN }", fits: some, run: rule("TRAIN") },
  test: { text: "In TEST only", hint: "include { phase: TEST }", fits: some, run: rule("TEST") },
  both: { text: "In all phases", hint: "no rule about the phase", fits: some, run: rule("") },
  share: {
    text: "Share weights",
    hint: "param { name: … } in all of them",
    fits: (count) => count > 1,
    run: (editor, ids2) => editor.send({ type: "share", ids: ids2 })
  },
  unshare: {
    text: "Stop sharing weights",
    hint: "weights of its own again",
    fits: (_count, shared) => shared,
    run: (editor, ids2) => editor.send({ type: "unshare", ids: ids2 })
  },
  module: {
    text: "Save as module…",
    hint: "for the palette, among your own",
    fits: some,
    run: (editor, ids2) => ask(editor, {
      label: "Name of the module",
      title: "Enter keeps the selected layers under this name",
      value: "",
      left: 8,
      top: 8,
      width: 260
    }, (name) => editor.send({ type: "save_module", ids: ids2, name }), editor.current())
  },
  deploy: {
    text: "Deploy net…",
    hint: "inputs for its data, probabilities for its losses",
    fits: () => true,
    run: (editor) => editor.send({ type: "make", net: "deploy" })
  },
  training: {
    text: "Training net…",
    hint: "data for its inputs, a loss for its probabilities",
    fits: () => true,
    run: (editor) => editor.send({ type: "make", net: "training" })
  },
  svg: { text: "Export as SVG", hint: "the drawing, as it is folded", fits: always, run: exported("svg") },
  png: { text: "Export as PNG", hint: "the drawing in dots", fits: always, run: exported("png") },
  html: { text: "Export as HTML", hint: "a page with drawing, layers and text", fits: always, run: exported("html") },
  prototxt: { text: "Export as prototxt", hint: "the text as it is now", fits: always, run: exported("prototxt") }
};
var offered = (count, shared = false) => Object.entries(ACTIONS).filter(([, action]) => action.fits(count, shared)).map(([value, { text, hint }]) => ({ text, hint, value, haystack: `${text} ${hint}`.toLowerCase() }));
var nextPhase = (now) => ({ "": "TRAIN", TRAIN: "TEST" })[now] ?? "";
function switchPhase(editor, id) {
  const thing = editor.model.thing(id), { selected } = editor.model;
  if (!id || !thing || thing.collapsed) return;
  editor.send({ type: "rule", ids: selected.has(id) ? [...selected] : [id], phase: nextPhase(thing.rule ?? "") });
}
function openMenu(editor) {
  const near = editor.current(), ids2 = [...editor.model.selected];
  const own = (editor.model.graph.palette ?? []).filter(({ category }) => category === "own").map(({ type }) => ({
    text: `Remove the module ${type}`,
    hint: "from the palette",
    value: REMOVE + type,
    haystack: `remove the module ${type}`.toLowerCase()
  }));
  const shared = (editor.model.graph.shares ?? []).some((share) => share.ids.some((id) => ids2.includes(id)));
  let asking = false;
  editor.menu.open([...offered(ids2.length, shared), ...own], {
    onPick(value) {
      asking = value === "module";
      if (value.startsWith(REMOVE)) editor.send({ type: "remove_module", name: value.slice(REMOVE.length) });
      else if (!asking) ACTIONS[value].run(editor, ids2);
    },
    onClose() {
      editor.drawing.focus(near);
      if (asking) ACTIONS.module.run(editor, ids2);
    },
    foot: ids2.length ? "" : "Select layers first to see what can be done with them, too."
  });
}

// page/editor/gestures.js
var MAC = navigator.platform.startsWith("Mac");
var SLACK = 3;
var Gestures = class {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
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
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && !editor.root.contains(document.activeElement)) return;
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      editor.zoom(Math.exp(-clamp(event.deltaY * lines, -240, 240) * 16e-4), this.point(event));
    }, { passive: false });
  }
  /** Where the pointer is on the canvas. @param {MouseEvent} event @returns {Point} */
  point(event) {
    const frame = this.editor.drawing.canvas.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }
  /** @param {PointerEvent} event */
  down(event) {
    if (event.button > 1 || event.ctrlKey && event.button === 0 && MAC) return;
    const { editor } = this, { model, drawing } = editor;
    editor.card.hide();
    editor.wiring.end("");
    const start = this.point(event), several = event.shiftKey || event.ctrlKey || event.metaKey;
    const chip2 = around(event, ".ne-chip"), out = around(event, ".ne-out"), item = around(event, "[data-id]");
    const edge = around(event, ".ne-edge"), fold = around(event, ".ne-fold");
    const pan = { kind: "pan", start, view: { ...editor.view } };
    event.preventDefault();
    if (event.button === 1) this.now = pan;
    else if (fold) editor.toggleGroup(fold.parentElement?.dataset.group);
    else if (chip2) switchPhase(editor, item?.dataset.id);
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
      kind: "move",
      start,
      id,
      alone: !several,
      from: [...boxes].map((box) => [box, model.moved.get(box.data.id) ?? { x: 0, y: 0 }])
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
    gesture.frame ??= requestAnimationFrame(() => {
      gesture.frame = void 0;
      if (this.now === gesture && gesture.last) this.follow(gesture, this.point(gesture.last));
    });
  }
  /** @param {Gesture} gesture @param {Point} now */
  follow({ kind, start, view, from, source, port: port2 }, now) {
    const { editor } = this, { model, drawing } = editor, { x, y, k } = editor.view;
    const dx = now.x - start.x, dy = now.y - start.y;
    if (kind === "pan" && view) editor.lookFrom({ k: view.k, x: view.x + dx, y: view.y + dy });
    else if (kind === "move") {
      for (const [box, offset] of from ?? []) {
        model.shift(box, { x: offset.x + dx / k, y: offset.y + dy / k });
        drawing.follow(box);
      }
    } else if (kind === "wire" && source) {
      const from2 = source.x + portX(source.w, port2 ?? 0, source.data.tops.length);
      drawing.wire.setAttribute("d", curve(from2, source.y + source.h, (now.x - x) / k, (now.y - y) / k));
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
      const inside = [...model.boxes.values()].filter((box) => overlap(
        [box.x, box.y, box.x + box.w, box.y + box.h],
        /** @type {any} */
        bounds(net)
      ));
      editor.choose([...model.selected, ...inside.flatMap(({ data }) => [data.id, ...data.folded.map((strip) => strip.id)])], model.selectedEdges);
    }
  }
  /** Connect to the box that a wire was dropped on. @param {Gesture} gesture @param {PointerEvent} event */
  drop({ source, port: port2 }, event) {
    const { editor } = this;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const end = (
      /** @type {SVGElement | null | undefined} */
      under?.closest(".ne-in")
    );
    const target = under && editor.drawing.nodeLayer.contains(under) ? this.boxOf(under) : void 0;
    if (!target || !source) return editor.say("Dropped beside any layer: nothing connected.");
    editor.connect(source.data.id, port2 ?? 0, target.data.id, end ? Number(end.dataset.port) : void 0);
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
    const id = under?.closest("[data-id]")?.getAttribute("data-id") ?? void 0;
    const thing = editor.model.thing(id);
    if (thing?.collapsed) editor.toggleGroup(thing.group);
    else if (thing) editor.rename(thing.id);
    else editor.toggleGroup(under?.closest(".ne-frame")?.getAttribute("data-group"));
  }
};

// page/editor/keys.js
var PLAIN = {
  Delete: (editor) => editor.removeSelection(),
  Backspace: (editor) => editor.removeSelection(),
  Enter: (editor, _event, current) => openOrEdit(editor, current),
  F2: (editor, _event, current) => current && editor.rename(current),
  "?": (editor) => editor.sheet.open(() => editor.drawing.focus(editor.current())),
  " ": (editor, _event, current) => current && editor.choose(toggled(editor.model.selected, current), editor.model.selectedEdges),
  Escape: (editor) => editor.gestures.now ? editor.gestures.end() : editor.choose([]),
  "/": (editor) => editor.openSearch(),
  f: (editor) => editor.fit(),
  a: (editor) => editor.openPalette(),
  c: (editor, _event, current) => editor.wiring.start(current),
  m: (editor) => editor.openMenu(),
  p: (editor, _event, current) => switchPhase(editor, current),
  e: (editor, _event, current) => nextEdge(editor, current),
  g: (editor, _event, current) => editor.toggleGroup(editor.model.box(current)?.data.group),
  "+": (editor) => editor.zoom(1.25),
  "=": (editor) => editor.zoom(1.25),
  "-": (editor) => editor.zoom(1 / 1.25)
};
var COMMANDS = {
  z: (editor, { shiftKey }) => editor.send({ type: shiftKey ? "redo" : "undo" }),
  y: (editor) => editor.send({ type: "redo" }),
  f: (editor) => editor.openSearch(),
  a: (editor) => editor.choose(editor.model.owner.keys()),
  d: (editor) => editor.duplicate(),
  c: (editor) => editor.send({ type: "copy", ids: [...editor.model.selected] }),
  x: (editor) => {
    editor.send({ type: "copy", ids: [...editor.model.selected] });
    editor.removeSelection();
  }
};
function keyDown(editor, event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.altKey || editor.wiring.key(event)) return;
  const current = editor.current();
  if (event.ctrlKey || event.metaKey) {
    if (!COMMANDS[key]) return;
    COMMANDS[key](editor, event, current);
  } else if (key.startsWith("Arrow")) walk(editor, key.slice(5), event.shiftKey);
  else if (PLAIN[key]) PLAIN[key](editor, event, current);
  else return;
  event.preventDefault();
}
function walk(editor, direction, extend) {
  const { model } = editor, from = editor.current();
  const next = from === void 0 ? model.graph.nodes[0]?.id : model.neighbour(from, direction);
  if (next === void 0) return editor.say(from === void 0 ? "The net is empty." : "Nothing further that way.");
  editor.choose(extend ? [...model.selected, next] : [next]);
  editor.reveal(next);
  editor.drawing.focus(next);
}
function openOrEdit(editor, current) {
  const box = editor.model.box(current);
  if (box?.data.collapsed) editor.toggleGroup(box.data.group);
  else if (current) {
    if (!editor.model.selected.has(current)) editor.choose([current]);
    editor.send({ type: "edit", id: current });
  }
}
function nextEdge(editor, current) {
  const box = editor.model.box(current);
  const edges = box ? [...box.ins, ...box.outs].map((edge) => edge.data.id) : [];
  if (!edges.length) return editor.say("No edge here.");
  const at = edges.findIndex((id) => editor.model.selectedEdges.has(id));
  editor.choose([], [edges[(at + 1) % edges.length]]);
}

// page/editor/minimap.js
var Minimap = class {
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
    const look = (event) => {
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
    const around2 = this.model.bounds();
    if (!around2) return;
    const [left, top, right, bottom] = around2;
    set(this.picture, { viewBox: `${left - PAD} ${top - PAD} ${right - left + 2 * PAD} ${bottom - top + 2 * PAD}` });
    const paths = /* @__PURE__ */ new Map();
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
};

// page/editor/palette.js
var KEY = "brewbench.recent";
var BY_INDEX = "\0";
function recently() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}
function remember(types) {
  try {
    localStorage.setItem(KEY, JSON.stringify(remembered(recently(), types)));
  } catch {
  }
}
function entriesOf(editor) {
  return (editor.model.graph.palette ?? []).map(({ type, category, help, words = "", form }) => ({
    text: type,
    hint: help,
    category,
    value: type,
    haystack: `${type} ${category}`.toLowerCase(),
    words: words.split(" ").filter(Boolean),
    last: category === "fork",
    form
  }));
}
function layersOf(entries, typed, picked) {
  const parts = asked(typed);
  return parts.map(({ query, args }, at) => {
    const type = at === parts.length - 1 ? picked : query && matching(entries, query)[0]?.value;
    if (!type) throw new Error(`There is no layer type like "${query}".`);
    return { type, args };
  });
}
function openPalette(editor) {
  const { model } = editor, near = editor.current() ?? null, host = model.box(near);
  const entries = entriesOf(editor), connects = Boolean(host?.data.tops.length);
  const name = near && (model.thing(near)?.name ?? near);
  const several = model.selected.size > 1 ? [...model.selected] : void 0;
  editor.palette.open(entries, {
    onPick(type, branch, typed) {
      let layers = [];
      try {
        layers = layersOf(entries, typed, type);
      } catch (error) {
        return editor.say(
          /** @type {Error} */
          error.message,
          "error"
        );
      }
      remember(layers.map((each) => each.type));
      const module = entries.some((entry) => ["module", "own"].includes(entry.category ?? "") && layers.some((each) => each.type === entry.value));
      editor.overtaken = null;
      if (layers.length > 1 || module) editor.awaiting = new Set(model.owner.keys());
      else editor.expecting = true;
      const more = layers.length > 1 || layers[0].args.length ? { layers } : {};
      editor.send({
        type: "add",
        layer_type: type,
        near,
        connect_from: connects ? near : null,
        branch,
        ...more,
        ...several && { also: several }
      });
    },
    onClose: () => editor.drawing.focus(near ?? void 0),
    foot: connects ? `Enter puts it between ${name} and what follows, Shift+Enter makes a branch that nobody reads yet.` : "Select a layer first to put the new one behind it.",
    families: true,
    recent: recently(),
    query: (typed) => asked(typed).at(-1)?.query ?? ""
  });
}
function openSearch(editor) {
  const entries = editor.model.things().map((thing) => ({
    text: thing.name,
    hint: thing.collapsed ? thing.note : thing.type,
    category: thing.category,
    value: thing.id,
    haystack: `${thing.name} ${thing.type}`.toLowerCase()
  }));
  let found = editor.current();
  editor.finder.open(entries, {
    onPick(value) {
      if (value.startsWith(BY_INDEX)) {
        editor.finding = true;
        editor.send({ type: "find", index: Number(value.slice(BY_INDEX.length)) });
        return;
      }
      found = value;
      editor.choose([value]);
      editor.reveal(value, true);
    },
    onClose: () => editor.drawing.focus(found),
    foot: "By name, type, blob or value: kernel_size:7"
  });
  editor.send({ type: "search" });
}
function findable(layers) {
  return layers.map(({ index, name, type, category, note, haystack }) => ({
    text: name,
    hint: `${type}${note ? ` ${note}` : ""}`,
    category,
    value: `${BY_INDEX}${index}`,
    haystack
  }));
}

// page/editor/clipboard.js
async function keep(editor, text) {
  try {
    await navigator.clipboard.writeText(text);
    editor.say("Copied as prototxt.");
  } catch {
    editor.say("The browser does not let this page write to the clipboard.", "error");
  }
}
function paste(editor, event) {
  const text = event.clipboardData?.getData("text/plain");
  if (!text || takesText(event.target)) return;
  event.preventDefault();
  event.stopPropagation();
  editor.overtaken = null;
  editor.awaiting = new Set(editor.model.owner.keys());
  editor.send({ type: "paste", text, near: editor.current() ?? null });
}

// page/editor/download.js
function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 6e4);
}
async function drawn(svg2) {
  const image = new Image(), address = URL.createObjectURL(new Blob([svg2], { type: "image/svg+xml" }));
  try {
    image.src = address;
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image, most = 16e3;
    const scale = Math.min(2, most / width, most / height, Math.sqrt(most * most / 2 / (width * height)));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) throw new Error("the browser has no room for a picture of this size; export it as SVG");
    return blob;
  } finally {
    URL.revokeObjectURL(address);
  }
}
async function download({ name, mime, text, png }) {
  if (png) save(name.replace(/\.svg$/, ".png"), await drawn(text));
  else save(name, new Blob([text], { type: mime }));
}

// page/editor/sheet.js
var KEYS = [
  ["a", "add a layer or a module: conv 64 3, relu"],
  ["Shift+Enter", "in that list: as a branch"],
  ["c", "connect to the next layer that lacks a bottom"],
  ["Enter", "to the fields; Escape comes back"],
  ["F2", "rename, the top too; Shift+Enter: the layer alone"],
  ["Delete", "remove, and join the neighbours"],
  ["Ctrl+C X V D", "copy, cut, paste, duplicate"],
  ["Ctrl+Z, Ctrl+Y", "undo, redo"],
  ["Arrows", "walk; Shift extends the selection"],
  ["Space, Shift+click", "add to the selection"],
  ["Ctrl+A, Shift+drag", "select all, all in a frame: the form edits them at once"],
  ["/, Ctrl+F", "find a layer"],
  ["e", "the edges of a layer, one by one"],
  ["p", "in TRAIN only, in TEST only, in both"],
  ["m, right click", "what can be done with the selection"],
  ["g", "fold or unfold the group"],
  ["f, +, -", "fit, zoom in, zoom out"]
];
var Sheet = class {
  /** @param {Element} stage */
  constructor(stage) {
    this.empty = make("div", { class: "ne-empty", hidden: "", text: "Press a to add a layer, or paste prototxt. ? shows the keys." }, stage);
    this.box = make("div", { class: "ne-sheet", role: "dialog", "aria-label": "Keys", tabindex: -1, hidden: "" }, stage);
    const list = make("dl", {}, this.box);
    for (const [keys, what] of KEYS) {
      make("dt", { text: keys }, list);
      make("dd", { text: what }, list);
    }
    this.onClose = () => {
    };
    this.box.addEventListener("focusout", () => {
      this.box.hidden = true;
    });
    this.box.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (!["Escape", "Enter", "?"].includes(event.key)) return;
      event.preventDefault();
      this.box.hidden = true;
      this.onClose();
    });
  }
  /** @param {() => void} onClose */
  open(onClose) {
    this.onClose = onClose;
    this.box.hidden = false;
    this.box.focus();
  }
};

// page/editor/toolbar.js
var ICONS = {
  add: "M8 3v10M3 8h10",
  remove: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
  undo: "M6 3 3 6l3 3M3 6h6a3.5 3.5 0 0 1 0 7H6",
  redo: "m10 3 3 3-3 3M13 6H7a3.5 3.5 0 0 0 0 7h3",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8M10 10l3.5 3.5",
  relayout: "M6 2h4v3H6zM2 11h4v3H2zM10 11h4v3h-4zM8 5v3M4 11V8h8v3",
  menu: "M3 4h10M3 8h10M3 12h10",
  out: "M3 8h10",
  in: "M8 3v10M3 8h10",
  fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4"
};
var Toolbar = class {
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
      class: "ne-view",
      "aria-label": "Layers in view",
      hidden: "",
      title: "Dim the layers that are not in TRAIN, in TEST, or in the deploy net"
    }, this.element);
    this.view.addEventListener("change", () => editor.send({ type: "view", name: this.view.value }));
    this.button("out", "Zoom out (-)", () => editor.zoom(1 / 1.25));
    this.percent = make("output", { class: "ne-percent", "aria-label": "Zoom" }, this.element);
    this.button("in", "Zoom in (+)", () => editor.zoom(1.25));
    this.button("fit", "Show the whole net (f)", () => editor.fit());
    this.element.addEventListener("pointerdown", (event) => {
      if (event.target !== this.view) event.preventDefault();
    });
  }
  /** @param {keyof typeof ICONS} name @param {string} title @param {() => void} action */
  button(name, title, action) {
    const button = make("button", {
      type: "button",
      title,
      "aria-label": title.replace(/ \(.*/, ""),
      "data-action": name
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
    if (view !== void 0) this.view.value = view;
  }
};

// page/editor/wiring.js
var Wiring = class {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
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
    const { source, port: port2, targets, at, bottom } = this.now;
    const { editor } = this, to = targets[at];
    editor.reveal(to.data.id);
    editor.drawing.aimAt(to.data.id);
    const x = bottom === null ? to.w / 2 : portX(to.w, bottom, to.data.bottoms.length);
    editor.drawing.wire.setAttribute("d", curve(
      source.x + portX(source.w, port2, source.data.tops.length),
      source.y + source.h,
      to.x + x,
      to.y
    ));
    const where = bottom === null ? "a new bottom" : `bottom ${bottom}, ${to.data.bottoms[bottom]}`;
    editor.say(`Connect ${source.data.tops[port2]} of ${source.data.id} to ${to.data.id}, ${where}: Enter connects, Tab and arrows choose, Escape leaves.`);
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
      this.editor.connect(wiring.source.data.id, wiring.port, wiring.targets[wiring.at].data.id, wiring.bottom ?? void 0);
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
      const at = wiring.bottom === null ? count : wiring.bottom;
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
};

// page/editor/editor.js
var VAST = 2.5;
var Editor = class {
  /**
   * @param {HTMLElement} root
   * @param {import("../messages.js").Adapter} adapter
   */
  constructor(root, adapter) {
    this.root = root;
    this.adapter = adapter;
    this.model = new Model();
    this.view = { x: 0, y: 0, k: 1 };
    this.touched = false;
    this.finding = false;
    this.expecting = false;
    this.awaiting = null;
    this.overtaken = null;
    root.classList.add("bb-editor");
    this.toolbar = new Toolbar(this);
    this.overlay = new OverlayBar(this);
    this.stage = make("div", { class: "ne-stage" }, root);
    this.drawing = new Drawing(this.model, this.stage, root);
    this.minimap = new Minimap(this.model, this.stage, (middle) => this.centre(middle));
    this.card = new Card(this.model, this.stage);
    this.palette = new Chooser(this.stage, "Add a layer", "Type of layer…");
    this.finder = new Chooser(this.stage, "Find a layer", "Name or type…");
    this.menu = new Chooser(this.stage, "Actions", "What to do…");
    this.sheet = new Sheet(this.stage);
    this.renamer = makeRenamer(this.stage);
    this.problems = make("div", { class: "ne-problems", role: "alert", hidden: "" }, root);
    this.status = make("div", { class: "ne-status", role: "status", "aria-live": "polite" }, root);
    this.wiring = new Wiring(this);
    this.gestures = new Gestures(this);
    this.listen();
  }
  listen() {
    const { root, drawing: { canvas } } = this;
    canvas.addEventListener("keydown", (event) => keyDown(this, event));
    canvas.addEventListener("focusin", () => {
      const id = this.drawing.focused();
      if (id && !this.wiring.now && !this.gestures.now) this.reveal(id);
    });
    canvas.addEventListener("focusout", ({ relatedTarget }) => {
      if (!canvas.contains(
        /** @type {Node | null} */
        relatedTarget
      )) this.wiring.end("");
    });
    root.addEventListener("paste", (event) => paste(this, event));
    root.addEventListener("bb-focus", () => this.drawing.focus(this.current()));
    root.dataset.lmSuppressShortcuts = "true";
    root.addEventListener("focusin", ({ target }) => {
      if (target instanceof Element) target.setAttribute("data-lm-suppress-shortcuts", "true");
    });
    root.addEventListener("keydown", (event) => {
      event.stopPropagation();
      const inToolbar = event.target instanceof Node && this.toolbar.element.contains(event.target);
      if (inToolbar && !takesText(event.target) && ![" ", "Enter", "Tab"].includes(event.key)) keyDown(this, event);
    });
    this.observer = new ResizeObserver(() => {
      if (!this.touched) this.open();
      else this.show();
    });
    this.observer.observe(this.stage);
  }
  /** @param {import("../messages.js").Message} message */
  send(message) {
    this.adapter.send(message);
  }
  /** Show one line under the drawing; screen readers read it out. @param {string} text @param {string} [kind] */
  say(text, kind = "info") {
    this.status.textContent = this.status.title = printable(text);
    this.status.dataset.kind = kind;
  }
  // Another graph
  /** Draw a new graph, touching only what differs from the one before. @param {Graph} graph */
  update(graph) {
    const { model, drawing } = this;
    const first = !model.boxes.size;
    const anchor = first ? void 0 : this.anchor();
    const whole = !first && inSight(this.view, model.bounds(), drawing.size());
    const focused = drawing.focused();
    const { added, renamed, reselected } = model.take(graph);
    this.overlay.follow();
    this.sheet.empty.hidden = graph.nodes.length > 0;
    this.problems.hidden = !graph.problems?.length;
    this.problems.textContent = printable((graph.problems ?? []).join("\n"));
    this.toolbar.enable("undo", graph.can_undo !== false);
    this.toolbar.enable("redo", graph.can_redo !== false);
    this.toolbar.offer(graph.views ?? [], graph.view);
    this.root.dataset.version = String(graph.version ?? "");
    this.minimap.draw();
    if (anchor) this.hold(anchor, whole);
    drawing.draw();
    if (this.expecting && added.length) {
      this.expecting = false;
      this.choose(added);
      drawing.focus(added[0]);
    } else if (reselected) this.choose(model.selected, model.selectedEdges);
    if (first && graph.nodes.length) this.open();
    else this.show();
    if (focused !== void 0 && drawing.focused() === void 0) drawing.focus(renamed.get(focused) ?? focused);
  }
  /** The box that must not move under the user's eyes: the selected one, else the one nearest the middle. */
  anchor() {
    const { width, height } = this.drawing.size();
    const { x, y, k } = this.view;
    const seen = [...this.model.boxes.values()].filter((box2) => {
      const left = box2.x * k + x, top = box2.y * k + y;
      return left < width && top < height && left + box2.w * k > 0 && top + box2.h * k > 0;
    });
    const distance2 = (box2) => Math.hypot(box2.x * k + x - width / 2, box2.y * k + y - height / 2);
    const box = seen.find((each) => this.model.selected.has(each.data.id)) ?? seen.sort((a, b) => distance2(a) - distance2(b))[0];
    return box && { id: box.data.id, x: box.x, y: box.y };
  }
  /** Keep a box where it was in the page, and the whole net in sight if it was. @param {{ id: string, x: number, y: number }} anchor @param {boolean} whole */
  hold(anchor, whole) {
    const box = this.model.boxes.get(anchor.id), around2 = this.model.bounds(), { view } = this;
    if (box) this.view = { k: view.k, x: view.x + (anchor.x - box.x) * view.k, y: view.y + (anchor.y - box.y) * view.k };
    if (whole && around2 && !inSight(this.view, around2, this.drawing.size())) {
      this.view = keptWhole(this.view, around2, this.drawing.size()) ?? this.view;
    }
  }
  // The view
  /** Show what the view shows. */
  show() {
    const { width, height } = { width: this.stage.clientWidth, height: this.stage.clientHeight };
    this.minimap.show(this.isVast({ width, height }));
    this.drawing.look(this.view);
    this.toolbar.percent.textContent = `${Math.round(this.view.k * 100)} %`;
    this.card.hide();
    this.minimap.look(this.view, this.drawing.size());
  }
  /** Whether the net is so much larger than what is in sight that an overview helps. @param {import("./geometry.js").Size} size */
  isVast({ width, height }) {
    const around2 = this.model.bounds(), { k } = this.view;
    return around2 !== null && ((around2[2] - around2[0]) * k > VAST * width || (around2[3] - around2[1]) * k > VAST * height);
  }
  /** Look through another view, as the user asks. @param {View} view */
  lookFrom(view) {
    this.view = view;
    this.touched = true;
    this.show();
  }
  /** The first look: all of a small net, else the top of it, large enough to read. */
  open() {
    const around2 = this.model.bounds(), first = this.model.boxes.get(this.model.graph.nodes[0]?.id);
    if (!around2 || !first) return;
    this.minimap.show(this.isVast({ width: this.stage.clientWidth, height: this.stage.clientHeight }));
    const size = this.drawing.size();
    if (!size.width || !size.height) return;
    this.view = openingView(around2, size, first.x + first.w / 2);
    this.show();
    this.root.dataset.ready = "true";
  }
  fit() {
    this.minimap.show(false);
    const around2 = this.model.bounds(), size = this.drawing.size();
    if (around2 && size.width && size.height) this.lookFrom(wholeView(around2, size));
  }
  /** Zoom by a factor about a point of the canvas, its middle unless told. @param {number} factor @param {import("./geometry.js").Point} [point] */
  zoom(factor, point) {
    const { width, height } = this.drawing.size();
    this.lookFrom(zoomed(this.view, factor, point ?? { x: width / 2, y: height / 2 }));
  }
  /** Bring a layer into sight with as little movement as possible, or to the middle. @param {string} id @param {boolean} [centre] */
  reveal(id, centre = false) {
    const box = this.model.box(id), size = this.drawing.size();
    if (!box || !size.width) return;
    const view = revealed(this.view, box, size, centre);
    if (view !== this.view) this.lookFrom(view);
  }
  /** Bring a place of the net to the middle. @param {import("./geometry.js").Point} place */
  centre({ x, y }) {
    const { width, height } = this.drawing.size(), { k } = this.view;
    this.lookFrom({ k, x: width / 2 - x * k, y: height / 2 - y * k });
  }
  // The selection
  /** Select, and tell. @param {Iterable<string>} ids @param {Iterable<string>} [edges] */
  choose(ids2, edges = []) {
    const { model } = this;
    if (this.awaiting) [this.overtaken, this.awaiting] = [this.awaiting, null];
    model.selected = new Set(ids2);
    model.selectedEdges = new Set(edges);
    this.drawing.paintSelection();
    this.send({ type: "select", ids: [...model.selected], edges: [...model.selectedEdges] });
    const [id] = model.selected, [edge] = model.selectedEdges, thing = model.thing(id), wire = model.edges.get(edge);
    const count = model.selected.size + model.selectedEdges.size;
    if (count > 1) this.say(`${count} selected`);
    else this.say(thing ? sentence(thing) : wire ? edgeSentence(wire.data) : "");
  }
  /** Select without telling: the other side said so. @param {string[]} ids */
  select(ids2) {
    const { model } = this, known = ids2.filter((id) => model.owner.has(id));
    if (this.overtaken && known.length && !this.overtaken.has(known[0])) {
      this.overtaken = null;
      return;
    }
    if (known.length === model.selected.size && known.every((id) => model.selected.has(id))) return;
    model.selected = new Set(known);
    model.selectedEdges.clear();
    this.drawing.paintSelection();
    const made = this.awaiting !== null && known.length > 0 && !this.awaiting.has(known[0]);
    if (known.length) this.reveal(known[0], this.finding);
    if (known.length && (this.finding || made)) this.drawing.focus(known[0]);
    if (made) this.awaiting = null;
    this.finding = false;
  }
  /** The layer that keys are about: the one that has the focus, else the one selected last. */
  current() {
    const focused = this.drawing.focused();
    return focused !== void 0 && this.model.owner.has(focused) ? focused : [...this.model.selected].at(-1);
  }
  // Intents
  removeSelection() {
    const nodes = [...this.model.selected], edges = [...this.model.selectedEdges];
    if (nodes.length) this.send({ type: "remove", nodes, edges });
    else if (edges.length) this.send({ type: "disconnect", edges });
    else this.say("Nothing is selected.");
  }
  duplicate() {
    if (!this.model.selected.size) return;
    this.expecting = true;
    this.send({ type: "duplicate", ids: [...this.model.selected] });
  }
  relayout() {
    this.model.settle();
    this.minimap.draw();
    this.drawing.draw();
    this.show();
    this.send({ type: "relayout" });
  }
  /** @param {string} source @param {number} sourcePort @param {string} target @param {number} [targetPort] */
  connect(source, sourcePort, target, targetPort) {
    const objection = this.model.objection(source, target);
    if (objection) return this.say(objection, "error");
    const open = this.model.boxes.get(target)?.data.dangling[0] ?? null;
    this.send({ type: "connect", source, source_port: sourcePort, target, target_port: targetPort ?? open });
    this.say(`${source} feeds ${target}`);
  }
  openPalette() {
    openPalette(this);
  }
  openMenu() {
    openMenu(this);
  }
  /** The list of what is drawn, and as soon as the kernel answers of all layers, those in folded groups too. */
  openSearch() {
    openSearch(this);
  }
  /** @param {import("../messages.js").Findable[]} layers */
  offerLayers(layers) {
    this.finder.offer(findable(layers));
  }
  /** Let the user type another name over a layer. @param {string} id */
  rename(id) {
    rename(this, id);
  }
  /** @param {string | null | undefined} name */
  toggleGroup(name) {
    if (name) this.send({ type: "toggle_group", id: name });
  }
  destroy() {
    this.observer?.disconnect();
    this.overlay.destroy();
    this.root.replaceChildren();
    this.root.classList.remove("bb-editor", "ne-far");
    delete this.root.dataset.ready;
  }
};
function mount(root, adapter) {
  const editor = new Editor(root, adapter);
  return {
    /** @param {import("../messages.js").EditorMessage} content */
    receive(content) {
      if (content.type === "graph") editor.update(content.graph);
      else if (content.type === "select") editor.select(content.ids);
      else if (content.type === "steps") editor.drawing.markSteps(content);
      else if (content.type === "layers") editor.offerLayers(content.layers);
      else if (content.type === "clipboard") keep(editor, content.text);
      else if (content.type === "file") download(content).catch((error) => editor.say(error.message, "error"));
      else if (content.type === "height") root.style.setProperty("--ne-height", content.height);
      else if (content.type === "overlays") editor.overlay.offer(content.overlays);
      else if (content.type === "overlay") editor.overlay.show(content.overlay);
      else if (content.type === "say") editor.say(content.text, content.kind);
    },
    destroy: () => editor.destroy(),
    editor
  };
}

// page/jupyter.js
var widget = (mount2) => ({
  /** @param {{ model: any, el: HTMLElement }} given */
  render({ model, el }) {
    const view = Math.random().toString(36).slice(2);
    const pane = mount2(el, {
      view,
      send: (content, buffers = []) => model.send({ ...content, view }, void 0, buffers)
    });
    Object.assign(el, { pane });
    const receive = (content, buffers) => {
      if ((!content.to || content.to === view) && content.except !== view) pane.receive(content, buffers);
    };
    model.on("msg:custom", receive);
    el.addEventListener("focusin", ({ target }) => {
      if (target instanceof Element) target.setAttribute("data-lm-suppress-shortcuts", "true");
    });
    for (const content of model.get("opening")) receive(content, []);
    model.send({ type: "hello", view });
    return () => {
      model.off("msg:custom", receive);
      pane.destroy?.();
    };
  }
});

// page/editor.entry.js
var editor_entry_default = widget(mount);
export {
  editor_entry_default as default,
  mount
};
