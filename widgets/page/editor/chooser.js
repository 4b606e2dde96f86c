// @ts-check
// A list that is filtered by typing, walked with the arrow keys and picked from: for search and the palette.

import { around, make, uniqueId } from "../dom.js";
import { clamp } from "./geometry.js";

/** @typedef {{ text: string, hint?: string, category?: string, value: string, haystack: string }} Entry */

const MOST = 200; // entries shown at once

/**
 * The entries that hold all words: the very name first, then names and families that begin so, then the rest.
 * @param {Entry[]} entries
 * @param {string} typed
 */
export function matching(entries, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const start = words[0] ?? "", exact = typed.trim().toLowerCase();
  const rank = (/** @type {Entry} */ { text, haystack }) => (text.toLowerCase() === exact ? 2 : Number(haystack.startsWith(start)));
  return entries.filter((entry) => words.every((word) => entry.haystack.includes(word))).sort((a, b) => rank(b) - rank(a));
}

export class Chooser {
  /** @param {Element} parent @param {string} label @param {string} placeholder */
  constructor(parent, label, placeholder) {
    const id = uniqueId("ne-list");
    this.box = make("div", { class: "ne-chooser", role: "dialog", "aria-label": label, hidden: "" }, parent);
    this.input = make("input", {
      type: "text", role: "combobox", placeholder, "aria-label": label, "aria-controls": id,
      "aria-expanded": "true", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
    }, this.box);
    this.list = make("ul", { id, role: "listbox", "aria-label": label }, this.box);
    this.foot = make("div", { class: "ne-foot" }, this.box);
    /** @type {Entry[]} */
    this.entries = [];
    /** @type {Entry[]} */
    this.found = [];
    this.at = 0;
    this.onPick = (/** @type {string} */ _value, /** @type {boolean} */ _shift) => {};
    this.onClose = () => {};
    this.input.addEventListener("input", () => this.filter());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the focus
    this.list.addEventListener("click", (event) => {
      const option = around(event, "[role=option]");
      if (option) this.pick(Number(option.dataset.at), event.shiftKey);
    });
    this.box.addEventListener("focusout", ({ relatedTarget }) => {
      if (!this.box.contains(/** @type {Node | null} */ (relatedTarget))) this.box.hidden = true; // the user went elsewhere
    });
  }

  /**
   * @param {Entry[]} entries
   * @param {(value: string, shift: boolean) => void} onPick told whether Shift was held
   * @param {() => void} onClose follows a choice, and Escape
   * @param {string} foot a line under the list
   */
  open(entries, onPick, onClose, foot = "") {
    Object.assign(this, { entries, onPick, onClose });
    this.foot.textContent = foot;
    this.foot.hidden = !foot;
    this.box.hidden = false;
    this.input.value = "";
    this.filter();
    this.input.focus();
  }

  /** Put other entries in the place of those of now; what is typed stays. @param {Entry[]} entries */
  offer(entries) {
    this.entries = entries;
    if (!this.box.hidden) this.filter();
  }

  close() {
    if (this.box.hidden) return;
    this.box.hidden = true;
    this.onClose();
  }

  filter() {
    this.found = matching(this.entries, this.input.value);
    this.list.replaceChildren(...this.found.slice(0, MOST).map((entry, at) => {
      const option = make("li", {
        role: "option", id: `${this.list.id}-${at}`, "data-at": at, "data-value": entry.value,
        class: `ne-${entry.category ?? "unknown"}`,
      });
      make("b", { text: entry.text }, option);
      make("span", { text: entry.hint ?? "" }, option);
      return option;
    }));
    if (!this.found.length) make("li", { class: "ne-nothing", text: "Nothing found" }, this.list);
    this.mark(0);
  }

  /** @param {number} at */
  mark(at) {
    const options = [...this.list.querySelectorAll("[role=option]")];
    this.at = clamp(at, 0, Math.max(0, options.length - 1));
    options.forEach((option, number) => option.setAttribute("aria-selected", String(number === this.at)));
    const option = options[this.at];
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    event.stopPropagation();
    if (event.key === "ArrowDown") this.mark(this.at + 1);
    else if (event.key === "ArrowUp") this.mark(this.at - 1);
    else if (event.key === "Enter") this.pick(this.at, event.shiftKey);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }

  /** @param {number} at @param {boolean} shift */
  pick(at, shift) {
    const entry = this.found[at];
    if (!entry) return;
    this.onPick(entry.value, shift);
    this.close();
  }
}
