// The net editor: draws the graph it is given and says what the user wants done to it.
//
// mount(element, adapter) knows nothing of Jupyter. `adapter.send(message)` takes the user's intents; whoever
// owns the net answers by calling update(graph). Only what concerns the view lives here: zoom, pan, boxes moved
// by hand, the selection. The default export, at the end, connects all this to a Jupyter widget.

const SVG = "http://www.w3.org/2000/svg";
const SMALLEST = 0.05, LARGEST = 4;     // zoom
const LEGIBLE = 0.6;                    // no net opens smaller than this
const FAR = 0.35;                       // below this zoom the small print is left out
const PAD = 24;                         // pixels around the net
const STRIP = 20;                       // height of an in-place layer in its box

const ICONS = {
  add: "M8 3v10M3 8h10",
  remove: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
  undo: "M6 3 3 6l3 3M3 6h6a3.5 3.5 0 0 1 0 7H6",
  redo: "m10 3 3 3-3 3M13 6H7a3.5 3.5 0 0 0 0 7h3",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8M10 10l3.5 3.5",
  relayout: "M6 2h4v3H6zM2 11h4v3H2zM10 11h4v3h-4zM8 5v3M4 11V8h8v3",
  out: "M3 8h10",
  in: "M8 3v10M3 8h10",
  fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
};

let editors = 0;    // makes ids unique on a page with several editors

function svg(tag, attributes = {}, parent) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent?.append(element);
  return element;
}

function html(tag, attributes = {}, parent) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent?.append(element);
  return element;
}

function write(parent, x, y, className, text) {
  const element = svg("text", { x, y, class: className }, parent);
  element.textContent = text;
  return element;
}

/** Cut the middle out of a text too long for a box: both ends of a layer's name tell something. */
function shorten(text, width, letter) {
  const room = Math.max(4, Math.floor((width - 26) / letter));
  if (text.length <= room) return text;
  return `${text.slice(0, (room >> 1) - 1)}…${text.slice(-(room >> 1))}`;
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const portX = (width, port, count) => (width * (2 * Math.min(port, count - 1) + 1)) / (2 * Math.max(1, count));
const describe = (thing) => `${thing.collapsed ? "Group" : thing.type} ${thing.name}`;

/** A list one can filter by typing, walk with the arrow keys and pick from; for search and the palette. */
class Chooser {
  constructor(parent, label, placeholder) {
    const id = `ne-list-${++editors}`;
    this.box = html("div", { class: "ne-chooser", role: "dialog", "aria-label": label, hidden: "" }, parent);
    this.input = html("input", {
      type: "text", role: "combobox", placeholder, "aria-label": label, "aria-controls": id,
      "aria-expanded": "true", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
    }, this.box);
    this.list = html("ul", { id, role: "listbox", "aria-label": label }, this.box);
    this.foot = html("div", { class: "ne-foot" }, this.box);
    this.input.addEventListener("input", () => this.filter());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());    // keeps the focus
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.pick(Number(option.dataset.at), event.shiftKey);
    });
    this.box.addEventListener("focusout", (event) => {
      if (!this.box.contains(event.relatedTarget)) this.box.hidden = true;    // the user went elsewhere
    });
  }

  /**
   * `entries`: {text, hint, category, value, haystack}; `onPick(value, shift)` tells whether Shift was held;
   * `onClose` follows a choice or Escape; `foot` is a line under the list.
   */
  open(entries, onPick, onClose, foot = "") {
    Object.assign(this, { entries, onPick, onClose });
    this.foot.textContent = foot;
    this.foot.hidden = !foot;
    this.box.hidden = false;
    this.input.value = "";
    this.filter();
    this.input.focus();
  }

  close() {
    if (this.box.hidden) return;
    this.box.hidden = true;
    this.onClose();
  }

  filter() {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const start = words[0] ?? "";
    this.found = this.entries.filter((entry) => words.every((word) => entry.haystack.includes(word)));
    // The very name comes first, then names and their families that begin so, then the rest.
    const rank = ({ text, haystack }) => (text.toLowerCase() === this.input.value.trim().toLowerCase() ? 2 : Number(haystack.startsWith(start)));
    this.found.sort((a, b) => rank(b) - rank(a));
    this.list.replaceChildren(...this.found.slice(0, 200).map((entry, at) => {
      const option = html("li", {
        role: "option", id: `${this.list.id}-${at}`, "data-at": at, "data-value": entry.value,
        class: `ne-${entry.category ?? "unknown"}`,
      });
      html("b", {}, option).textContent = entry.text;
      html("span", {}, option).textContent = entry.hint ?? "";
      return option;
    }));
    if (!this.found.length) html("li", { class: "ne-nothing" }, this.list).textContent = "Nothing found";
    this.mark(0);
  }

  mark(at) {
    this.at = clamp(at, 0, Math.max(0, this.list.querySelectorAll("[role=option]").length - 1));
    for (const option of this.list.querySelectorAll("[role=option]")) {
      option.setAttribute("aria-selected", Number(option.dataset.at) === this.at);
    }
    const option = this.list.children[this.at];
    if (option?.id) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    event.stopPropagation();
    if (event.key === "ArrowDown") this.mark(this.at + 1);
    else if (event.key === "ArrowUp") this.mark(this.at - 1);
    else if (event.key === "Enter") this.pick(this.at, event.shiftKey);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }

  pick(at, shift) {
    const entry = this.found[at];
    if (!entry) return;
    this.onPick(entry.value, shift);
    this.close();
  }
}

class Editor {
  constructor(root, adapter, { height = "560px" } = {}) {
    this.root = root;
    this.adapter = adapter;
    this.graph = { nodes: [], edges: [], groups: [], problems: [], palette: [] };
    this.nodes = new Map();         // box id -> {data, x, y, g, box, ins, outs}
    this.edges = new Map();         // edge id -> {data, g, line, hit, label}
    this.owner = new Map();         // id of a box or a strip -> box id
    this.frames = new Map();        // group name -> {data, g, rect, header}
    this.moved = new Map();         // box id -> how far it was moved by hand from where the layout put it
    this.selected = new Set();
    this.selectedEdges = new Set();
    this.view = { x: 0, y: 0, k: 1 };
    this.touched = false;           // has the user moved the view?
    this.gesture = null;            // what the pointer is doing
    this.connecting = null;         // what the keyboard is connecting
    this.build(height);
    this.listen();
  }

  send(message) {
    this.adapter.send(message);
  }

  /** Show one line under the drawing; screen readers read it out. */
  say(text, kind = "info") {
    this.status.textContent = this.status.title = text;
    this.status.dataset.kind = kind;
  }

  // ---- elements -------------------------------------------------------------------------------------------

