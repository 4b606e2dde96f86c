// @ts-check
// The table of a net: a row a layer, only those in sight as elements, sorted by any column.

import { around, make } from "./dom.js";
import { spell } from "./overlay.js";

const HEIGHT = 22; // pixels of a row; table.css says the same
const SPARE = 10; // rows above and below what is in sight
const OVERLAY = 9; // place of the overlay's figure in a row
/** @typedef {(number | string | null | undefined)[]} Row  index, name, type, shape, parameters, macs, activations, field, stride, overlay */
/** @typedef {{ title: string, at: number, help: string, unit?: string, sums?: boolean }} Column */

/** Column: title, place in a row, what it says. Those of numbers are summed, and drawn as shares of the largest. */
/** @type {Column[]} */
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
 * @param {number | null | undefined} value
 * @param {string} [unit]
 */
export function short(value, unit = "") {
  if (value === null || value === undefined) return "?";
  const [size, letter] = value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : value >= 1e3 ? [1e3, "k"] : [1, ""];
  const scaled = value / size;
  const text = size === 1 ? String(value) : scaled >= 100 ? scaled.toFixed(0) : scaled >= 10 ? scaled.toFixed(1) : scaled.toFixed(2);
  return value === 0 ? "" : `${text}${letter || unit ? " " : ""}${letter}${unit}`;
}

/** What a cell is sorted by: a number where it begins with one, "all" above all. @param {number | string | null | undefined} value */
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
  /** @type {import("./overlay.js").Overlay | null} */
  let overlay = null;
  let columns = COLUMNS;
  /** @type {{ cell: HTMLElement, button: HTMLElement, title: string, at: number }[]} */
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

  /** Show rows and overlay anew, with sums and heads. */
  function refill() {
    if (by?.at === OVERLAY && !overlay) by = null;
    columns = overlay ? [COLUMNS[0], {
      title: overlay.title, at: OVERLAY, help: `${overlay.title}, by which the drawing is coloured`, unit: overlay.unit, sums: overlay.gather === "sum",
    }, ...COLUMNS.slice(1)] : COLUMNS;
    if (heads.map(({ title }) => title).join() !== columns.map(({ title }) => title).join()) makeHeads();
    rows = rows.map((row) => {
      const value = overlay?.values[String(row[0])];
      return [...row.slice(0, OVERLAY), ...(overlay ? [value === undefined ? undefined : Number(value)] : [])];
    });
    most = new Map(columns.filter(({ unit }) => unit !== undefined).map(({ at }) => [at, Math.max(...rows.map((row) => Number(row[at] ?? 0)).filter(Number.isFinite), 0)]));
    foot.replaceChildren(...columns.map(({ at, unit, sums }) => make("div", {
      role: "gridcell",
      class: unit !== undefined ? "bb-number" : "",
      text: at === 1 ? `${rows.length} layers` : unit === undefined || sums === false ? "" : at === OVERLAY ? spell(total(rows, at), unit) : short(total(rows, at), unit),
      title: unit !== undefined && sums !== false ? total(rows, at).toLocaleString("en") : "",
    })));
    arrange();
  }

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
      for (const { at, unit } of columns) {
        const value = row[at], number = unit !== undefined;
        const text = at === OVERLAY ? (value === undefined ? "" : spell(Number(value), unit ?? ""))
          : number ? short(/** @type {number | null} */ (value), unit) : (value ?? "?");
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
      if (request !== undefined) cancelAnimationFrame(request);
    },
  };
}
