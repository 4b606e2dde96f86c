// @ts-check
// The net editor: draws the graph it is given and says what the user wants done to it.
//
// Whoever owns the net answers an intent with another graph. Only what concerns the view lives here: zoom, pan, boxes
// moved by hand, the selection. The parts: model.js (the graph, without a page), drawing.js, minimap.js, card.js,
// toolbar.js, chooser.js, palette.js, menu.js and matching.js (lists to pick from), renamer.js, gestures.js (pointer),
// keys.js and wiring.js (keyboard), geometry.js (plane geometry).

import { make, printable, takesText } from "../dom.js";
import { Card } from "./card.js";
import { Chooser } from "./chooser.js";
import { Drawing } from "./drawing.js";
import { inSight, keptWhole, openingView, revealed, wholeView, zoomed } from "./geometry.js";
import { Gestures } from "./gestures.js";
import { keyDown } from "./keys.js";
import { openMenu } from "./menu.js";
import { Minimap } from "./minimap.js";
import { Model, edgeSentence, sentence } from "./model.js";
import { findable, openPalette, openSearch } from "./palette.js";
import { keep, paste } from "./clipboard.js";
import { download } from "./download.js";
import { OverlayBar } from "./overlay.js";
import { makeRenamer, rename } from "./renamer.js";
import { Sheet } from "./sheet.js";
import { Toolbar } from "./toolbar.js";
import { Wiring } from "./wiring.js";

/** @typedef {import("./geometry.js").View} View */
/** @typedef {import("../messages.js").Graph} Graph */

const VAST = 2.5; // a net that is so many times as high or wide as what is in sight has an overview

export class Editor {
  /**
   * @param {HTMLElement} root
   * @param {import("../messages.js").Adapter} adapter
   */
  constructor(root, adapter) {
    this.root = root;
    this.adapter = adapter;
    this.model = new Model();
    /** @type {View} */
    this.view = { x: 0, y: 0, k: 1 };
    this.touched = false; // whether the user moved the view
    this.finding = false; // whether the next selection from the kernel is what was searched for
    this.expecting = false; // whether the next layer that is new is what the user asked for
    /** @type {Set<string> | null} */
    this.awaiting = null; // the layers before several were asked for: the one selected then gets the focus
    /** @type {Set<string> | null} */
    this.overtaken = null; // the same, once the user selected something else meanwhile: that stays selected
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
      if (!canvas.contains(/** @type {Node | null} */ (relatedTarget))) this.wiring.end("");
    });
    root.addEventListener("paste", (event) => paste(this, event));
    root.addEventListener("bb-focus", () => this.drawing.focus(this.current())); // the form is left
    // JupyterLab's own keys stay out of the editor: it asks whatever has the focus, not what is around it.
    root.dataset.lmSuppressShortcuts = "true";
    root.addEventListener("focusin", ({ target }) => {
      if (target instanceof Element) target.setAttribute("data-lm-suppress-shortcuts", "true");
    });
    // Keys of the toolbar and the panels are nobody else's business either.
    root.addEventListener("keydown", (event) => {
      event.stopPropagation();
      const inToolbar = event.target instanceof Node && this.toolbar.element.contains(event.target);
      if (inToolbar && !takesText(event.target) && ![" ", "Enter", "Tab"].includes(event.key)) keyDown(this, event);
    });
    // An editor in a hidden tab has no size; its net is shown when it gets one.
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
    const anchor = first ? undefined : this.anchor();
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
    if (focused !== undefined && drawing.focused() === undefined) drawing.focus(renamed.get(focused) ?? focused);
  }

  /** The box that must not move under the user's eyes: the selected one, else the one nearest the middle. */
  anchor() {
    const { width, height } = this.drawing.size();
    const { x, y, k } = this.view;
    const seen = [...this.model.boxes.values()].filter((box) => {
      const left = box.x * k + x, top = box.y * k + y;
      return left < width && top < height && left + box.w * k > 0 && top + box.h * k > 0;
    });
    const distance = (/** @type {import("./model.js").Box} */ box) => Math.hypot(box.x * k + x - width / 2, box.y * k + y - height / 2);
    const box = seen.find((each) => this.model.selected.has(each.data.id)) ?? seen.sort((a, b) => distance(a) - distance(b))[0];
    return box && { id: box.data.id, x: box.x, y: box.y };
  }

  /** Keep a box where it was in the page, and the whole net in sight if it was. @param {{ id: string, x: number, y: number }} anchor @param {boolean} whole */
  hold(anchor, whole) {
    const box = this.model.boxes.get(anchor.id), around = this.model.bounds(), { view } = this;
    if (box) this.view = { k: view.k, x: view.x + (anchor.x - box.x) * view.k, y: view.y + (anchor.y - box.y) * view.k };
    if (whole && around && !inSight(this.view, around, this.drawing.size())) {
      this.view = keptWhole(this.view, around, this.drawing.size()) ?? this.view;
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
    const around = this.model.bounds(), { k } = this.view;
    return around !== null && ((around[2] - around[0]) * k > VAST * width || (around[3] - around[1]) * k > VAST * height);
  }

  /** Look through another view, as the user asks. @param {View} view */
  lookFrom(view) {
    this.view = view;
    this.touched = true;
    this.show();
  }

  /** The first look: all of a small net, else the top of it, large enough to read. */
  open() {
    const around = this.model.bounds(), first = this.model.boxes.get(this.model.graph.nodes[0]?.id);
    if (!around || !first) return;
    this.minimap.show(this.isVast({ width: this.stage.clientWidth, height: this.stage.clientHeight }));
    const size = this.drawing.size();
    if (!size.width || !size.height) return;
    this.view = openingView(around, size, first.x + first.w / 2);
    this.show();
    this.root.dataset.ready = "true";
  }

  fit() {
    this.minimap.show(false);
    const around = this.model.bounds(), size = this.drawing.size();
    if (around && size.width && size.height) this.lookFrom(wholeView(around, size));
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
  choose(ids, edges = []) {
    const { model } = this;
    if (this.awaiting) [this.overtaken, this.awaiting] = [this.awaiting, null];
    model.selected = new Set(ids);
    model.selectedEdges = new Set(edges);
    this.drawing.paintSelection();
    this.send({ type: "select", ids: [...model.selected], edges: [...model.selectedEdges] });
    const [id] = model.selected, [edge] = model.selectedEdges, thing = model.thing(id), wire = model.edges.get(edge);
    const count = model.selected.size + model.selectedEdges.size;
    if (count > 1) this.say(`${count} selected`);
    else this.say(thing ? sentence(thing) : wire ? edgeSentence(wire.data) : "");
  }

  /** Select without telling: the other side said so. @param {string[]} ids */
  select(ids) {
    const { model } = this, known = ids.filter((id) => model.owner.has(id));
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
    return focused !== undefined && this.model.owner.has(focused) ? focused : [...this.model.selected].at(-1);
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
}

/**
 * Put an editor into an element.
 * @param {HTMLElement} root
 * @param {import("../messages.js").Adapter} adapter
 */
export function mount(root, adapter) {
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
    editor,
  };
}
