// @ts-check
// How typed words find entries of a list: for search and the palette. Without a page.

/**
 * `words` are other names of the same thing; `last` stands behind others that fit as well.
 * @typedef {{ text: string, hint?: string, category?: string, value: string, haystack: string, words?: string[],
 *   last?: boolean, form?: string }} Entry
 */

const MOST_RECENT = 5;

/** Headings of the palette, by category. @type {Record<string, string>} */
export const FAMILIES = {
  recent: "Recently used", module: "Modules", own: "Own modules", vision: "Vision", neuron: "Activations", common: "Common",
  loss: "Losses, scores", data: "Data", python: "Python", fork: "From forks of Caffe",
};

/**
 * How well an entry fits, 0 best: its very name, another name of it, the start of its name, of another name, of its
 * family, and any other place.
 * @param {Entry} entry @param {string} typed @param {string} start
 */
function distance({ text, words = [], haystack, last }, typed, start) {
  if (text === typed) return 0;
  const low = typed.toLowerCase(), name = text.toLowerCase();
  const places = [
    name === low && !last, words.includes(low), name === low, name.startsWith(start) && !last,
    words.some((word) => word.startsWith(start)), name.startsWith(start), haystack.startsWith(start) && !last,
  ];
  const at = places.indexOf(true);
  return 1 + (at < 0 ? places.length : at) + (last && at < 0 ? 1 : 0);
}

/**
 * The entries that hold all words, those that fit best first, of them what was used recently.
 * @param {Entry[]} entries
 * @param {string} typed
 * @param {string[]} [recent] values, the last used first
 */
export function matching(entries, typed, recent = []) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean), start = words[0] ?? "";
  if (!words.length) return entries.slice();
  const used = new Map(recent.map((value, at) => [value, at]));
  const age = (/** @type {Entry} */ { value }) => used.get(value) ?? MOST_RECENT;
  return entries
    .filter(({ haystack, words: also = [] }) => words.every((word) => haystack.includes(word) || also.some((one) => one.startsWith(word))))
    .map((entry) => ({ entry, far: distance(entry, typed.trim(), start) }))
    .sort((a, b) => a.far - b.far || age(a.entry) - age(b.entry))
    .map(({ entry }) => entry);
}

/**
 * Entries under headings, as long as nothing is typed: what was used recently, then family by family.
 * @param {Entry[]} entries
 * @param {string[]} recent
 * @returns {{ heading: string, entries: Entry[] }[]}
 */
export function grouped(entries, recent) {
  const used = recent.flatMap((value) => entries.find((entry) => entry.value === value) ?? []);
  const groups = new Map(used.length ? [["recent", used]] : []);
  for (const entry of entries) {
    const family = entry.category ?? "";
    const group = groups.get(family);
    if (group) group.push(entry);
    else groups.set(family, [entry]);
  }
  return [...groups].map(([family, found]) => ({ heading: FAMILIES[family] ?? family, entries: found }));
}

/**
 * What a line asks for: layers separated by commas, each a name with its first settings, as in "conv 64 1, relu".
 * @param {string} typed
 * @returns {{ query: string, args: string[] }[]}
 */
export function asked(typed) {
  return typed.split(",").map((part) => {
    const words = part.trim().split(/\s+/).filter(Boolean), at = words.findIndex((word) => /^[-+.\d]/.test(word));
    return at < 0 ? { query: words.join(" "), args: [] } : { query: words.slice(0, at).join(" "), args: words.slice(at) };
  });
}

/** The values used recently once another one was. @param {string[]} recent @param {string[]} values */
export function remembered(recent, values) {
  return [...new Set([...values.toReversed(), ...recent])].slice(0, MOST_RECENT);
}
