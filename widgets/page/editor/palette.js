// @ts-check
// The two lists of the editor: layers and modules to add, and layers to find.

import { asked, matching, remembered } from "./matching.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./matching.js").Entry} Entry */

const KEY = "brewbench.recent";
const BY_INDEX = "\u0000"; // before the value of an entry that is a layer by its place in the text

/** The types used recently, as the browser remembers them. @returns {string[]} */
function recently() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

/** @param {string[]} types */
function remember(types) {
  try {
    localStorage.setItem(KEY, JSON.stringify(remembered(recently(), types)));
  } catch { /* a full or forbidden storage forgets */ }
}

/** @param {Editor} editor @returns {Entry[]} */
function entriesOf(editor) {
  return (editor.model.graph.palette ?? []).map(({ type, category, help, words = "", form }) => ({
    text: type, hint: help, category, value: type, haystack: `${type} ${category}`.toLowerCase(),
    words: words.split(" ").filter(Boolean), last: category === "fork", form,
  }));
}

/**
 * The layers that a line asks for; the last one is the entry that was picked. Raises for a name that finds nothing.
 * @param {Entry[]} entries @param {string} typed @param {string} picked
 */
function layersOf(entries, typed, picked) {
  const parts = asked(typed);
  return parts.map(({ query, args }, at) => {
    const type = at === parts.length - 1 ? picked : query && matching(entries, query)[0]?.value;
    if (!type) throw new Error(`There is no layer type like "${query}".`);
    return { type, args };
  });
}

/** @param {Editor} editor */
export function openPalette(editor) {
  const { model } = editor, near = editor.current() ?? null, host = model.box(near);
  const entries = entriesOf(editor), connects = Boolean(host?.data.tops.length);
  const name = near && (model.thing(near)?.name ?? near);
  const several = model.selected.size > 1 ? [...model.selected] : undefined;
  editor.palette.open(entries, {
    onPick(type, branch, typed) {
      /** @type {{ type: string, args: string[] }[]} */
      let layers = [];
      try {
        layers = layersOf(entries, typed, type);
      } catch (error) {
        return editor.say(/** @type {Error} */ (error).message, "error");
      }
      remember(layers.map((each) => each.type));
      const module = entries.some((entry) => ["module", "own"].includes(entry.category ?? "") && layers.some((each) => each.type === entry.value));
      editor.overtaken = null;
      if (layers.length > 1 || module) editor.awaiting = new Set(model.owner.keys());
      else editor.expecting = true;
      const more = layers.length > 1 || layers[0].args.length ? { layers } : {};
      editor.send({
        type: "add", layer_type: type, near, connect_from: connects ? near : null, branch, ...more, ...several && { also: several },
      });
    },
    onClose: () => editor.drawing.focus(near ?? undefined),
    foot: connects
      ? `Enter puts it between ${name} and what follows, Shift+Enter makes a branch that nobody reads yet.`
      : "Select a layer first to put the new one behind it.",
    families: true,
    recent: recently(),
    query: (typed) => asked(typed).at(-1)?.query ?? "",
  });
}

/** The list of what is drawn, and as soon as the kernel answers of all layers, those in folded groups too. @param {Editor} editor */
export function openSearch(editor) {
  const entries = editor.model.things().map((thing) => ({
    text: thing.name, hint: thing.collapsed ? thing.note : thing.type, category: thing.category,
    value: thing.id, haystack: `${thing.name} ${thing.type}`.toLowerCase(),
  }));
  let found = editor.current();
  editor.finder.open(entries, {
    onPick(value) {
      if (value.startsWith(BY_INDEX)) {
        editor.finding = true;
        editor.send({ type: "find", index: Number(value.slice(BY_INDEX.length)) });
        return;
      }
      found = value;
      editor.choose([value]);
      editor.reveal(value, true);
    },
    onClose: () => editor.drawing.focus(found),
    foot: "By name, type, blob or value: kernel_size:7",
  });
  editor.send({ type: "search" });
}

/** The layers of the net as entries of the search. @param {import("../messages.js").Findable[]} layers @returns {Entry[]} */
export function findable(layers) {
  return layers.map(({ index, name, type, category, note, haystack }) => ({
    text: name, hint: `${type}${note ? ` ${note}` : ""}`, category, value: `${BY_INDEX}${index}`, haystack,
  }));
}
