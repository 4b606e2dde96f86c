// @ts-check
// A list that is filtered by typing, walked with the arrow keys and picked from: for search and the palette.

import { around, make, uniqueId } from "../dom.js";
import { clamp } from "./geometry.js";
import { grouped, matching } from "./matching.js";

const MOST = 200; // entries shown at once

/** @typedef {import("./matching.js").Entry} Entry */

/**
 * @typedef {object} Choice
 * @property {(value: string, shift: boolean, typed: string) => void} onPick told whether Shift was held, and the line
 * @property {() => void} onClose follows a choice, and Escape
 * @property {string} [foot] a line under the list
 * @property {boolean} [families] whether the entries stand under the headings of their families
 * @property {string[]} [recent] values used recently, the last one first
 * @property {(typed: string) => string} [query] the part of the line that filters
 */

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
    /** @type {Choice} */
    this.choice = { onPick() {}, onClose() {} };
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

  /** @param {Entry[]} entries @param {Choice} choice */
  open(entries, choice) {
    Object.assign(this, { entries, choice });
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
    this.choice.onClose();
  }

  filter() {
    const { families, recent = [], query = (/** @type {string} */ typed) => typed } = this.choice;
    const typed = query(this.input.value).trim();
    const groups = families && !typed ? grouped(this.entries, recent) : [{ heading: "", entries: matching(this.entries, typed, recent) }];
    this.found = [];
    this.list.replaceChildren();
    for (const { heading, entries } of groups) {
      if (heading) make("li", { class: "ne-heading", "aria-hidden": "true", text: heading }, this.list);
      for (const entry of entries.slice(0, MOST)) this.show(entry);
    }
    if (!this.found.length) make("li", { class: "ne-nothing", text: "Nothing found" }, this.list);
    this.mark(0);
  }

  /** @param {Entry} entry */
  show(entry) {
    const at = this.found.push(entry) - 1;
    const option = make("li", {
      role: "option", id: `${this.list.id}-${at}`, "data-at": at, "data-value": entry.value,
      class: `ne-${entry.category ?? "unknown"}`, title: entry.hint ?? "",
    }, this.list);
    make("b", { text: entry.text }, option);
    make("span", { text: entry.hint ?? "" }, option);
  }

  /** @param {number} at */
  mark(at) {
    const options = [...this.list.querySelectorAll("[role=option]")];
    this.at = clamp(at, 0, Math.max(0, options.length - 1));
    options.forEach((option, number) => option.setAttribute("aria-selected", String(number === this.at)));
    const option = options[this.at];
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
    if (this.at === 0) this.list.scrollTop = 0; // with its heading
    else option?.scrollIntoView({ block: "nearest" });
    const { foot = "" } = this.choice, { form } = this.found[this.at] ?? {};
    this.foot.textContent = form ? `${form} ${foot}` : foot;
    this.foot.hidden = !this.foot.textContent;
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
    this.choice.onPick(entry.value, shift, this.input.value);
    this.close();
  }
}
