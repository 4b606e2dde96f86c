// @ts-check
// The part of a form that ipywidgets cannot do: undo keys, and marks that screen readers understand.

const PATIENCE = 3000; // ms to wait for the input of a field

export function mount(root, { send }) {
  /** @type {any} */
  let form = null;
  /** @type {any} */
  let outer = null; // the form, or the bench around it, whose other controls are ipywidgets too
  const unfinished = new WeakSet(); // inputs with typing that Python has not been told

  /** Tell screen readers which inputs are at fault, and which line explains an input. */
  function mark() {
    for (const row of form.querySelectorAll(".bb-fieldrow")) {
      const input = row.querySelector("input, select");
      const note = row.querySelector(".bb-note");
      if (!input || !note) continue;
      note.id ||= `bb-note-${Math.random().toString(36).slice(2)}`;
      const invalid = String(row.classList.contains("bb-invalid"));
      if (input.getAttribute("aria-invalid") !== invalid) input.setAttribute("aria-invalid", invalid);
      if (input.type === "checkbox") input.indeterminate = row.classList.contains("bb-several");
      if (input.getAttribute("aria-describedby") !== note.id) input.setAttribute("aria-describedby", note.id);
    }
    for (const reset of form.querySelectorAll(".bb-clear")) reset.tabIndex = -1; // Tab goes from field to field
    for (const fold of form.querySelectorAll("button.bb-fold")) {
      const open = String(fold.classList.contains("mod-active"));
      if (fold.getAttribute("aria-expanded") !== open) fold.setAttribute("aria-expanded", open);
    }
  }

  /** Keep JupyterLab from taking what is pressed here for its own shortcuts; see model.js. */
  function shield({ target }) { target.setAttribute("data-lm-suppress-shortcuts", "true"); }
  function typed(event) { unfinished.add(event.target); }
  function told(event) { unfinished.delete(event.target); }
  function pressed(event) {
    if (event.key === "Escape") { // back to the box in the drawing
      event.preventDefault();
      event.stopPropagation();
      form.closest(".bb-bench")?.querySelector(".bb-editor")?.dispatchEvent(new CustomEvent("bb-focus"));
      return;
    }
    if (event.key === "Enter") unfinished.delete(event.target);
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== "z" && key !== "y")) return;
    if (unfinished.has(event.target)) return; // the browser takes back what is being typed
    event.preventDefault();
    event.stopPropagation();
    send({ type: key === "y" || event.shiftKey ? "redo" : "undo" });
  }

  /** @type {{ hook: string | null, until: number } | null} */
  let aim = null; // the field that gets the focus once its input is in the page
  function leave() { aim = null; }
  function settle() {
    if (!aim) return;
    const row = aim.hook
      ? form?.querySelector(`.${CSS.escape(aim.hook)}`)
      : form?.querySelector(".bb-section .bb-fieldrow") ?? form?.querySelector(".bb-fieldrow");
    const input = row?.querySelector("input, select");
    if (input?.offsetParent) {
      aim = null;
      input.focus();
      input.select?.();
    } else if (performance.now() < aim.until) requestAnimationFrame(settle);
    else aim = null;
  }
  for (const what of ["keydown", "pointerdown"]) document.addEventListener(what, leave, true); // the user went on

  /** @type {any} */
  let request;
  const watcher = new MutationObserver(() => {
    request ??= requestAnimationFrame(() => { request = null; mark(); });
  });
  // The form around this element exists only once the whole of it is in the page.
  const waiting = new MutationObserver(attach);
  function attach() {
    form = root.isConnected ? root.closest(".bb-form") : null;
    if (!form) return;
    waiting.disconnect();
    outer = form.closest(".bb-bench") ?? form;
    outer.addEventListener("focusin", shield);
    form.addEventListener("input", typed);
    form.addEventListener("change", told);
    form.addEventListener("keydown", pressed, true); // on the way down: ipywidgets stops it on the way up
    watcher.observe(form, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
    mark();
  }
  waiting.observe(document.body, { subtree: true, childList: true });
  attach();

  return {
    receive(content) {
      if (content.type !== "focus") return;
      aim = { hook: content.hook, until: performance.now() + PATIENCE };
      requestAnimationFrame(settle);
    },
    destroy() {
      for (const what of ["keydown", "pointerdown"]) document.removeEventListener(what, leave, true);
      waiting.disconnect();
      watcher.disconnect();
      cancelAnimationFrame(request);
      outer?.removeEventListener("focusin", shield);
      form?.removeEventListener("input", typed);
      form?.removeEventListener("change", told);
      form?.removeEventListener("keydown", pressed, true);
    },
  };
}
