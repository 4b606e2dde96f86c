// @ts-check
// Plane geometry of the drawing: boxes, edges, and the view (x, y, k) that maps net coordinates to pixels.

/** @typedef {{ x: number, y: number, k: number }} View  pixel = net * k + (x, y) */
/** @typedef {{ x: number, y: number }} Point */
/** @typedef {{ width: number, height: number }} Size */
/** @typedef {[left: number, top: number, right: number, bottom: number]} Bounds */
/** @typedef {{ x: number, y: number, w: number, h: number }} Rect */

export const SMALLEST = 0.05;
export const LARGEST = 4;
export const LEGIBLE = 0.96; // no net opens smaller than this: its smallest type has 11 pixels then
export const FAR = 0.35; // below this zoom the small print is left out
export const PAD = 24; // pixels around the net

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Where a port lies on the edge of a box. @param {number} width @param {number} port @param {number} count */
export const portX = (width, port, count) => (width * (2 * Math.max(0, Math.min(port, count - 1)) + 1)) / (2 * Math.max(1, count));

/** The path of an edge that no layout has routed. @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
export function curve(x1, y1, x2, y2) {
  const reach = Math.max(12, Math.abs(y2 - y1) / 2);
  return `M${x1} ${y1}C${x1} ${y1 + reach} ${x2} ${y2 - reach} ${x2} ${y2}`;
}

/**
 * The bounds of boxes, or null of none.
 * @param {Iterable<Rect>} boxes
 * @returns {Bounds | null}
 */
export function bounds(boxes) {
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (const { x, y, w, h } of boxes) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + w);
    bottom = Math.max(bottom, y + h);
  }
  return left === Infinity ? null : [left, top, right, bottom];
}

/**
 * Cut the middle out of a text too long for a box: both ends of a layer's name tell something.
 * @param {string} text
 * @param {number} width of the box
 * @param {number} letter width of a letter
 */
export function shorten(text, width, letter) {
  const room = Math.max(4, Math.floor((width - 26) / letter));
  if (text.length <= room) return text;
  return `${text.slice(0, (room >> 1) - 1)}…${text.slice(-(room >> 1))}`;
}

/** The zoom at which all of it is in sight. @param {Bounds} around @param {Size} size */
export function wholeZoom([left, top, right, bottom], { width, height }) {
  return Math.min((width - 2 * PAD) / (right - left), (height - 2 * PAD) / (bottom - top));
}

/**
 * The first look: all of a small net, else the top of it, large enough to read.
 * @param {Bounds} around
 * @param {Size} size
 * @param {number} focus x of what comes first
 * @returns {View}
 */
export function openingView(around, size, focus) {
  const [left, top, right, bottom] = around;
  const { width, height } = size;
  const whole = wholeZoom(around, size), across = (width - 2 * PAD) / (right - left);
  const k = whole >= LEGIBLE ? Math.min(whole, 1.15) : LEGIBLE;
  const centre = k <= across ? (left + right) / 2 : focus;
  return {
    k,
    x: k <= across ? width / 2 - centre * k : clamp(width / 2 - centre * k, width - PAD - right * k, PAD - left * k),
    y: whole >= LEGIBLE ? (height - (top + bottom) * k) / 2 : PAD - top * k,
  };
}

/** All of the net, in the middle. @param {Bounds} around @param {Size} size @returns {View} */
export function wholeView(around, size) {
  const [left, top, right, bottom] = around;
  const k = clamp(wholeZoom(around, size), SMALLEST, 1.15);
  return { k, x: (size.width - (left + right) * k) / 2, y: (size.height - (top + bottom) * k) / 2 };
}

/** Whether all of the net is in sight. @param {View} view @param {Bounds | null} around @param {Size} size */
export function inSight({ x, y, k }, around, { width, height }) {
  return !around || (around[0] * k + x >= 0 && around[1] * k + y >= 0 &&
    around[2] * k + x <= width && around[3] * k + y <= height);
}

/**
 * A view moved as little as brings all of the net into sight; null where it is too large for that.
 * @param {View} view
 * @param {Bounds} around
 * @param {Size} size
 * @returns {View | null}
 */
export function keptWhole(view, around, size) {
  const [left, top, right, bottom] = around;
  const { width, height } = size;
  const { k } = view;
  if (!width || !height || k > wholeZoom(around, size)) return null;
  const within = (/** @type {number} */ now, /** @type {number} */ first, /** @type {number} */ last, /** @type {number} */ room) =>
    clamp(now, PAD - first * k, room - PAD - last * k);
  return { k, x: within(view.x, left, right, width), y: within(view.y, top, bottom, height) };
}

/** A view zoomed by a factor about a point. @param {View} view @param {number} factor @param {Point} about @returns {View} */
export function zoomed(view, factor, { x, y }) {
  const k = clamp(view.k * factor, SMALLEST, LARGEST);
  const ratio = k / view.k;
  return { k, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio };
}

/**
 * A view in which a box is in sight: moved as little as possible, or so that the box is in the middle.
 * @param {View} view
 * @param {Rect} box
 * @param {Size} size
 * @param {boolean} centre
 * @returns {View}
 */
export function revealed(view, box, { width, height }, centre) {
  const k = centre ? Math.max(view.k, LEGIBLE) : view.k;
  const { x, y } = view;
  const middle = { k, x: width / 2 - (box.x + box.w / 2) * k, y: height / 2 - (box.y + box.h / 2) * k };
  if (centre) return middle;
  if (box.x * k + x >= 0 && (box.x + box.w) * k + x <= width && box.y * k + y >= 0 && (box.y + box.h) * k + y <= height) {
    return view;
  }
  // Some way in from the edge, so that its edges and neighbours show; the middle if it is too large for that.
  const near = (/** @type {number} */ at, /** @type {number} */ length, /** @type {number} */ room, /** @type {number} */ now, /** @type {number} */ mid) =>
    length * k + 4 * PAD > room ? mid : clamp(now, 2 * PAD - at * k, room - 2 * PAD - (at + length) * k);
  return { k, x: near(box.x, box.w, width, x, middle.x), y: near(box.y, box.h, height, y, middle.y) };
}

/**
 * The part of the net that a view shows, with a margin of some of its size on each side.
 * @param {View} view
 * @param {Size} size
 * @param {number} margin
 * @returns {Bounds}
 */
export function shownPart({ x, y, k }, { width, height }, margin = 0) {
  const [across, down] = [margin * width, margin * height];
  return [(-x - across) / k, (-y - down) / k, (width + across - x) / k, (height + down - y) / k];
}

/** Whether two pieces of the plane have anything in common. @param {Bounds} a @param {Bounds} b */
export const overlap = (a, b) => a[0] <= b[2] && a[2] >= b[0] && a[1] <= b[3] && a[3] >= b[1];
