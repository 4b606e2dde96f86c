// Made by build.mjs from page/: change the sources there, then `npm run build`.
// page/dom.js
var SHOWN = /* @__PURE__ */ new Set(["title", "aria-label", "aria-description"]);
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

// page/runs.js
function summaryOf(runs) {
  const shown = runs.filter((run) => run.shown).length;
  return `runs: ${runs.length}${shown ? `, ${shown} beside` : ""}`;
}
function makeRuns(parent, ask) {
  const box = make("details", { class: "bb-runs", hidden: "" }, parent);
  const summary = make("summary", {}, box);
  const list = make("div", { class: "bb-runs-list", role: "group", "aria-label": "Runs" }, box);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    box.removeAttribute("open");
    summary.focus();
  });
  function row(run) {
    const line = make("div", { class: "bb-run", "data-run": run.name }, list);
    const show = make("input", { type: "checkbox", "aria-label": `Draw ${printable(run.name)}` }, line);
    show.checked = run.shown !== false;
    show.disabled = run.shown === null;
    show.addEventListener("change", () => ask("show", run.name, show.checked));
    const field = (what, value, label) => {
      const input = make("input", { type: "text", value, "aria-label": label, title: label, "data-run-field": what }, line);
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") input.blur();
        if (event.key === "Escape") input.value = value;
      });
      input.addEventListener("change", () => ask(what, run.name, input.value));
      return input;
    };
    field("rename", run.name, "Name of the run, of its folder too");
    make("span", { class: "bb-run-about", text: printable(run.about) }, line);
    field("note", run.notes, "Notes").placeholder = "notes";
    const button = (what, text, title) => {
      const element = make("button", { type: "button", text, title, "data-run-ask": what }, line);
      element.addEventListener("click", () => ask(what, run.name));
      return element;
    };
    button("csv", "CSV", "Download its curves as one table");
    button("resume", "go on", "Go on with this run from its last state").disabled = run.shown === null || !run.can_resume;
    button("remove", "delete", "Delete this run with its folder").disabled = run.shown === null;
  }
  return (runs) => {
    box.toggleAttribute("hidden", !runs.length);
    summary.textContent = summaryOf(runs);
    if (list.contains(document.activeElement) && document.activeElement?.matches("input[type=text]")) return;
    list.replaceChildren();
    for (const run of [...runs].reverse()) row(run);
  };
}
function download(name, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1e3);
}

// page/curves.js
var NAMES = ["x", "y", "smooth", "rate"];
function columns(buffer) {
  const bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
  const numbers = new Float64Array(bytes);
  const count = numbers.length / NAMES.length;
  return Object.fromEntries(NAMES.map((name, i) => [name, Array.from(numbers.subarray(i * count, (i + 1) * count))]));
}
var page = (
  /** @type {any} */
  window
);
var loaded = (version) => page.Bokeh?.[version] ?? (page.Bokeh?.version === version ? page.Bokeh : void 0);
var loading = page.brewbenchBokeh ??= /* @__PURE__ */ new Map();
function mount(root, { send }) {
  root.classList.add("bb-pane", "bb-curves");
  const holder = make("div", { class: "bb-curves-plot", role: "img", "aria-label": "Curves" }, root);
  const empty = make("div", { class: "bb-curves-empty", text: "No points yet." }, root);
  const status = make("div", { class: "bb-status" }, root);
  const logLabel = make("label", {}, status);
  const log = make("input", { type: "checkbox", class: "bb-log" }, logLabel);
  logLabel.append("logarithmic");
  const showRuns = makeRuns(status, (ask, name, ...arguments_) => send({ type: "run", ask, name, arguments: arguments_ }));
  const message = make("output", { "aria-live": "polite" }, status);
  let bokeh = null;
  let gotScript = null;
  let shown = null;
  let waiting = null;
  let gone = false;
  function say(text, kind = "error") {
    message.textContent = text;
    message.title = text;
    message.className = text ? `bb-${kind}` : "";
  }
  async function library(version) {
    while (!gone) {
      if (loaded(version)) return loaded(version);
      if (!loading.has(version)) {
        loading.set(
          version,
          /** @type {Promise<void>} */
          new Promise((resolve) => {
            gotScript = (text) => {
              const script = make("script");
              script.textContent = text;
              document.head.append(script);
              script.remove();
              gotScript = null;
              resolve();
            };
            send({ type: "script" });
          }).finally(() => loading.delete(version))
        );
      }
      await loading.get(version);
    }
    return null;
  }
  const open = () => send({ type: "open", log: log.checked });
  async function showFigure(item) {
    const queue = waiting = [];
    clear();
    empty.hidden = !!item;
    if (item) {
      const target = make("div", { id: `bb-${Math.random().toString(36).slice(2)}` });
      holder.replaceChildren(target);
      const views = await bokeh.embed.embed_item({ ...item, target_id: target.id }, target);
      const figure = [...views][0].model;
      if (waiting !== queue) {
        remove({ figure, views });
        return;
      }
      const sources = /* @__PURE__ */ new Map();
      for (const model of figure.references()) if (model.type === "ColumnDataSource") sources.set(model.name, model);
      shown = { figure, sources, views };
      paint();
    }
    waiting = null;
    for (const [content, buffers] of queue) if (content.type === "marks") takeMarks(content);
    else takePoints(content, buffers);
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
          axis_label_text_color: text,
          major_label_text_color: quiet,
          axis_line_color: line,
          major_tick_line_color: line,
          minor_tick_line_color: null,
          axis_label_text_font: font,
          major_label_text_font: font,
          axis_label_text_font_style: "normal",
          axis_label_text_font_size: "12px"
        });
      } else if (model.type === "Grid") model.setv({ grid_line_color: line, grid_line_alpha: 0.6 });
      else if (model.type === "Legend") {
        model.setv({
          label_text_color: text,
          label_text_font: font,
          label_text_font_size: "12px",
          background_fill_color: back,
          background_fill_alpha: 0,
          border_line_color: null,
          inactive_fill_color: back,
          inactive_fill_alpha: 0.7,
          padding: 0,
          margin: 2
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
    else if (content.type === "reopen") {
      if (bokeh) open();
    } else if (content.type === "runs") showRuns(content.runs);
    else if (content.type === "file") download(content.name, content.text);
    else if (content.type === "marks") takeMarks(content);
    else if (content.type === "append" || content.type === "replace") takePoints(content, buffers);
    else if (content.type === "say") say(content.text, content.kind);
  }
  return {
    receive: (content, buffers) => receive(content, buffers).catch((error) => say(String(error))),
    destroy() {
      gone = true;
      gotScript?.("");
      theme.disconnect();
      if (bokeh) clear();
    }
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

// page/curves.entry.js
var curves_entry_default = widget(mount);
export {
  curves_entry_default as default,
  mount
};
