// @ts-check
// The curves: a Bokeh figure in the colours of the page, fed point by point.

import { make } from "./dom.js";
import { download, makeRuns } from "./runs.js";

const NAMES = ["x", "y", "smooth", "rate"];

/** The columns in a buffer of float64: one row after the other. */
export function columns(buffer) {
  const bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
  const numbers = new Float64Array(bytes);
  const count = numbers.length / NAMES.length;
  return Object.fromEntries(NAMES.map((name, i) => [name, Array.from(numbers.subarray(i * count, (i + 1) * count))]));
}

const page = /** @type {any} */ (window);
const loaded = (version) => page.Bokeh?.[version] ?? (page.Bokeh?.version === version ? page.Bokeh : undefined);
const loading = (page.brewbenchBokeh ??= new Map()); // version -> promise, for all panes of the page

export function mount(root, { send }) {
  root.classList.add("bb-pane", "bb-curves");
  const holder = make("div", { class: "bb-curves-plot", role: "img", "aria-label": "Curves" }, root);
  const empty = make("div", { class: "bb-curves-empty", text: "No points yet." }, root);
  const status = make("div", { class: "bb-status" }, root);
  const logLabel = make("label", {}, status);
  const log = make("input", { type: "checkbox", class: "bb-log" }, logLabel);
  logLabel.append("logarithmic");
  const showRuns = makeRuns(status, (ask, name, ...arguments_) => send({ type: "run", ask, name, arguments: arguments_ }));
  const message = make("output", { "aria-live": "polite" }, status);

  /** @type {any} */
  let bokeh = null;
  /** @type {any} */
  let gotScript = null; // called with the library's text
  /** @type {any} */
  let shown = null; // {figure, sources, views} of the figure in the page
  /** @type {any} */
  let waiting = null; // messages that came while a figure was being built
  let gone = false;

  function say(text, kind = "error") {
    message.textContent = text;
    message.title = text;
    message.className = text ? `bb-${kind}` : "";
  }

  /** BokehJS of the right version: the page's, another pane's, or from the kernel. */
  async function library(version) {
    while (!gone) {
      if (loaded(version)) return loaded(version);
      if (!loading.has(version)) {
        loading.set(version, /** @type {Promise<void>} */ (new Promise((resolve) => {
          gotScript = (text) => {
            const script = make("script");
            script.textContent = text;
            document.head.append(script);
            script.remove();
            gotScript = null;
            resolve();
          };
          send({ type: "script" });
        })).finally(() => loading.delete(version)));
      }
      await loading.get(version);
    }
    return null;
  }

  const open = () => send({ type: "open", log: log.checked });

  async function showFigure(item) {
    const queue = (waiting = []);
    clear();
    empty.hidden = !!item;
    if (item) {
      const target = make("div", { id: `bb-${Math.random().toString(36).slice(2)}` });
      holder.replaceChildren(target);
      const views = await bokeh.embed.embed_item({ ...item, target_id: target.id }, target);
      const figure = [...views][0].model;
      if (waiting !== queue) { // another figure has overtaken this one
        remove({ figure, views });
        return;
      }
      const sources = new Map();
      for (const model of figure.references()) if (model.type === "ColumnDataSource") sources.set(model.name, model);
      shown = { figure, sources, views };
      paint();
    }
    waiting = null;
    for (const [content, buffers] of queue) if (content.type === "marks") takeMarks(content); else takePoints(content, buffers);
  }

  function remove({ figure, views }) {
    const at = bokeh.documents.indexOf(figure.document);
    for (const view of [...views]) view.remove();
    if (at >= 0) bokeh.documents.splice(at, 1);
  }

  function clear() {
    if (shown) remove(shown);
    shown = null;
    holder.replaceChildren();
  }

  function takePoints(content, buffers) {
    if (waiting) {
      waiting.push([content, buffers]);
      return;
    }
    const source = shown?.sources.get(content.series);
    if (!source) return;
    const points = columns(buffers[0]);
    if (content.type === "append") source.stream(points);
    else source.data = points;
    root.dataset.points = source.get_length();
  }

  function takeMarks(content) {
    if (waiting) waiting.push([content]);
    else if (shown) shown.sources.get("marks").data = content.columns;
  }

  /** Bring the figure into the colours of the page. */
  function paint() {
    if (!shown) return;
    const style = getComputedStyle(root);
    const colour = (name) => style.getPropertyValue(name).trim();
    const [text, quiet, line, back] = ["--bb-text", "--bb-text-2", "--bb-line", "--bb-back"].map(colour);
    const font = style.getPropertyValue("--bb-font").trim() || "sans-serif";
    for (const model of shown.figure.references()) {
      if (model.type === "Figure") {
        model.setv({ background_fill_color: back, border_fill_color: back, outline_line_color: line });
      } else if (/Axis$/.test(model.type)) {
        model.setv({
          axis_label_text_color: text, major_label_text_color: quiet, axis_line_color: line, major_tick_line_color: line,
          minor_tick_line_color: null, axis_label_text_font: font, major_label_text_font: font, axis_label_text_font_style: "normal",
          axis_label_text_font_size: "12px",
        });
      } else if (model.type === "Grid") model.setv({ grid_line_color: line, grid_line_alpha: 0.6 });
      else if (model.type === "Legend") {
        model.setv({
          label_text_color: text, label_text_font: font, label_text_font_size: "12px", background_fill_color: back, background_fill_alpha: 0,
          border_line_color: null, inactive_fill_color: back, inactive_fill_alpha: 0.7, padding: 0, margin: 2,
        });
      }
    }
  }

  log.addEventListener("change", open);
  const theme = new MutationObserver(() => requestAnimationFrame(paint));
  theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light", "class", "style"] });

  async function receive(content, buffers) {
    if (content.type === "library") {
      bokeh = await library(content.version);
      if (bokeh) open();
    } else if (content.type === "script") gotScript?.(new TextDecoder().decode(buffers[0]));
    else if (content.type === "figure") await showFigure(content.item);
    else if (content.type === "reopen") { if (bokeh) open(); }
    else if (content.type === "runs") showRuns(content.runs);
    else if (content.type === "file") download(content.name, content.text);
    else if (content.type === "marks") takeMarks(content);
    else if (content.type === "append" || content.type === "replace") takePoints(content, buffers);
    else if (content.type === "say") say(content.text, content.kind);
  }

  return {
    receive: (content, buffers) => receive(content, buffers).catch((error) => say(String(error))),
    destroy() {
      gone = true;
      gotScript?.(""); // whoever waits for it asks for itself
      theme.disconnect();
      if (bokeh) clear();
    },
  };
}
