// @ts-check
// Elements of a page: made, filled and measured the same way in every pane.

const SVG = "http://www.w3.org/2000/svg";
const SHOWN = new Set(["title", "aria-label", "aria-description"]); // attributes that people read
let ids = 0;

// C0 but tabs and line ends, DEL, C1; what turns the direction of text; separators of lines; lone surrogates.
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]/gu;

/**
 * A text with its control characters spelled out, as `printable` in Python does it.
 * @param {unknown} text
 */
export const printable = (text) => String(text).replace(UNSAFE, (one) => {
  const code = one.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
});

/**
 * An HTML element, appended to `parent` where one is given. The attribute `text` is its text.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [attributes]
 * @param {Element | null} [parent]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, parent) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = printable(value);
    else element.setAttribute(name, SHOWN.has(name) ? printable(value) : value);
  }
  parent?.append(element);
  return element;
}

/**
 * An SVG element, appended to `parent` where one is given. The attribute `text` is its text.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [attributes]
 * @param {Element | null} [parent]
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = {}, parent) {
  const element = document.createElementNS(SVG, tag);
  set(element, attributes);
  parent?.append(element);
  return element;
}

/**
 * Set attributes; `text` is the element's text.
 * @param {Element} element
 * @param {Record<string, any>} attributes
 */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = printable(value);
    else element.setAttribute(name, SHOWN.has(name) ? printable(value) : String(value));
  }
}

/**
 * A picture of 16 by 16 units in the colour of the text around it.
 * @param {string} path
 */
export function icon(path) {
  const picture = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
  svg("path", { d: path }, picture);
  return picture;
}

/** An id that no other element of the page has. @param {string} stem */
export const uniqueId = (stem) => `${stem}-${++ids}`;

/**
 * The closest element around an event's target that matches, as an HTML or SVG element.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function around(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/** Whether keys typed into an element are its own. @param {EventTarget | null} target */
export function takesText(target) {
  return target instanceof Element && target.matches("input, select, textarea, [contenteditable=true]");
}