  build(height) {
    const root = this.root;
    root.classList.add("bb-editor");
    // JupyterLab's own keys stay out of the editor: it asks whatever has the focus, not what is around it.
    root.dataset.lmSuppressShortcuts = "true";
    root.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
    root.style.setProperty("--ne-height", height);

    this.toolbar = html("div", { class: "ne-toolbar", role: "toolbar", "aria-label": "Net editor" }, root);
    this.button("add", "Add a layer behind the selected one (a)", () => this.openPalette());
    this.button("remove", "Remove the selection, and join what it was between (Delete)", () => this.removeSelection());
    this.button("undo", "Undo (Ctrl+Z)", () => this.send({ type: "undo" }));
    this.button("redo", "Redo (Ctrl+Shift+Z)", () => this.send({ type: "redo" }));
    this.button("search", "Find a layer (Ctrl+F or /)", () => this.openSearch());
    this.button("relayout", "Arrange anew", () => this.relayout());
    html("span", { class: "ne-space" }, this.toolbar);
    this.button("out", "Zoom out (-)", () => this.zoom(1 / 1.25));
    this.percent = html("output", { class: "ne-percent", "aria-label": "Zoom" }, this.toolbar);
    this.button("in", "Zoom in (+)", () => this.zoom(1.25));
    this.button("fit", "Show the whole net (f)", () => this.fit());

    this.stage = html("div", { class: "ne-stage" }, root);
    this.canvas = svg("svg", {
      class: "ne-canvas", tabindex: 0, role: "application", "aria-roledescription": "net editor",
      "aria-label": "Net. Arrow keys walk along the edges, slash searches, a adds a layer behind the selected " +
        "one, c connects, Enter renames, Delete removes and joins what was before with what was behind.",
    }, this.stage);
    this.scene = svg("g", {}, this.canvas);
    this.frameLayer = svg("g", {}, this.scene);
    this.edgeLayer = svg("g", {}, this.scene);
    this.nodeLayer = svg("g", {}, this.scene);
    this.wire = svg("path", { class: "ne-wire" }, this.scene);
    this.band = svg("rect", { class: "ne-band", visibility: "hidden" }, this.canvas);

    this.minimap = svg("svg", { class: "ne-minimap", "aria-hidden": "true" }, this.stage);
    this.minimapBoxes = svg("g", {}, this.minimap);
    this.minimapView = svg("rect", { class: "ne-minimap-view" }, this.minimap);
    this.tooltip = html("div", { class: "ne-tooltip", role: "tooltip", hidden: "" }, this.stage);
    this.palette = new Chooser(this.stage, "Add a layer", "Type of layer…");
    this.finder = new Chooser(this.stage, "Find a layer", "Name or type…");
    this.renamer = html("input", {
      class: "ne-rename", type: "text", "aria-label": "Name of the layer", spellcheck: "false", hidden: "",
    }, this.stage);
    this.problems = html("div", { class: "ne-problems", role: "alert", hidden: "" }, root);
    this.status = html("div", { class: "ne-status", role: "status", "aria-live": "polite" }, root);
  }

  button(icon, title, action) {
    const button = html("button", {
      type: "button", title, "aria-label": title.replace(/ \(.*/, ""), "data-action": icon,
    }, this.toolbar);
    svg("path", { d: ICONS[icon] }, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, button));
    button.addEventListener("click", action);
  }

  // ---- drawing --------------------------------------------------------------------------------------------

  /** Draw a new graph, touching only what differs from the one before. */
  update(graph) {
    const first = !this.nodes.size;
    const anchor = first ? null : this.anchor();
    const whole = !first && this.fits();
    const focused = this.canvas.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
    const before = new Set(this.owner.keys());
    const renamed = this.renames(graph);
    this.graph = graph;

    for (const [old, id] of renamed) {
      if (this.moved.has(old)) this.moved.set(id, this.moved.get(old));
      this.moved.delete(old);
      if (this.selected.delete(old)) this.selected.add(id);
    }
    this.owner.clear();
    this.keep(this.nodes, graph.nodes);
    this.keep(this.edges, graph.edges);
    for (const data of graph.nodes) this.drawNode(data);
    for (const node of this.nodes.values()) node.ins = [], node.outs = [];
    const labelled = new Set();
    for (const data of graph.edges) this.drawEdge(data, labelled);
    this.drawFrames();
    this.drawMinimap();

    this.problems.hidden = !graph.problems?.length;
    this.problems.textContent = (graph.problems ?? []).join("\n");
    this.enable("undo", graph.can_undo !== false);
    this.enable("redo", graph.can_redo !== false);
    this.root.dataset.version = graph.version ?? "";

    if (anchor && this.nodes.has(anchor.id)) {      // what the user looks at stays where it is
      const node = this.nodes.get(anchor.id);
      this.view.x += (anchor.x - node.x) * this.view.k;
      this.view.y += (anchor.y - node.y) * this.view.k;
    }
    if (whole && !this.fits()) this.keepWhole();
    this.reselect(before, renamed);
    if (first && this.graph.nodes.length) this.open();
    else this.setView();
    if (focused !== undefined && !this.canvas.contains(document.activeElement)) {
      this.focus(renamed.get(focused) ?? focused);
    }
  }

  /** Layers that merely changed their name: the id is new, the place in the file and the type are not. */
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

  /** After an edit: forget what is gone; what the user just added is selected. */
  reselect(before, renamed) {
    const selected = [...this.selected].filter((id) => this.owner.has(id));
    const edges = [...this.selectedEdges].filter((id) => this.edges.has(id));
    const added = [...this.owner.keys()].filter((id) => !before.has(id) && ![...renamed.values()].includes(id));
    if (this.expecting && added.length) {
      this.expecting = false;
      this.choose(added, []);
      this.focus(added[0]);
    } else if (selected.length !== this.selected.size || edges.length !== this.selectedEdges.size || renamed.size) {
      this.choose(selected, edges);
    } else {
      this.paintSelection();
    }
  }

  keep(drawn, wanted) {
    const ids = new Set(wanted.map((data) => data.id));
    for (const [id, item] of drawn) {
      if (ids.has(id)) continue;
      item.g.remove();
      drawn.delete(id);
    }
  }

  enable(action, enabled) {
    this.toolbar.querySelector(`[data-action=${action}]`).disabled = !enabled;
  }

  drawNode(data) {
    let node = this.nodes.get(data.id);
    if (!node) {
      const g = svg("g", {}, this.nodeLayer);
      node = { g, box: svg("g", { tabindex: -1 }, g), rest: svg("g", {}, g), look: "" };
      this.nodes.set(data.id, node);
    }
    const { x, y, index, ...face } = data;
    const look = JSON.stringify(face);
    if (look !== node.look) this.fillNode(node, data);
    Object.assign(node, { data, look });
    this.owner.set(data.id, data.id);
    for (const strip of data.folded) this.owner.set(strip.id, data.id);
    const offset = this.moved.get(data.id) ?? { x: 0, y: 0 };
    this.placeNode(node, x + offset.x, y + offset.y);
  }

