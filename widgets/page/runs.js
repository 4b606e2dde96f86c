// @ts-check
// The list of runs below the curves: which are drawn, their names, notes and files.

import { make, printable } from "./dom.js";

/**
 * A run on offer. `shown` is null for the one under way, which is always drawn.
 * @typedef {{ name: string, about: string, notes: string, shown: boolean | null, can_resume: boolean }} RunData
 */

/** What the button of the list says. @param {RunData[]} runs */
export function summaryOf(runs) {
  const shown = runs.filter((run) => run.shown).length;
  return `runs: ${runs.length}${shown ? `, ${shown} beside` : ""}`;
}

/**
 * Make the list in a parent; the answer takes the runs to show.
 * @param {HTMLElement} parent @param {(ask: string, name: string, ...arguments_: unknown[]) => void} ask
 * @returns {(runs: RunData[]) => void}
 */
export function makeRuns(parent, ask) {
  const box = make("details", { class: "bb-runs", hidden: "" }, parent);
  const summary = make("summary", {}, box);
  const list = make("div", { class: "bb-runs-list", role: "group", "aria-label": "Runs" }, box);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    box.removeAttribute("open");
    summary.focus();
  });

  /** @param {RunData} run */
  function row(run) {
    const line = make("div", { class: "bb-run", "data-run": run.name }, list);
    const show = make("input", { type: "checkbox", "aria-label": `Draw ${printable(run.name)}` }, line);
    show.checked = run.shown !== false;
    show.disabled = run.shown === null;
    show.addEventListener("change", () => ask("show", run.name, show.checked));
    const field = (/** @type {string} */ what, /** @type {string} */ value, /** @type {string} */ label) => {
      const input = make("input", { type: "text", value, "aria-label": label, title: label, "data-run-field": what }, line);
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") input.blur();
        if (event.key === "Escape") input.value = value;
      });
      input.addEventListener("change", () => ask(what, run.name, input.value));
      return input;
    };
    field("rename", run.name, "Name of the run, of its folder too");
    make("span", { class: "bb-run-about", text: printable(run.about) }, line);
    field("note", run.notes, "Notes").placeholder = "notes";
    const button = (/** @type {string} */ what, /** @type {string} */ text, /** @type {string} */ title) => {
      const element = make("button", { type: "button", text, title, "data-run-ask": what }, line);
      element.addEventListener("click", () => ask(what, run.name));
      return element;
    };
    button("csv", "CSV", "Download its curves as one table");
    button("resume", "go on", "Go on with this run from its last state").disabled = run.shown === null || !run.can_resume;
    button("remove", "delete", "Delete this run with its folder").disabled = run.shown === null;
  }

  return (runs) => {
    box.toggleAttribute("hidden", !runs.length);
    summary.textContent = summaryOf(runs);
    if (list.contains(document.activeElement) && document.activeElement?.matches("input[type=text]")) return; // being typed
    list.replaceChildren();
    for (const run of [...runs].reverse()) row(run);
  };
}

/** Offer a text as a file to keep. @param {string} name @param {string} text */
export function download(name, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
