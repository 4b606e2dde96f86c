// @ts-check
// The explainer: choices above, the image and its explanation below, with the scale that its colours are read by.

import { make, takesText } from "./dom.js";

/** @typedef {{ title: string, kind: string, low: string, high: string, width: number, height: number }} Shown */
/** @typedef {{ method: string, blob: string, unit: number, layer: string }} Chosen */

const SCALES = { signed: "against, 0, for", heat: "none to most", colour: "negative, 0, positive" };

/**
 * The neighbour of a choice in a list, its ends closed.
 * @template T
 * @param {T[]} list
 * @param {T} now
 * @param {number} by
 * @returns {T}
 */
export const stepped = (list, now, by) => list[Math.min(list.length - 1, Math.max(0, list.indexOf(now) + by))] ?? now;

/** @param {HTMLElement} root @param {import("./messages.js").Adapter} adapter */
export function mount(root, { send }) {
  root.classList.add("bb-pane", "bb-explainer");
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Explanations. Left and right choose a unit, up and down a blob, Enter explains.");
  const bar = make("div", { class: "bb-explainer-bar" }, root);
  /** @param {string} text @param {string} title */
  const chooser = (text, title) => make("select", { "aria-label": title, title }, make("label", { text }, bar));
  const method = chooser("How", "Method");
  const blob = chooser("Blob", "Blob whose unit is explained (up and down arrow keys)");
  const units = chooser("Unit", "Units with the largest values");
  const unit = make("input", { type: "number", min: 0, "aria-label": "Unit by its number (left and right arrow keys)", title: "Unit by its number (left and right arrow keys)" }, units.parentElement);
  const layer = chooser("At", "Layer of Grad-CAM");
  const explain = make("button", { type: "button", text: "Explain", title: "Compute it (Enter)" }, bar);
  const stop = make("button", { type: "button", text: "Stop", title: "Stop what runs (Escape)", disabled: "" }, bar);
  const look = make("button", { type: "button", text: "Look again", title: "Take the image and the weights that the net has now" }, bar);
  const figures = make("div", { class: "bb-explainer-figures", tabindex: 0, role: "group", "aria-label": "Pictures" }, root);
  const status = make("div", { class: "bb-status" }, root);
  const progress = make("progress", { hidden: "", "aria-label": "Progress" }, status);
  const line = make("output", {}, status);
  /** @type {Chosen} */
  let chosen = { method: "", blob: "", unit: 0, layer: "" };
  /** @type {[string, number][]} */
  let blobs = [];
  /** @type {string[]} */
  let addresses = [];

  /** @param {HTMLSelectElement} select @param {[string, string][]} options @param {string} value */
  function fill(select, options, value) {
    select.replaceChildren(...options.map(([name, text]) => make("option", { value: name, text })));
    select.value = value;
  }

  /** @param {Partial<Chosen>} change */
  const choose = (change) => {
    chosen = { ...chosen, ...change };
    send({ type: "choose", ...chosen });
  };

  method.addEventListener("change", () => choose({ method: method.value }));
  blob.addEventListener("change", () => choose({ blob: blob.value }));
  units.addEventListener("change", () => choose({ unit: Number(units.value) }));
  unit.addEventListener("change", () => choose({ unit: Math.max(0, Math.floor(Number(unit.value))) || 0 }));
  layer.addEventListener("change", () => choose({ layer: layer.value }));
  explain.addEventListener("click", () => send({ type: "explain" }));
  stop.addEventListener("click", () => send({ type: "stop" }));
  look.addEventListener("click", () => send({ type: "refresh" }));
  root.addEventListener("keydown", (event) => {
    if (takesText(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const count = blobs.find(([name]) => name === chosen.blob)?.[1] ?? 1;
    const across = { ArrowLeft: count - 1, ArrowRight: 1 }[event.key], down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (across !== undefined) choose({ unit: (chosen.unit + across) % count });
    else if (down !== undefined) choose({ blob: stepped(blobs.map(([name]) => name), chosen.blob, down) });
    else if (event.key === "Enter" && (event.target === root || event.target === figures)) send({ type: "explain" });
    else if (event.key === "Escape") send({ type: "stop" });
    else return;
    event.preventDefault();
  });

  /** @param {Shown[]} pictures @param {DataView[]} buffers */
  function show(pictures, buffers) {
    addresses.forEach((one) => URL.revokeObjectURL(one));
    addresses = buffers.map((data) => URL.createObjectURL(new Blob([/** @type {any} */ (data)], { type: "image/png" })));
    figures.replaceChildren(...pictures.map((one, index) => {
      const figure = make("figure", {});
      make("img", { src: addresses[index], alt: one.title, width: one.width, height: one.height }, figure);
      const caption = make("figcaption", {}, figure);
      make("span", { text: one.title }, caption);
      if (one.kind in SCALES) {
        const scale = make("span", { class: `bb-scale bb-scale-${one.kind}`, title: /** @type {any} */ (SCALES)[one.kind] }, caption);
        make("span", { text: one.low }, scale);
        make("i", {}, scale);
        make("span", { text: one.high }, scale);
      }
      return figure;
    }));
  }

  return {
    /** @param {any} content @param {DataView[]} [buffers] */
    receive(content, buffers = []) {
      if (content.type === "choices") {
        ({ chosen, blobs } = content);
        fill(method, content.methods.map((/** @type {any[]} */ [name, title, slow]) => [name, slow ? `${title} (long)` : title]), chosen.method);
        fill(blob, blobs.map(([name]) => [name, name]), chosen.blob);
        fill(layer, content.layers.map((/** @type {string} */ name) => [name, name]), chosen.layer);
        unit.value = String(chosen.unit);
        unit.max = String((blobs.find(([name]) => name === chosen.blob)?.[1] ?? 1) - 1);
        layer.parentElement?.toggleAttribute("hidden", chosen.method !== "grad_cam");
      } else if (content.type === "units") {
        const listed = content.units.some((/** @type {any[]} */ [index]) => index === chosen.unit);
        const rows = listed ? content.units : [[chosen.unit, content.name, content.value], ...content.units];
        fill(units, rows.map((/** @type {any[]} */ [index, name, value]) => [String(index), `${index}${name ? ` ${name}` : ""}: ${value}`]), String(chosen.unit));
      } else if (content.type === "progress") {
        const going = content.done < content.total;
        progress.hidden = !going;
        stop.disabled = !going;
        progress.max = content.total;
        progress.value = content.done;
      } else if (content.type === "result") show(content.pictures, buffers);
      else if (content.type === "say") {
        line.textContent = content.text;
        line.classList.toggle("bb-error", content.kind === "error");
      }
    },
    destroy: () => addresses.forEach((one) => URL.revokeObjectURL(one)),
  };
}