  placeNode(node, x, y) {
    if (node.x === x && node.y === y) return;
    Object.assign(node, { x, y });
    node.g.setAttribute("transform", `translate(${x} ${y})`);
  }

  fillNode(node, data) {
    const { w, h, head } = data;
    const { box, rest } = node;
    node.g.setAttribute("class", `ne-node ${stateClasses(data)}`);
    box.replaceChildren();
    rest.replaceChildren();
    dress(box, data, "ne-box");

    if (data.collapsed) {
      svg("rect", { class: "ne-card ne-behind", x: 5, y: 5, width: w, height: h, rx: 6 }, box);
    }
    svg("rect", { class: "ne-card", width: w, height: h, rx: 6 }, box);
    svg("path", { class: "ne-bar", d: `M6 0V${h}A6 6 0 0 1 0 ${h - 6}V6A6 6 0 0 1 6 0z` }, box);
    write(box, 16, 18, "ne-name", shorten(data.name || "(no name)", w, 7.6));
    const kind = write(box, 16, 33, "ne-type", data.collapsed ? "" : data.type);
    const note = svg("tspan", { class: "ne-note", dx: data.collapsed ? 0 : 6 }, kind);
    note.textContent = data.note ?? "";
    data.lines.forEach((line, at) => write(box, 16, 48 + 15 * at, "ne-note", shorten(line, w, 6.2)));
    if (data.error || data.warning) badge(box, w - 4, 4);

    data.folded.forEach((strip, at) => {
      const g = svg("g", { tabindex: -1, transform: `translate(10 ${head + STRIP * at})` }, rest);
      dress(g, strip, `ne-strip ${stateClasses(strip)}`);
      svg("rect", { width: w - 14, height: STRIP - 2, rx: 4 }, g);
      const text = write(g, 6, 13, "ne-type", strip.type);
      const name = svg("tspan", { class: "ne-note", dx: 6 }, text);
      name.textContent = shorten(strip.name, w - 20 - strip.type.length * 6.4, 6.2);
      if (strip.error || strip.warning) badge(g, w - 14, 2);
    });

    svg("rect", { class: "ne-outline", width: w, height: h, rx: 6 }, rest);
    data.bottoms.forEach((blob, port) => {
      const x = portX(w, port, data.bottoms.length);
      if (data.dangling.includes(port)) {
        svg("path", { class: "ne-stub", d: `M${x} 0v-14` }, rest);
        write(rest, x, -18, "ne-missing", `${blob}?`);
      }
      this.port(rest, "ne-in", x, 0, port, data.dangling.includes(port));
    });
    data.tops.forEach((_, port) => this.port(rest, "ne-out", portX(w, port, data.tops.length), h, port, false));
  }

  port(parent, className, x, y, port, missing) {
    const circle = svg("circle", {
      class: `ne-port ${className}${missing ? " ne-dangling" : ""}`, cx: x, cy: y, r: 4, "data-port": port,
    }, parent);
    circle.setAttribute("aria-hidden", "true");
  }

  drawEdge(data, labelled) {
    let edge = this.edges.get(data.id);
    if (!edge) {
      const g = svg("g", { "data-edge": data.id }, this.edgeLayer);
      edge = {
        g, hit: svg("path", { class: "ne-hit" }, g), line: svg("path", { class: "ne-line" }, g),
        label: svg("text", { class: "ne-label" }, g),
      };
      this.edges.set(data.id, edge);
    }
    edge.data = data;
    this.nodes.get(data.source).outs.push(edge);
    this.nodes.get(data.target).ins.push(edge);
    // One label for all the edges of a top: they carry the same blob.
    const port = `${data.source_port} ${data.source}`;
    const text = labelled.has(port) ? "" : data.label;
    labelled.add(port);
    if (edge.label.textContent !== text) edge.label.textContent = text;
    edge.g.setAttribute("class", `ne-edge${data.dimmed ? " ne-dimmed" : ""}`);
    this.placeEdge(edge);
  }

  /** The two points that an edge joins. */
  ends({ source, source_port, target, target_port }) {
    const from = this.nodes.get(source), to = this.nodes.get(target);
    return [
      from.x + portX(from.data.w, source_port, from.data.tops.length), from.y + from.data.h,
      to.x + portX(to.data.w, target_port, to.data.bottoms.length), to.y,
    ];
  }

  placeEdge(edge) {
    const { data } = edge;
    const [x1, y1, x2, y2] = this.ends(data);
    const routed = data.points && !this.moved.has(data.source) && !this.moved.has(data.target);
    const path = (routed
      ? `M${data.points[0]}C${data.points.slice(1).map((point) => point.join()).join(" ")}`
      : curve(x1, y1, x2, y2)) + `M${x2 - 4} ${y2 - 11}L${x2} ${y2 - 5}L${x2 + 4} ${y2 - 11}`;
    if (path === edge.path) return;
    edge.path = path;
    edge.line.setAttribute("d", path);
    edge.hit.setAttribute("d", path);
    edge.label.setAttribute("x", x1 + 7);
    edge.label.setAttribute("y", y1 + 16);
  }

  /** Frames around the name groups that are expanded. */
  drawFrames() {
    this.keep(this.frames, (this.graph.groups ?? []).map((group) => ({ ...group, id: group.name })));
    for (const group of this.graph.groups ?? []) {
      let frame = this.frames.get(group.name);
      if (!frame) {
        const g = svg("g", { class: "ne-frame", "data-group": group.name }, this.frameLayer);
        frame = { g, rect: svg("rect", { rx: 10 }, g), header: svg("g", { role: "button", class: "ne-fold" }, g) };
        frame.header.setAttribute("aria-label", `Collapse the group ${group.name}`);
        frame.text = write(frame.header, 0, 0, "ne-label", `− ${group.name}`);
        this.frames.set(group.name, frame);
      }
      frame.members = group.members;
      this.placeFrame(frame);
    }
  }

  placeFrame(frame) {
    const around = bounds(frame.members.map((id) => this.nodes.get(id)).filter(Boolean));
    if (!around) return;
    const [left, top, right, bottom] = around;
    const box = { x: left - 12, y: top - 22, width: right - left + 24, height: bottom - top + 34 };
    for (const [name, value] of Object.entries(box)) frame.rect.setAttribute(name, value);
    frame.text.setAttribute("x", left - 4);
    frame.text.setAttribute("y", top - 9);
  }

  // ---- view -----------------------------------------------------------------------------------------------

