// @ts-check
// The table of a net: a row a layer, only those in sight as elements, sorted by any column.

import { around, make } from "./dom.js";

const HEIGHT = 22; // pixels of a row; table.css says the same
const SPARE = 10; // rows above and below what is in sight
/** @typedef {(number | string | null)[]} Row  index, name, type, shape, parameters, macs, activations, field, stride */

/** Column: title, place in a row, what it says. Those of numbers are summed, and drawn as shares of the largest. */
const COLUMNS = [
  { title: "layer", at: 1, help: "Name of the layer" },
  { title: "type", at: 2, help: "What it does" },
  { title: "shape", at: 3, help: "Shape of its first top" },
  { title: "params", at: 4, help: "Number of its parameters", unit: "" },
  { title: "MACs", at: 5, help: "Multiplications with an addition each, for one image", unit: "" },
  { title: "memory", at: 6, help: "Bytes of its tops for the whole batch; none where it works in place", unit: "B" },
  { title: "field", at: 7, help: "Pixels of the input that one value depends on" },
  { title: "stride", at: 8, help: "Pixels of the input between neighbours" },
];

/**
 * A number in a few characters: 1.2 M, 34 k.
 * @param {number | null} value
 * @param {string} [unit]
 */
export function short(value, unit = "") {
  if (value === null || value === undefined) return "?";
  const [size, letter] = value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : value >= 1e3 ? [1e3, "k"] : [1, ""];
  const scaled = value / size;
  const text = size === 1 ? String(value) : scaled >= 100 ? scaled.toFixed(0) : scaled >= 10 ? scaled.toFixed(1) : scaled.toFixed(2);
  return value === 0 ? "" : `${text}${letter || unit ? " " : ""}${letter}${unit}`;
}

/** What a cell is sorted by: a number where it begins with one, "all" above all. @param {number | string | null} value */
function weight(value) {
  if (typeof value === "number") return value;
  if (value === null || value === undefined) return -1;
  return value === "all" ? Infinity : parseFloat(value);
}

/**
 * The rows in another order; equal ones stay as they are in the text.
 * @param {Row[]} rows
 * @param {{ at: number, down: boolean } | null} by
 */
export function sorted(rows, by) {
  if (!by) return rows;
  const { at, down } = by, textual = at <= 3, sign = down ? -1 : 1;
  const compare = (/** @type {Row} */ a, /** @type {Row} */ b) => (textual
    ? String(a[at] ?? "").localeCompare(String(b[at] ?? ""), "en", { numeric: true })
    : weight(a[at]) - weight(b[at]) || 0);
  return rows.toSorted((a, b) => sign * compare(a, b));
}

/** The sum of a column, of what is known. @param {Row[]} rows @param {number} at */
export const total = (rows, at) => rows.reduce((sum, row) => sum + (typeof row[at] === "number" ? row[at] : 0), 0);

/** @param {HTMLElement} root @param {import("./messages.js").Adapter} adapter */
export function mount(root, { send }) {
  root.classList.add("bb-pane", "bb-table");
  const frame = make("div", { class: "bb-table-frame", tabindex: 0, role: "grid", "aria-label": "Layers. Arrow keys choose a row." }, root);
  const head = make("div", { class: "bb-table-row bb-table-head", role: "row" }, frame);
  const body = make("div", { class: "bb-table-body", role: "rowgroup" }, frame);
  const foot = make("div", { class: "bb-table-row bb-table-foot", role: "row" }, frame);
  make("div", { role: "gridcell" }, foot);
  /** @type {Row[]} */
  let rows = [];
  /** @type {Row[]} */
  let shown = [];
  /** @type {{ at: number, down: boolean } | null} */
  let by = null;
  let selected = new Set();
  /** @type {number | undefined} */
  let request;
  let most = new Map();

  const heads = COLUMNS.map(({ title, at, help }) => {
    const cell = make("div", { role: "columnheader", "aria-sort": "none" }, head);
    const button = make("button", { type: "button", title: `${help}; a click sorts`, text: title, "data-column": title }, cell);
    button.addEventListener("click", () => {
      by = by?.at !== at ? { at, down: at > 3 } : by.down === at > 3 ? { at, down: !by.down } : null;
      arrange();
    });
    return { cell, button, title, at };
  });

  function arrange() {
    shown = sorted(rows, by);
    for (const { cell, button, title, at } of heads) {
      const here = by?.at === at;
      cell.setAttribute("aria-sort", here ? (by?.down ? "descending" : "ascending") : "none");
      button.textContent = here ? `${title} ${by?.down ? "▾" : "▴"}` : title;
    }
    draw();
  }

  function draw() {
    request = undefined;
    body.style.height = `${shown.length * HEIGHT}px`;
    const first = Math.max(0, Math.floor(frame.scrollTop / HEIGHT) - SPARE);
    const last = Math.min(shown.length, Math.ceil((frame.scrollTop + (frame.clientHeight || 400)) / HEIGHT) + SPARE);
    body.replaceChildren(...shown.slice(first, last).map((row, k) => {
      const on = selected.has(row[0]);
      const line = make("div", {
        class: "bb-table-row", role: "row", style: `top:${(first + k) * HEIGHT}px`, "data-index": row[0], "aria-selected": String(on),
      });
      for (const { at, unit } of COLUMNS) {
        const value = row[at], number = unit !== undefined;
        const text = number ? short(/** @type {number | null} */ (value), unit) : (value ?? "?");
        const cell = make("div", { role: "gridcell", text, title: number ? Number(value ?? 0).toLocaleString("en") : text, class: number || at > 6 ? "bb-number" : "" }, line);
        const share = number && typeof value === "number" ? value / (most.get(at) || 1) : 0;
        if (share > 0.005) cell.style.setProperty("--share", `${(100 * share).toFixed(1)}%`);
      }
      return line;
    }));
  }
  const redraw = () => { request ??= requestAnimationFrame(draw); };

  /** @param {number} index */
  function choose(index) {
    selected = new Set([index]);
    draw();
    send({ type: "select", index });
  }

  /** @param {number | undefined} index */
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
        most = new Map(COLUMNS.filter(({ unit }) => unit !== undefined).map(({ at }) => [at, Math.max(...rows.map((row) => Number(row[at] ?? 0)), 0)]));
        foot.replaceChildren(...COLUMNS.map(({ at, unit }) => make("div", {
          role: "gridcell",
          class: unit !== undefined ? "bb-number" : "",
          text: at === 1 ? `${rows.length} layers` : unit !== undefined ? short(total(rows, at), unit) : "",
          title: unit !== undefined ? total(rows, at).toLocaleString("en") : "",
        })));
        arrange();
      } else if (content.type === "select") {
        selected = new Set(content.indices);
        draw();
        reveal(content.indices[0]);
      }
    },
    destroy() {
      resized.disconnect();
      if (request !== undefined) cancelAnimationFrame(request);
    },
  };
}
