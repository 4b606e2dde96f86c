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
function around(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

// page/overlay.js
function spell(value, unit) {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return unit === "px" ? "all" : "∞";
  const prefixed = unit === "" || unit === "B";
  const [size, letter] = !prefixed || value < 1e3 ? [1, ""] : value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  const scaled = value / size, whole = Number.isInteger(scaled) && scaled < 1e4;
  const text = whole ? String(scaled) : scaled >= 1e-3 || !scaled ? String(Number(scaled.toPrecision(3))) : scaled.toExponential(1);
  return `${text}${letter || unit ? " " : ""}${letter}${unit}`;
}

// page/table.js
var HEIGHT = 22;
var SPARE = 10;
var OVERLAY = 9;
var COLUMNS = [
  { title: "layer", at: 1, help: "Name of the layer" },
  { title: "type", at: 2, help: "What it does" },
  { title: "shape", at: 3, help: "Shape of its first top" },
  { title: "params", at: 4, help: "Number of its parameters", unit: "" },
  { title: "MACs", at: 5, help: "Multiplications with an addition each, for one image", unit: "" },
  { title: "memory", at: 6, help: "Bytes of its tops for the whole batch; none where it works in place", unit: "B" },
  { title: "field", at: 7, help: "Pixels of the input that one value depends on" },
  { title: "stride", at: 8, help: "Pixels of the input between neighbours" }
];
function short(value, unit = "") {
  if (value === null || value === void 0) return "?";
  const [size, letter] = value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : value >= 1e3 ? [1e3, "k"] : [1, ""];
  const scaled = value / size;
  const text = size === 1 ? String(value) : scaled >= 100 ? scaled.toFixed(0) : scaled >= 10 ? scaled.toFixed(1) : scaled.toFixed(2);
  return value === 0 ? "" : `${text}${letter || unit ? " " : ""}${letter}${unit}`;
}
function weight(value) {
  if (typeof value === "number") return value;
  if (value === null || value === void 0) return -1;
  return value === "all" ? Infinity : parseFloat(value);
}
function sorted(rows, by) {
  if (!by) return rows;
  const { at, down } = by, textual = at <= 3, sign = down ? -1 : 1;
  const compare = (a, b) => textual ? String(a[at] ?? "").localeCompare(String(b[at] ?? ""), "en", { numeric: true }) : weight(a[at]) - weight(b[at]) || 0;
  return rows.toSorted((a, b) => sign * compare(a, b));
}
var total = (rows, at) => rows.reduce((sum, row) => sum + (typeof row[at] === "number" ? row[at] : 0), 0);
function mount(root, { send }) {
  root.classList.add("bb-pane", "bb-table");
  const frame = make("div", { class: "bb-table-frame", tabindex: 0, role: "grid", "aria-label": "Layers. Arrow keys choose a row." }, root);
  const head = make("div", { class: "bb-table-row bb-table-head", role: "row" }, frame);
  const body = make("div", { class: "bb-table-body", role: "rowgroup" }, frame);
  const foot = make("div", { class: "bb-table-row bb-table-foot", role: "row" }, frame);
  make("div", { role: "gridcell" }, foot);
  let rows = [];
  let shown = [];
  let by = null;
  let selected = /* @__PURE__ */ new Set();
  let request;
  let most = /* @__PURE__ */ new Map();
  let overlay = null;
  let columns = COLUMNS;
  let heads = [];
  function makeHeads() {
    root.classList.toggle("bb-table-more", columns.length > COLUMNS.length);
    head.replaceChildren();
    heads = columns.map(({ title, at, help }) => {
      const cell = make("div", { role: "columnheader", "aria-sort": "none" }, head);
      const button = make("button", { type: "button", title: `${help}; a click sorts`, text: title, "data-column": title }, cell);
      button.addEventListener("click", () => {
        by = by?.at !== at ? { at, down: at > 3 } : by.down === at > 3 ? { at, down: !by.down } : null;
        arrange();
      });
      return { cell, button, title, at };
    });
  }
  makeHeads();
  function refill() {
    if (by?.at === OVERLAY && !overlay) by = null;
    columns = overlay ? [COLUMNS[0], {
      title: overlay.title,
      at: OVERLAY,
      help: `${overlay.title}, by which the drawing is coloured`,
      unit: overlay.unit,
      sums: overlay.gather === "sum"
    }, ...COLUMNS.slice(1)] : COLUMNS;
    if (heads.map(({ title }) => title).join() !== columns.map(({ title }) => title).join()) makeHeads();
    rows = rows.map((row) => {
      const value = overlay?.values[String(row[0])];
      return [...row.slice(0, OVERLAY), ...overlay ? [value === void 0 ? void 0 : Number(value)] : []];
    });
    most = new Map(columns.filter(({ unit }) => unit !== void 0).map(({ at }) => [at, Math.max(...rows.map((row) => Number(row[at] ?? 0)).filter(Number.isFinite), 0)]));
    foot.replaceChildren(...columns.map(({ at, unit, sums }) => make("div", {
      role: "gridcell",
      class: unit !== void 0 ? "bb-number" : "",
      text: at === 1 ? `${rows.length} layers` : unit === void 0 || sums === false ? "" : at === OVERLAY ? spell(total(rows, at), unit) : short(total(rows, at), unit),
      title: unit !== void 0 && sums !== false ? total(rows, at).toLocaleString("en") : ""
    })));
    arrange();
  }
  function arrange() {
    shown = sorted(rows, by);
    for (const { cell, button, title, at } of heads) {
      const here = by?.at === at;
      cell.setAttribute("aria-sort", here ? by?.down ? "descending" : "ascending" : "none");
      button.textContent = here ? `${title} ${by?.down ? "▾" : "▴"}` : title;
    }
    draw();
  }
  function draw() {
    request = void 0;
    body.style.height = `${shown.length * HEIGHT}px`;
    const first = Math.max(0, Math.floor(frame.scrollTop / HEIGHT) - SPARE);
    const last = Math.min(shown.length, Math.ceil((frame.scrollTop + (frame.clientHeight || 400)) / HEIGHT) + SPARE);
    body.replaceChildren(...shown.slice(first, last).map((row, k) => {
      const on = selected.has(row[0]);
      const line = make("div", {
        class: "bb-table-row",
        role: "row",
        style: `top:${(first + k) * HEIGHT}px`,
        "data-index": row[0],
        "aria-selected": String(on)
      });
      for (const { at, unit } of columns) {
        const value = row[at], number = unit !== void 0;
        const text = at === OVERLAY ? value === void 0 ? "" : spell(Number(value), unit ?? "") : number ? short(
          /** @type {number | null} */
          value,
          unit
        ) : value ?? "?";
        const cell = make("div", { role: "gridcell", text, title: number ? Number(value ?? 0).toLocaleString("en") : text, class: number || at > 6 ? "bb-number" : "" }, line);
        const share = number && typeof value === "number" ? value / (most.get(at) || 1) : 0;
        if (share > 5e-3) cell.style.setProperty("--share", `${(100 * share).toFixed(1)}%`);
      }
      return line;
    }));
  }
  const redraw = () => {
    request ??= requestAnimationFrame(draw);
  };
  function choose(index) {
    selected = /* @__PURE__ */ new Set([index]);
    draw();
    send({ type: "select", index });
  }
  function reveal(index) {
    const at = shown.findIndex((row) => row[0] === index), top = at * HEIGHT;
    if (at < 0) return;
    const room = frame.clientHeight - 2 * HEIGHT;
    if (top < frame.scrollTop) frame.scrollTop = top;
    else if (top > frame.scrollTop + room) frame.scrollTop = top - room;
  }
  body.addEventListener("click", (event) => {
    const line = around(event, ".bb-table-row");
    if (line) choose(Number(line.dataset.index));
  });
  frame.addEventListener("scroll", redraw, { passive: true });
  frame.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -shown.length, End: shown.length }[event.key];
    if (!step || !shown.length || event.target !== frame) return;
    event.preventDefault();
    event.stopPropagation();
    const at = shown.findIndex((row) => selected.has(row[0]));
    const next = shown[Math.max(0, Math.min(shown.length - 1, at < 0 ? 0 : at + step))];
    choose(Number(next[0]));
    reveal(Number(next[0]));
  });
  const resized = new ResizeObserver(redraw);
  resized.observe(frame);
  return {
    /** @param {any} content */
    receive(content) {
      if (content.type === "rows") {
        rows = content.rows;
        refill();
      } else if (content.type === "overlay") {
        overlay = content.overlay;
        refill();
      } else if (content.type === "select") {
        selected = new Set(content.indices);
        draw();
        reveal(content.indices[0]);
      }
    },
    destroy() {
      resized.disconnect();
      if (request !== void 0) cancelAnimationFrame(request);
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

// page/table.entry.js
var table_entry_default = widget(mount);
export {
  table_entry_default as default,
  mount
};