  setView() {
    const { x, y, k } = this.view;
    this.scene.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
    this.root.classList.toggle("ne-far", k < FAR);
    this.percent.textContent = `${Math.round(k * 100)} %`;
    this.tooltip.hidden = true;
    this.placeMinimapView();
  }

  size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  /** Give the minimap its column beside the net, or all the room to the net. */
  showMinimap(wanted) {
    this.stage.classList.toggle("ne-overview", wanted);
  }

  /** The first look: all of a small net, else the top of it, large enough to read. */
  open() {
    const around = bounds(this.nodes.values());
    if (!around) return;
    const [left, top, right, bottom] = around;
    this.showMinimap(false);
    const room = this.size();
    this.showMinimap(
      Math.min((room.width - 2 * PAD) / (right - left), (room.height - 2 * PAD) / (bottom - top)) < LEGIBLE);
    const { width, height } = this.size();
    if (!width || !height) return;
    const whole = Math.min((width - 2 * PAD) / (right - left), (height - 2 * PAD) / (bottom - top));
    const across = (width - 2 * PAD) / (right - left);
    const k = whole >= LEGIBLE ? Math.min(whole, 1.15) : clamp(across, LEGIBLE, 0.85);
    const focus = k <= across ? (left + right) / 2 : this.middle(this.graph.nodes[0].id).x;
    this.view = {
      k,
      x: k <= across ? width / 2 - focus * k : clamp(width / 2 - focus * k, width - PAD - right * k, PAD - left * k),
      y: whole >= LEGIBLE ? (height - (top + bottom) * k) / 2 : PAD - top * k,
    };
    this.setView();
    this.root.dataset.ready = "true";
  }

  /** Whether the whole net is in sight. */
  fits({ width, height } = this.size()) {
    const { x, y, k } = this.view;
    const around = bounds(this.nodes.values());
    return !around || (around[0] * k + x >= 0 && around[1] * k + y >= 0 &&
      around[2] * k + x <= width && around[3] * k + y <= height);
  }

  /** What was in sight as a whole before an edit stays so, if it stays legible: moved, and made smaller, as little as will do. */
  keepWhole() {
    const { width, height } = this.size();
    const [left, top, right, bottom] = bounds(this.nodes.values());
    const k = Math.min(this.view.k, (width - 2 * PAD) / (right - left), (height - 2 * PAD) / (bottom - top));
    if (!width || !height || k < Math.min(this.view.k, LEGIBLE)) return;
    const within = (now, first, last, room) => clamp(now, PAD - first * k, room - PAD - last * k);
    this.view = { k, x: within(this.view.x, left, right, width), y: within(this.view.y, top, bottom, height) };
  }

  fit() {
    this.showMinimap(false);
    const { width, height } = this.size();
    const around = bounds(this.nodes.values());
    if (!width || !height || !around) return;
    const [left, top, right, bottom] = around;
    const k = clamp(
      Math.min((width - 2 * PAD) / (right - left), (height - 2 * PAD) / (bottom - top)), SMALLEST, 1.15);
    this.view = { k, x: (width - (left + right) * k) / 2, y: (height - (top + bottom) * k) / 2 };
    this.touched = true;
    this.setView();
  }

  /** Zoom by a factor about a point of the canvas, its middle unless told. */
  zoom(factor, point) {
    const { width, height } = this.size();
    const { x, y } = point ?? { x: width / 2, y: height / 2 };
    const k = clamp(this.view.k * factor, SMALLEST, LARGEST);
    const ratio = k / this.view.k;
    this.view = { k, x: x - (x - this.view.x) * ratio, y: y - (y - this.view.y) * ratio };
    this.touched = true;
    this.setView();
  }

  /** Bring a layer into sight with as little movement as possible, or to the middle. */
  reveal(id, centre = false) {
    const node = this.nodes.get(this.owner.get(id));
    const { width, height } = this.size();
    if (!node || !width) return;
    const k = centre ? Math.max(this.view.k, LEGIBLE) : this.view.k;
    const { w, h } = node.data;
    const middleX = width / 2 - (node.x + w / 2) * k, middleY = height / 2 - (node.y + h / 2) * k;
    let { x, y } = this.view;
    if (centre) [x, y] = [middleX, middleY];
    else if (node.x * k + x < 0 || (node.x + w) * k + x > width || node.y * k + y < 0 || (node.y + h) * k + y > height) {
      // Some way in from the edge, so that its edges and neighbours show; the middle if it is too large for that.
      const near = (at, size, room, now, middle) => size * k + 4 * PAD > room
        ? middle : clamp(now, 2 * PAD - at * k, room - 2 * PAD - (at + size) * k);
      x = near(node.x, w, width, x, middleX);
      y = near(node.y, h, height, y, middleY);
    }
    if (x === this.view.x && y === this.view.y && k === this.view.k) return;
    this.view = { x, y, k };
    this.touched = true;
    this.setView();
  }

  /** The box that must not move under the user's eyes: the selected one, else the one nearest the middle. */
  anchor() {
    const { width, height } = this.size();
    const { x, y, k } = this.view;
    const seen = [...this.nodes.values()].filter((node) => {
      const left = node.x * k + x, top = node.y * k + y;
      return left < width && top < height && left + node.data.w * k > 0 && top + node.data.h * k > 0;
    });
    const chosen = seen.find((node) => this.selected.has(node.data.id));
    const distance = (node) => Math.hypot(node.x * k + x - width / 2, node.y * k + y - height / 2);
    const node = chosen ?? seen.sort((a, b) => distance(a) - distance(b))[0];
    return node && { id: node.data.id, x: node.x, y: node.y };
  }

  middle(id) {
    const node = this.nodes.get(this.owner.get(id));
    return { x: node.x + node.data.w / 2, y: node.y + node.data.h / 2 };
  }

  drawMinimap() {
    const around = bounds(this.nodes.values());
    if (!around) return;
    const [left, top, right, bottom] = around;
    this.minimap.setAttribute(
      "viewBox", `${left - PAD} ${top - PAD} ${right - left + 2 * PAD} ${bottom - top + 2 * PAD}`);
    const paths = new Map();
    for (const { x, y, data } of this.nodes.values()) {
      const kind = data.error ? "error" : data.category;
      paths.set(kind, `${paths.get(kind) ?? ""}M${x} ${y}h${data.w}v${data.h}h${-data.w}z`);
    }
    this.minimapBoxes.replaceChildren(
      ...[...paths].map(([kind, d]) => svg("path", { class: `ne-bar ne-${kind}`, d })));
  }

  placeMinimapView() {
    const { x, y, k } = this.view;
    this.showMinimap(!this.fits({ width: this.stage.clientWidth, height: this.stage.clientHeight }));
    const { width, height } = this.size();
    const box = { x: -x / k, y: -y / k, width: width / k, height: height / k };
    for (const [name, value] of Object.entries(box)) this.minimapView.setAttribute(name, value);
  }

