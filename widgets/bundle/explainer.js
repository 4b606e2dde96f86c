// Made by build.mjs from page/: change the sources there, then `npm run build`.
// page/dom.js
var SHOWN = /* @__PURE__ */ new Set(["title", "aria-label", "aria-description"]);
var UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]/gu;
var printable = (text) => String(text).replace(UNSAFE, (one) => {
  const code = one.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
});
function make(tag, attributes = {}, parent) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = printable(value);
    else element.setAttribute(name, SHOWN.has(name) ? printable(value) : value);
  }
  parent?.append(element);
  return element;
}
function takesText(target) {
  return target instanceof Element && target.matches("input, select, textarea, [contenteditable=true]");
}

// page/explainer.js
var SCALES = { signed: "against, 0, for", heat: "none to most", colour: "negative, 0, positive" };
var stepped = (list, now, by) => list[Math.min(list.length - 1, Math.max(0, list.indexOf(now) + by))] ?? now;
function mount(root, { send }) {
  root.classList.add("bb-pane", "bb-explainer");
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Explanations. Left and right choose a unit, up and down a blob, Enter explains.");
  const bar = make("div", { class: "bb-explainer-bar" }, root);
  const chooser = (text, title) => make("select", { "aria-label": title, title }, make("label", { text }, bar));
  const method = chooser("How", "Method");
  const blob = chooser("Blob", "Blob whose unit is explained (up and down arrow keys)");
  const units = chooser("Unit", "Units with the largest values");
  const unit = make("input", { type: "number", min: 0, "aria-label": "Unit by its number (left and right arrow keys)", title: "Unit by its number (left and right arrow keys)" }, units.parentElement);
  const layer = chooser("At", "Layer of Grad-CAM");
  const explain = make("button", { type: "button", text: "Explain", title: "Compute it (Enter)" }, bar);
  const stop = make("button", { type: "button", text: "Stop", title: "Stop what runs (Escape)", disabled: "" }, bar);
  const look = make("button", { type: "button", text: "Look again", title: "Take the image and the weights that the net has now" }, bar);
  const figures = make("div", { class: "bb-explainer-figures", tabindex: 0, role: "group", "aria-label": "Pictures" }, root);
  const status = make("div", { class: "bb-status" }, root);
  const progress = make("progress", { hidden: "", "aria-label": "Progress" }, status);
  const line = make("output", {}, status);
  let chosen = { method: "", blob: "", unit: 0, layer: "" };
  let blobs = [];
  let addresses = [];
  function fill(select, options, value) {
    select.replaceChildren(...options.map(([name, text]) => make("option", { value: name, text })));
    select.value = value;
  }
  const choose = (change) => {
    chosen = { ...chosen, ...change };
    send({ type: "choose", ...chosen });
  };
  method.addEventListener("change", () => choose({ method: method.value }));
  blob.addEventListener("change", () => choose({ blob: blob.value }));
  units.addEventListener("change", () => choose({ unit: Number(units.value) }));
  unit.addEventListener("change", () => choose({ unit: Math.max(0, Math.floor(Number(unit.value))) || 0 }));
  layer.addEventListener("change", () => choose({ layer: layer.value }));
  explain.addEventListener("click", () => send({ type: "explain" }));
  stop.addEventListener("click", () => send({ type: "stop" }));
  look.addEventListener("click", () => send({ type: "refresh" }));
  root.addEventListener("keydown", (event) => {
    if (takesText(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const count = blobs.find(([name]) => name === chosen.blob)?.[1] ?? 1;
    const across = { ArrowLeft: count - 1, ArrowRight: 1 }[event.key], down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (across !== void 0) choose({ unit: (chosen.unit + across) % count });
    else if (down !== void 0) choose({ blob: stepped(blobs.map(([name]) => name), chosen.blob, down) });
    else if (event.key === "Enter" && (event.target === root || event.target === figures)) send({ type: "explain" });
    else if (event.key === "Escape") send({ type: "stop" });
    else return;
    event.preventDefault();
  });
  function show(pictures, buffers) {
    addresses.forEach((one) => URL.revokeObjectURL(one));
    addresses = buffers.map((data) => URL.createObjectURL(new Blob([
      /** @type {any} */
      data
    ], { type: "image/png" })));
    figures.replaceChildren(...pictures.map((one, index) => {
      const figure = make("figure", {});
      make("img", { src: addresses[index], alt: one.title, width: one.width, height: one.height }, figure);
      const caption = make("figcaption", {}, figure);
      make("span", { text: one.title }, caption);
      if (one.kind in SCALES) {
        const scale = make("span", { class: `bb-scale bb-scale-${one.kind}`, title: (
          /** @type {any} */
          SCALES[one.kind]
        ) }, caption);
        make("span", { text: one.low }, scale);
        make("i", {}, scale);
        make("span", { text: one.high }, scale);
      }
      return figure;
    }));
  }
  return {
    /** @param {any} content @param {DataView[]} [buffers] */
    receive(content, buffers = []) {
      if (content.type === "choices") {
        ({ chosen, blobs } = content);
        fill(method, content.methods.map(([name, title, slow]) => [name, slow ? `${title} (long)` : title]), chosen.method);
        fill(blob, blobs.map(([name]) => [name, name]), chosen.blob);
        fill(layer, content.layers.map((name) => [name, name]), chosen.layer);
        unit.value = String(chosen.unit);
        unit.max = String((blobs.find(([name]) => name === chosen.blob)?.[1] ?? 1) - 1);
        layer.parentElement?.toggleAttribute("hidden", chosen.method !== "grad_cam");
      } else if (content.type === "units") {
        const listed = content.units.some(([index]) => index === chosen.unit);
        const rows = listed ? content.units : [[chosen.unit, content.name, content.value], ...content.units];
        fill(units, rows.map(([index, name, value]) => [String(index), `${index}${name ? ` ${name}` : ""}: ${value}`]), String(chosen.unit));
      } else if (content.type === "progress") {
        const going = content.done < content.total;
        progress.hidden = !going;
        stop.disabled = !going;
        progress.max = content.total;
        progress.value = content.done;
      } else if (content.type === "result") show(content.pictures, buffers);
      else if (content.type === "say") {
        line.textContent = content.text;
        line.classList.toggle("bb-error", content.kind === "error");
      }
    },
    destroy: () => addresses.forEach((one) => URL.revokeObjectURL(one))
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

// page/explainer.entry.js
var explainer_entry_default = widget(mount);
export {
  explainer_entry_default as default,
  mount
};
