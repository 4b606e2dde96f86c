// Made by build.mjs from page/: change the sources there, then `npm run build`.
// page/form.js
var PATIENCE = 3e3;
function mount(root, { send }) {
  let form = null;
  let outer = null;
  const unfinished = /* @__PURE__ */ new WeakSet();
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
    for (const reset of form.querySelectorAll(".bb-clear")) reset.tabIndex = -1;
    for (const fold of form.querySelectorAll("button.bb-fold")) {
      const open = String(fold.classList.contains("mod-active"));
      if (fold.getAttribute("aria-expanded") !== open) fold.setAttribute("aria-expanded", open);
    }
  }
  function shield({ target }) {
    target.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  function typed(event) {
    unfinished.add(event.target);
  }
  function told(event) {
    unfinished.delete(event.target);
  }
  function pressed(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      form.closest(".bb-bench")?.querySelector(".bb-editor")?.dispatchEvent(new CustomEvent("bb-focus"));
      return;
    }
    if (event.key === "Enter") unfinished.delete(event.target);
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || key !== "z" && key !== "y") return;
    if (unfinished.has(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    send({ type: key === "y" || event.shiftKey ? "redo" : "undo" });
  }
  let aim = null;
  function leave() {
    aim = null;
  }
  function settle() {
    if (!aim) return;
    const row = aim.hook ? form?.querySelector(`.${CSS.escape(aim.hook)}`) : form?.querySelector(".bb-section .bb-fieldrow") ?? form?.querySelector(".bb-fieldrow");
    const input = row?.querySelector("input, select");
    if (input?.offsetParent) {
      aim = null;
      input.focus();
      input.select?.();
    } else if (performance.now() < aim.until) requestAnimationFrame(settle);
    else aim = null;
  }
  for (const what of ["keydown", "pointerdown"]) document.addEventListener(what, leave, true);
  let request;
  const watcher = new MutationObserver(() => {
    request ??= requestAnimationFrame(() => {
      request = null;
      mark();
    });
  });
  const waiting = new MutationObserver(attach);
  function attach() {
    form = root.isConnected ? root.closest(".bb-form") : null;
    if (!form) return;
    waiting.disconnect();
    outer = form.closest(".bb-bench") ?? form;
    outer.addEventListener("focusin", shield);
    form.addEventListener("input", typed);
    form.addEventListener("change", told);
    form.addEventListener("keydown", pressed, true);
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
    }
  };
}

// page/jupyter.js
var widget = (mount2) => ({
  /** @param {{ model: any, el: HTMLElement }} given */
  render({ model, el }) {
    const view = Math.random().toString(36).slice(2);
    const pane = mount2(el, {
      view,
      send: (content, buffers = []) => model.send({ ...content, view }, void 0, buffers)
    });
    Object.assign(el, { pane });
    const receive = (content, buffers) => {
      if ((!content.to || content.to === view) && content.except !== view) pane.receive(content, buffers);
    };
    model.on("msg:custom", receive);
    el.addEventListener("focusin", ({ target }) => {
      if (target instanceof Element) target.setAttribute("data-lm-suppress-shortcuts", "true");
    });
    for (const content of model.get("opening")) receive(content, []);
    model.send({ type: "hello", view });
    return () => {
      model.off("msg:custom", receive);
      pane.destroy?.();
    };
  }
});

// page/form.entry.js
var form_entry_default = widget(mount);
export {
  form_entry_default as default,
  mount
};