  // ---- selection ------------------------------------------------------------------------------------------

  /** Select, and tell. */
  choose(ids, edges = []) {
    this.selected = new Set(ids);
    this.selectedEdges = new Set(edges);
    this.paintSelection();
    this.send({ type: "select", ids: [...this.selected], edges: [...this.selectedEdges] });
    const count = this.selected.size + this.selectedEdges.size;
    if (count > 1) this.say(`${count} selected`);
    else if (this.selected.size) this.say(this.sentence(this.thing([...this.selected][0])));
    else if (this.selectedEdges.size) this.say(edgeSentence(this.edges.get([...this.selectedEdges][0]).data));
    else this.say("");
  }

  /** Select without telling: the other side said so. */
  select(ids) {
    const known = ids.filter((id) => this.owner.has(id));
    if (known.length === this.selected.size && known.every((id) => this.selected.has(id))) return;
    this.selected = new Set(known);
    this.selectedEdges.clear();
    this.paintSelection();
    if (known.length) this.reveal(known[0]);
  }

  paintSelection() {
    for (const element of this.nodeLayer.querySelectorAll("[data-id]")) {
      const on = this.selected.has(element.dataset.id);
      element.classList.toggle("ne-selected", on);
      element.setAttribute("aria-pressed", on);
    }
    for (const [id, edge] of this.edges) edge.g.classList.toggle("ne-selected", this.selectedEdges.has(id));
  }

  thing(id) {
    const data = this.nodes.get(this.owner.get(id))?.data;
    return data?.id === id ? data : data?.folded.find((strip) => strip.id === id);
  }

  sentence(thing) {
    return [describe(thing), thing.note, thing.dimmed ? "not in this phase" : "",
      thing.error ? `error: ${thing.error}` : "", thing.warning ? `warning: ${thing.warning}` : ""]
      .filter(Boolean).join(", ");
  }

  element(id) {
    return [...this.nodeLayer.querySelectorAll("[data-id]")].find((element) => element.dataset.id === id);
  }

  focus(id) {
    (this.element(id) ?? this.canvas).focus({ preventScroll: true });
  }

  current() {
    const focused = document.activeElement?.dataset?.id;
    return this.owner.has(focused) ? focused : [...this.selected].at(-1);
  }

  // ---- intents --------------------------------------------------------------------------------------------

  removeSelection() {
    const nodes = [...this.selected], edges = [...this.selectedEdges];
    if (nodes.length) this.send({ type: "remove", nodes, edges });
    else if (edges.length) this.send({ type: "disconnect", edges });
    else this.say("Nothing is selected.");
  }

  relayout() {
    this.moved.clear();
    for (const data of this.graph.nodes) this.placeNode(this.nodes.get(data.id), data.x, data.y);
    for (const edge of this.edges.values()) this.placeEdge(edge);
    this.drawFrames();
    this.drawMinimap();
    this.setView();
    this.send({ type: "relayout" });
  }

  /** Why an edge between two boxes cannot be; "" if it can. */
  objection(source, target) {
    const from = this.nodes.get(source).data, to = this.nodes.get(target).data;
    if (source === target) return `Refused: ${from.name} cannot feed itself.`;
    if (from.collapsed || to.collapsed) return "Refused: expand the group first, then connect its layers.";
    if (!from.tops.length) return `Refused: ${from.name} has no top.`;
    const ahead = [target], seen = new Set(ahead);
    while (ahead.length) {
      for (const { data } of this.nodes.get(ahead.pop()).outs) {
        if (data.target === source) return `Refused: ${to.name} leads to ${from.name}, this would close a cycle.`;
        if (!seen.has(data.target)) seen.add(data.target), ahead.push(data.target);
      }
    }
    return "";
  }

  connect(source, sourcePort, target, targetPort) {
    const objection = this.objection(source, target);
    if (objection) return this.say(objection, "error");
    const open = this.nodes.get(target).data.dangling[0] ?? null;
    this.send({ type: "connect", source, source_port: sourcePort, target, target_port: targetPort ?? open });
    this.say(`${source} feeds ${target}`);
  }

  openPalette() {
    const near = this.current() ?? null;
    const host = near && this.owner.get(near);
    const entries = (this.graph.palette ?? []).map(({ type, category, help }) => ({
      text: type, hint: help, category, value: type, haystack: `${type} ${category}`.toLowerCase(),
    }));
    const connects = Boolean(host) && this.nodes.get(host).data.tops.length > 0;
    const name = near && (this.thing(near)?.name ?? near);
    this.palette.open(entries, (type, branch) => {
      this.expecting = true;
      this.send({ type: "add", layer_type: type, near, connect_from: connects ? near : null, branch });
    }, () => this.focus(near), connects
      ? `Enter puts it between ${name} and what follows, Shift+Enter makes a branch that nobody reads yet.`
      : "Select a layer first to put the new one behind it.");
  }

  openSearch() {
    const entries = this.graph.nodes.flatMap((node) => [node, ...node.folded]).map((thing) => ({
      text: thing.name, hint: thing.collapsed ? thing.note : thing.type, category: thing.category,
      value: thing.id, haystack: `${thing.name} ${thing.type}`.toLowerCase(),
    }));
    const back = this.current();
    let found = back;
    this.finder.open(entries, (id) => {
      found = id;
      this.choose([id]);
      this.reveal(id, true);
    }, () => this.focus(found));
  }

