// @ts-check
// Overlays without a page: figures of layers as colours and as texts, for the drawing and the table.

/**
 * One figure of each layer. `gather` is the figure of a folded group; values are by the layer's place in the text, those
 * that are not finite as "Infinity" and "NaN"; `note` says why there are none.
 * @typedef {object} Overlay
 * @property {string} name
 * @property {string} title
 * @property {string} unit
 * @property {"sum" | "max"} gather
 * @property {boolean} [measured] whether it comes from a measurement that can be asked for again
 * @property {boolean} [live] whether it follows the training: a view tells when it has drawn it
 * @property {Record<string, number | string>} values
 * @property {string} [note]
 */
/** @typedef {{ low: number, high: number, log: boolean }} Scale */
/** @typedef {{ fill: string, ink: string, text: string }} Tint */

/** Cividis: perceptually even, and the same to people with any kind of colour vision. Source: Nuñez et al., 2018. */
export const PALETTE = ["#00204c", "#00316f", "#31446b", "#4d556b", "#666870", "#7c7b78", "#958f78", "#aea373", "#cab969", "#e7d158", "#ffe945"];
const LOG_FROM = 50; // the highest by the lowest value from which the scale is logarithmic

/** @param {string} hex @returns {number[]} red, green, blue from 0 to 255 */
const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** The colour of a share of the scale, 0 to 1. @param {number} share @returns {string} */
export function colourAt(share) {
  const place = Math.max(0, Math.min(1, share)) * (PALETTE.length - 1), at = Math.min(PALETTE.length - 2, Math.floor(place));
  const from = channels(PALETTE[at]), to = channels(PALETTE[at + 1]);
  return `#${from.map((one, k) => Math.round(one + (to[k] - one) * (place - at)).toString(16).padStart(2, "0")).join("")}`;
}

/** Relative luminance. Source: WCAG 2. @param {string} hex */
export function luminance(hex) {
  const [r, g, b] = channels(hex).map((one) => (one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Black or white, whichever has more contrast: at least 4.5 on any colour. @param {string} hex */
export const inkOn = (hex) => ((luminance(hex) + 0.05) / 0.05 > 1.05 / (luminance(hex) + 0.05) ? "#000000" : "#ffffff");

/** From which value to which the colours run. @param {Iterable<number>} values @returns {Scale | null} null without a finite value */
export function scaleOf(values) {
  const finite = [...values].filter(Number.isFinite);
  if (!finite.length) return null;
  const low = finite.reduce((a, b) => Math.min(a, b)), high = finite.reduce((a, b) => Math.max(a, b));
  const log = low > 0 && high / low >= LOG_FROM;
  return { low: log ? low : Math.min(0, low), high, log };
}

/** Where a value lies on a scale, 0 to 1. @param {number} value @param {Scale | null} scale */
export function shareOf(value, scale) {
  if (!scale || value === Infinity || scale.high === scale.low) return value > 0 || value === Infinity ? 1 : 0;
  const { low, high, log } = scale;
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

/** A value in a few characters: "25.1 k", "1.20 MB", "0.0314", "64 %". @param {number} value @param {string} unit */
export function spell(value, unit) {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return unit === "px" ? "all" : "∞";
  const prefixed = unit === "" || unit === "B";
  const [size, letter] = !prefixed || value < 1e3 ? [1, ""] : value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  const scaled = value / size, whole = Number.isInteger(scaled) && scaled < 1e4;
  const text = whole ? String(scaled) : scaled >= 1e-3 || !scaled ? String(Number(scaled.toPrecision(3))) : scaled.toExponential(1);
  return `${text}${letter || unit ? "\u00a0" : ""}${letter}${unit}`;
}

/**
 * The figures of all that is drawn, by id: of boxes, of the strips in them, and of folded groups.
 * @param {import("./messages.js").Graph} graph
 * @param {Overlay} overlay
 * @returns {Map<string, number>}
 */
export function figures(graph, { values, gather }) {
  const found = new Map();
  for (const node of graph.nodes) {
    for (const face of [node, ...node.folded]) {
      const inside = (face.members ?? [face.index]).filter((index) => index in values).map((index) => Number(values[index]));
      if (inside.length) found.set(face.id, inside.reduce((a, b) => (gather === "sum" ? a + b : Math.max(a, b))));
    }
  }
  return found;
}

/**
 * How all that has a figure is drawn, by id, and the scale of the colours.
 * @param {import("./messages.js").Graph} graph
 * @param {Overlay | null} overlay
 * @returns {{ tints: Map<string, Tint>, scale: Scale | null }}
 */
export function tinted(graph, overlay) {
  if (!overlay) return { tints: new Map(), scale: null };
  const found = figures(graph, overlay), scale = scaleOf(found.values());
  const tints = new Map([...found].map(([id, value]) => {
    const fill = Number.isNaN(value) ? "#b71c1c" : colourAt(shareOf(value, scale));
    return [id, { fill, ink: inkOn(fill), text: spell(value, overlay.unit) }];
  }));
  return { tints, scale };
}