  startRename(id) {
    const thing = this.thing(id);
    if (!thing || thing.collapsed) return;
    this.reveal(id);
    const shape = this.element(id).getBoundingClientRect();
    const stage = this.stage.getBoundingClientRect();
    const input = this.renamer;
    Object.assign(input.style, {
      left: `${shape.left - stage.left}px`, top: `${shape.top - stage.top}px`,
      width: `${Math.max(120, shape.width)}px`,
    });
    input.value = thing.name;
    input.hidden = false;
    input.focus();
    input.select();
    const finish = (name) => {
      if (input.hidden) return;
      input.hidden = true;
      input.onkeydown = input.onblur = null;
      this.focus(id);
      if (name && name !== thing.name) this.send({ type: "rename", id, name });
    };
    input.onblur = () => finish("");
    input.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Enter") finish(input.value.trim());
      else if (event.key === "Escape") finish("");
      else return;
      event.preventDefault();
    };
  }

  toggleGroup(name) {
    if (name) this.send({ type: "toggle_group", id: name });
  }

  // ---- pointer --------------------------------------------------------------------------------------------

  listen() {
    const canvas = this.canvas;
    canvas.addEventListener("pointerdown", (event) => this.pointerDown(event));
    canvas.addEventListener("pointermove", (event) => this.pointerMove(event));
    canvas.addEventListener("pointerup", (event) => this.pointerUp(event));
    canvas.addEventListener("pointercancel", () => this.endGesture());
    canvas.addEventListener("pointerleave", () => { this.tooltip.hidden = true; });
    canvas.addEventListener("dblclick", (event) => this.doubleClick(event));
    canvas.addEventListener("keydown", (event) => this.keyDown(event));
    canvas.addEventListener("focusin", (event) => {
      const id = event.target.dataset.id;
      if (id && this.connecting === null && !this.gesture) this.reveal(id);
    });
    canvas.addEventListener("focusout", (event) => {
      if (!canvas.contains(event.relatedTarget)) this.endConnecting("");
    });
    // A page keeps its own scrolling unless the editor has the focus, or the user means zooming.
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && !this.root.contains(document.activeElement)) return;
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      this.zoom(Math.exp(-clamp(event.deltaY * lines, -240, 240) * 0.0016), this.point(event));
    }, { passive: false });
    // Keys of the toolbar and the panels are nobody else's business either.
    this.root.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (this.toolbar.contains(event.target) && ![" ", "Enter", "Tab"].includes(event.key)) this.keyDown(event);
    });
    this.toolbar.addEventListener("pointerdown", (event) => event.preventDefault());     // keeps the focus
    this.minimap.addEventListener("pointerdown", (event) => {
      this.minimap.setPointerCapture(event.pointerId);
      this.lookAt(event);
    });
    this.minimap.addEventListener("pointermove", (event) => event.buttons && this.lookAt(event));
    // An editor in a hidden tab has no size; its net is shown when it gets one.
    this.observer = new ResizeObserver(() => {
      if (!this.touched) this.open();
      else this.placeMinimapView();
    });
    this.observer.observe(this.stage);
  }

  point(event) {
    const frame = this.canvas.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  /** A pointer's place in the net's coordinates. */
  place(event) {
    const { x, y } = this.point(event);
    return { x: (x - this.view.x) / this.view.k, y: (y - this.view.y) / this.view.k };
  }

  lookAt(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(
      this.minimap.getScreenCTM().inverse());
    const { width, height } = this.size();
    this.view = { k: this.view.k, x: width / 2 - x * this.view.k, y: height / 2 - y * this.view.k };
    this.touched = true;
    this.setView();
  }

  pointerDown(event) {
    if (event.button > 1) return;
    this.tooltip.hidden = true;
    this.endConnecting("");
    const start = this.point(event);
    const out = event.target.closest(".ne-out"), item = event.target.closest("[data-id]");
    const edge = event.target.closest(".ne-edge"), fold = event.target.closest(".ne-fold");
    const several = event.shiftKey || event.ctrlKey || event.metaKey;
    const pan = { kind: "pan", start, view: { ...this.view } };
    event.preventDefault();         // no text selection, and the focus goes where we say

    if (event.button === 1) this.gesture = pan;
    else if (fold) this.toggleGroup(fold.parentNode.dataset.group);
    else if (out) this.gesture = { kind: "wire", start, port: Number(out.dataset.port), source: this.boxOf(out) };
    else if (item) this.pressItem(item.dataset.id, several, start);
    else if (edge) {
      const id = edge.dataset.edge;
      if (several) this.choose(this.selected, toggled(this.selectedEdges, id));
      else this.choose([], [id]);
    } else this.gesture = event.shiftKey ? { kind: "band", start } : pan;
    if (!item) canvasFocus(this.canvas);
  }

  pressItem(id, several, start) {
    if (several) this.choose(toggled(this.selected, id), this.selectedEdges);
    else if (!this.selected.has(id)) this.choose([id]);
    const moving = [...new Set([...this.selected].map((chosen) => this.owner.get(chosen)))];
    this.gesture = {
      kind: "move", start, id, alone: !several,
      from: moving.map((box) => [this.nodes.get(box), this.moved.get(box) ?? { x: 0, y: 0 }]),
    };
    this.focus(id);
  }

  boxOf(element) {
    return element.closest(".ne-node").querySelector(".ne-box").dataset.id;
  }

  pointerMove(event) {
    if (!this.gesture) return event.buttons || this.hover(event);
    const now = this.point(event);
    const gesture = this.gesture;
    gesture.last = event;
    if (!gesture.live) {
      if (Math.hypot(now.x - gesture.start.x, now.y - gesture.start.y) < 3) return;
      gesture.live = true;
      this.canvas.setPointerCapture(event.pointerId);
      this.root.dataset.gesture = gesture.kind;
    }
    // At most one drawing a frame, however many events there are.
    gesture.frame ??= requestAnimationFrame(() => {
      gesture.frame = undefined;
      if (this.gesture === gesture) this.follow(gesture, this.point(gesture.last));
    });
  }

  follow({ kind, start, view, from, source, port }, now) {
    const dx = now.x - start.x, dy = now.y - start.y;
    if (kind === "pan") {
      this.view = { k: view.k, x: view.x + dx, y: view.y + dy };
      this.touched = true;
      this.setView();
    } else if (kind === "move") {
      for (const [node, offset] of from) {
        this.shift(node, { x: offset.x + dx / this.view.k, y: offset.y + dy / this.view.k });
      }
    } else if (kind === "wire") {
      const node = this.nodes.get(source);
      const x = node.x + portX(node.data.w, port, node.data.tops.length);
      const end = { x: (now.x - this.view.x) / this.view.k, y: (now.y - this.view.y) / this.view.k };
      this.wire.setAttribute("d", curve(x, node.y + node.data.h, end.x, end.y));
    } else {
      this.band.setAttribute("visibility", "visible");
      this.band.setAttribute("x", Math.min(start.x, now.x));
      this.band.setAttribute("y", Math.min(start.y, now.y));
      this.band.setAttribute("width", Math.abs(dx));
      this.band.setAttribute("height", Math.abs(dy));
    }
  }

  /** Move a box by hand to this offset from where the layout put it. */
  shift(node, offset) {
    this.moved.set(node.data.id, offset);
    this.placeNode(node, node.data.x + offset.x, node.data.y + offset.y);
    for (const edge of [...node.ins, ...node.outs]) this.placeEdge(edge);
    const frame = this.frames.get(node.data.group);
    if (frame) this.placeFrame(frame);
  }

  pointerUp(event) {
    const gesture = this.gesture;
    if (!gesture) return;
    if (gesture.live) this.follow(gesture, this.point(event));
    this.endGesture();
    if (gesture.kind === "move") {
      if (gesture.live) this.drawMinimap();
      else if (gesture.alone && this.selected.size > 1) this.choose([gesture.id]);
    } else if (gesture.kind === "pan") {
      if (!gesture.live && (this.selected.size || this.selectedEdges.size)) this.choose([]);
    } else if (gesture.kind === "wire" && gesture.live) {
      const under = document.elementFromPoint(event.clientX, event.clientY);
      const port = under?.closest(".ne-in");
      const node = under?.closest(".ne-node");
      if (node && this.nodeLayer.contains(node)) {
        this.connect(gesture.source, gesture.port, this.boxOf(node), port ? Number(port.dataset.port) : undefined);
      } else this.say("Dropped beside any layer: nothing connected.");
    } else if (gesture.kind === "band" && gesture.live) {
      const a = gesture.start, b = this.point(event), { x, y, k } = this.view;
      const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)].map((edge) => (edge - x) / k);
      const [top, bottom] = [Math.min(a.y, b.y), Math.max(a.y, b.y)].map((edge) => (edge - y) / k);
      const inside = [...this.nodes.values()].filter((node) => node.x < right && node.y < bottom &&
        node.x + node.data.w > left && node.y + node.data.h > top);
      this.choose([...this.selected, ...inside.map((node) => node.data.id)], this.selectedEdges);
    }
  }

  endGesture() {
    this.gesture = null;
    delete this.root.dataset.gesture;
    this.wire.removeAttribute("d");
    this.band.setAttribute("visibility", "hidden");
  }

  doubleClick(event) {
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const id = under?.closest("[data-id]")?.dataset.id;
    const thing = id && this.thing(id);
    if (thing?.collapsed) this.toggleGroup(thing.group);
    else if (thing) this.startRename(id);
    else this.toggleGroup(under?.closest(".ne-frame")?.dataset.group);
  }

  /** Everything known about what is under the pointer, at once. */
  hover(event) {
    const id = event.target.closest("[data-id]")?.dataset.id;
    const edge = this.edges.get(event.target.closest(".ne-edge")?.dataset.edge);
    if (!id && !edge) {
      this.tooltip.hidden = true;
      return;
    }
    const lines = id ? this.cardLines(this.thing(id)) : [["", edgeSentence(edge.data)]];
    this.tooltip.replaceChildren(...lines.map(([className, text]) => {
      const line = html("div", className ? { class: className } : {});
      line.textContent = text;
      return line;
    }));
    this.tooltip.hidden = false;
    const { x, y } = this.point(event);
    const { width, height } = this.size();
    this.tooltip.style.left = `${clamp(x + 14, 4, Math.max(4, width - this.tooltip.offsetWidth - 4))}px`;
    this.tooltip.style.top = `${y + 18 + this.tooltip.offsetHeight < height
      ? y + 18 : Math.max(4, y - 10 - this.tooltip.offsetHeight)}px`;
  }

  cardLines(thing) {
    return [
      ["ne-card-title", describe(thing)],
      ["ne-card-error", thing.error], ["ne-card-warning", thing.warning],
      ["", thing.dimmed ? "not in this phase" : ""], ["", thing.note],
      ...thing.details.map((line) => ["", line]),
    ].filter(([, text]) => text);
  }

  // ---- keyboard -------------------------------------------------------------------------------------------

  keyDown(event) {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.altKey || (this.connecting && this.connectingKey(event))) return;
    const current = this.current();
    const node = this.nodes.get(this.owner.get(current));
    let used = true;
    if (command) {
      if (key === "z") this.send({ type: event.shiftKey ? "redo" : "undo" });
      else if (key === "y") this.send({ type: "redo" });
      else if (key === "f") this.openSearch();
      else if (key === "a") this.choose(this.nodes.keys());
      else if (key === "d" && this.selected.size) {
        this.expecting = true;
        this.send({ type: "duplicate", ids: [...this.selected] });
      } else used = false;
    } else if (key.startsWith("Arrow")) this.walk(key.slice(5), event.shiftKey);
    else if (key === "Delete" || key === "Backspace") this.removeSelection();
    else if (key === "Enter" || key === "F2") {
      if (node?.data.collapsed) this.toggleGroup(node.data.group);
      else this.startRename(current);
    } else if (key === " ") current && this.choose(toggled(this.selected, current), this.selectedEdges);
    else if (key === "Escape") this.gesture ? this.endGesture() : this.choose([]);
    else if (key === "/") this.openSearch();
    else if (key === "f") this.fit();
    else if (key === "a") this.openPalette();
    else if (key === "c") this.startConnecting(current);
    else if (key === "e") this.nextEdge(node);
    else if (key === "g") this.toggleGroup(node?.data.group);
    else if (key === "+" || key === "=") this.zoom(1.25);
    else if (key === "-") this.zoom(1 / 1.25);
    else used = false;
    if (used) event.preventDefault();
  }

  /** Walk with the data: down along an edge, up against it, sideways to the neighbour. */
  walk(direction, extend) {
    const from = this.current();
    const next = from === undefined ? this.graph.nodes[0]?.id : this.neighbour(from, direction);
    if (next === undefined) return this.say(from === undefined ? "The net is empty." : "Nothing further that way.");
    this.choose(extend ? [...this.selected, next] : [next]);
    this.focus(next);
  }

  neighbour(id, direction) {
    const node = this.nodes.get(this.owner.get(id));
    const chain = [node.data.id, ...node.data.folded.map((strip) => strip.id)];
    const at = chain.indexOf(id);
    const closest = (boxes) => boxes.sort((a, b) => Math.abs(a.x + a.data.w / 2 - node.x - node.data.w / 2) -
      Math.abs(b.x + b.data.w / 2 - node.x - node.data.w / 2))[0];
    if (direction === "Down") {
      return chain[at + 1] ?? closest(node.outs.map((edge) => this.nodes.get(edge.data.target)))?.data.id;
    }
    if (direction === "Up") {
      const above = closest(node.ins.map((edge) => this.nodes.get(edge.data.source)))?.data;
      return chain[at - 1] ?? (above && (above.folded.at(-1) ?? above).id);
    }
    const sign = direction === "Left" ? -1 : 1;
    const beside = [...this.nodes.values()].filter((other) => (other.x - node.x) * sign > 0 &&
      other.y < node.y + node.data.h + 30 && other.y + other.data.h > node.y - 30);
    return closest(beside)?.data.id;
  }

  nextEdge(node) {
    const edges = node ? [...node.ins, ...node.outs].map((edge) => edge.data.id) : [];
    if (!edges.length) return this.say("No edge here.");
    const at = edges.findIndex((id) => this.selectedEdges.has(id));
    this.choose([], [edges[(at + 1) % edges.length]]);
  }

  /** Keyboard connecting: choose a target with Tab or up and down, its bottom with left and right. */
  startConnecting(id) {
    const source = this.owner.get(id);
    if (!source) return this.say("Select the layer to connect from first.");
    const node = this.nodes.get(source);
    const targets = [...this.nodes.values()].filter((other) => !this.objection(source, other.data.id))
      .sort((a, b) => (a.y < node.y) - (b.y < node.y) || a.y - b.y || a.x - b.x).map((other) => other.data.id);
    if (!targets.length) {
      const other = this.graph.nodes.find((data) => data.id !== source)?.id ?? source;
      return this.say(this.objection(source, other), "error");
    }
    this.connecting = { source, port: 0, targets, at: 0, bottom: null };
    this.aim();
  }

  aim() {
    const { source, port, targets, at, bottom } = this.connecting;
    const from = this.nodes.get(source), to = this.nodes.get(targets[at]);
    this.reveal(targets[at]);
    for (const node of this.nodes.values()) node.g.classList.toggle("ne-target", node === to);
    const x = bottom === null ? to.data.w / 2 : portX(to.data.w, bottom, to.data.bottoms.length);
    this.wire.setAttribute("d", curve(
      from.x + portX(from.data.w, port, from.data.tops.length), from.y + from.data.h, to.x + x, to.y));
    const where = bottom === null ? "a new bottom" : `bottom ${bottom}, ${to.data.bottoms[bottom]}`;
    this.say(`Connect ${from.data.tops[port]} of ${source} to ${targets[at]}, ${where}: ` +
      "Enter connects, Tab and arrows choose, Escape leaves.");
  }

  connectingKey(event) {
    const wiring = this.connecting;
    const step = { Tab: event.shiftKey ? -1 : 1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    const side = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    event.preventDefault();
    if (event.key === "Enter") {
      const target = wiring.targets[wiring.at];
      this.endConnecting("");
      this.connect(wiring.source, wiring.port, target, wiring.bottom ?? undefined);
    } else if (event.key === "Escape") this.endConnecting("Not connected.");
    else if (event.key === "c") {
      wiring.port = (wiring.port + 1) % this.nodes.get(wiring.source).data.tops.length;
      this.aim();
    } else if (step) {
      wiring.at = (wiring.at + step + wiring.targets.length) % wiring.targets.length;
      wiring.bottom = null;
      this.aim();
    } else if (side) {
      const count = this.nodes.get(wiring.targets[wiring.at]).data.bottoms.length;
      const at = wiring.bottom === null ? count : wiring.bottom;      // a new bottom counts as the last
      const next = (at + side + count + 1) % (count + 1);
      wiring.bottom = next === count ? null : next;
      this.aim();
    }
    return true;
  }

  endConnecting(text) {
    if (!this.connecting) return;
    this.connecting = null;
    this.wire.removeAttribute("d");
    for (const node of this.nodes.values()) node.g.classList.remove("ne-target");
    this.say(text);
  }

  destroy() {
    this.observer.disconnect();
    this.root.replaceChildren();
    this.root.classList.remove("bb-editor", "ne-far");
    delete this.root.dataset.ready;
  }
}

/** The classes that say what state a box or a strip is in. */
function stateClasses(data) {
  return [
    `ne-${data.category}`, data.dimmed && "ne-dimmed", data.error && "ne-error",
    !data.error && data.warning && "ne-warning", data.collapsed && "ne-collapsed",
  ].filter(Boolean).join(" ");
}

/** Give an element the name and the state of its layer, for screen readers and for tests. */
function dress(element, data, className) {
  const attributes = {
    class: className, role: "button", "aria-roledescription": data.collapsed ? "group of layers" : "layer",
    "aria-label": `${describe(data)}${data.note ? `, ${data.note}` : ""}${data.dimmed ? ", not in this phase" : ""}`,
    "aria-description": [data.error && `error: ${data.error}`, data.warning && `warning: ${data.warning}`,
      ...data.details].filter(Boolean).join("; "),
    "data-id": data.id, "data-type": data.type, "data-error": data.error ?? "", "data-warning": data.warning ?? "",
  };
  for (const [name, value] of Object.entries(attributes)) {
    if (value === "" && name.startsWith("data-")) element.removeAttribute(name);
    else element.setAttribute(name, value);
  }
}

/** An exclamation mark on the corner: colour alone is not enough to mark an error. */
function badge(parent, x, y) {
  const g = svg("g", { class: "ne-badge", transform: `translate(${x} ${y})` }, parent);
  svg("circle", { r: 8 }, g);
  svg("path", { d: "M0 -4.5v5M0 3.2v1.3" }, g);
}

function curve(x1, y1, x2, y2) {
  const reach = Math.max(12, Math.abs(y2 - y1) / 2);
  return `M${x1} ${y1}C${x1} ${y1 + reach} ${x2} ${y2 - reach} ${x2} ${y2}`;
}

/** [left, top, right, bottom] around boxes, or null around none. */
function bounds(nodes) {
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (const { x, y, data } of nodes) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + data.w);
    bottom = Math.max(bottom, y + data.h);
  }
  return left === Infinity ? null : [left, top, right, bottom];
}

function edgeSentence({ blob, label, source, target }) {
  return `Blob ${blob}${label ? ` ${label}` : ""}, from ${source} to ${target}`;
}

function toggled(ids, id) {
  const result = new Set(ids);
  if (!result.delete(id)) result.add(id);
  return result;
}

function canvasFocus(canvas) {
  canvas.focus({ preventScroll: true });
}

/** Put an editor into an element. `options.height` is any CSS height. */
export function mount(element, adapter, options) {
  const editor = new Editor(element, adapter, options);
  return {
    update: (graph) => editor.update(graph),
    select: (ids) => editor.select(ids),
    say: (text, kind) => editor.say(text, kind),
    fit: () => editor.fit(),
    destroy: () => editor.destroy(),
  };
}

/** The Jupyter side: traits in, custom messages out. */
function render({ model, el }) {
  const root = html("div", {}, el);
  const editor = mount(root, {
    send(message) {
      if (message.type === "select") {
        model.set("selected", message.ids);
        model.save_changes();
      }
      model.send(message);
    },
  }, { height: model.get("height") });
  const onGraph = () => editor.update(model.get("graph"));
  const onSelected = () => editor.select(model.get("selected"));
  const onHeight = () => root.style.setProperty("--ne-height", model.get("height"));
  const onMessage = (message) => message.type === "say" && editor.say(message.text, message.kind);
  model.on("change:graph", onGraph);
  model.on("change:selected", onSelected);
  model.on("change:height", onHeight);
  model.on("msg:custom", onMessage);
  onGraph();
  onSelected();
  return () => {
    model.off("change:graph", onGraph);
    model.off("change:selected", onSelected);
    model.off("change:height", onHeight);
    model.off("msg:custom", onMessage);
    editor.destroy();
  };
}

export default { render };
