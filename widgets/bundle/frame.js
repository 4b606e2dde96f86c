// Made by build.mjs from page/: change the sources there, then `npm run build`.
// page/dom.js
var SVG = "http://www.w3.org/2000/svg";
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
function svg(tag, attributes = {}, parent) {
  const element = document.createElementNS(SVG, tag);
  set(element, attributes);
  parent?.append(element);
  return element;
}
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = printable(value);
    else element.setAttribute(name, SHOWN.has(name) ? printable(value) : String(value));
  }
}
function icon(path) {
  const picture = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
  svg("path", { d: path }, picture);
  return picture;
}

// page/frame.js
var KEY = "brewbench.frame";
var NARROWEST = 260;
var LOWEST = 240;
var STEP = 24;
var ICONS = {
  side: "M2 3h12v10H2zM9.5 3v10",
  curves: "M2 3h12v10H2zM2 9.5h12",
  tab: "M2 3h12v10H2zM2 6h12M6.5 3v3",
  screen: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4"
};
function remembered(text) {
  try {
    const { open, side, height, hidden } = JSON.parse(text ?? "{}");
    const names = (list) => Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
    const number = (value) => Number.isFinite(value) ? value : void 0;
    return { open: names(open), side: number(side), height: number(height), hidden: names(hidden) };
  } catch {
    return { open: [], hidden: [] };
  }
}
function opened(open, name, also) {
  if (!also) return [name];
  const others = open.filter((each) => each !== name);
  return others.length === open.length ? [...open, name] : others.length ? others : open;
}
function mount(root, { send }) {
  root.classList.add("bb-frame");
  const strip = make("div", { class: "bb-tabs", role: "group", "aria-label": "Side panel. With Ctrl or Shift a pane is shown beside the others." }, root);
  const offer = make("button", { type: "button", class: "bb-offer", "data-tool": "save", hidden: "" }, root);
  const tools = make("div", { class: "bb-tools" }, root);
  const store = (() => {
    try {
      return window.localStorage;
    } catch {
      return null;
    }
  })();
  const now = remembered(store?.getItem(KEY) ?? null);
  let tabs = [];
  let bench = null;
  let dividers = [];
  let unsaved = [];
  const keep = () => {
    try {
      store?.setItem(KEY, JSON.stringify(now));
    } catch {
    }
  };
  const side = () => (
    /** @type {HTMLElement | null} */
    root.closest(".bb-side")
  );
  const main = () => (
    /** @type {HTMLElement | null} */
    bench?.querySelector(":scope > .bb-main") ?? null
  );
  function tool(name, title, action) {
    const button = make("button", { type: "button", title, "aria-label": title, "data-tool": name }, tools);
    button.append(icon(ICONS[name]));
    button.addEventListener("click", action);
    return button;
  }
  const curves = tool("curves", "Show or hide the curves", () => toggle("curves"));
  const panel = tool("side", "Show or hide the side panel", () => toggle("side"));
  let openTab = null;
  const tab = tool("tab", "Open in its own tab", () => openTab?.());
  tab.hidden = true;
  const screen = tool("screen", "Use the whole screen (Escape leaves)", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else bench?.requestFullscreen?.();
  });
  function toggle(what) {
    now.hidden = now.hidden.includes(what) ? now.hidden.filter((each) => each !== what) : [...now.hidden, what];
    keep();
    arrange();
  }
  function open(name, also) {
    now.open = opened(shown(), name, also);
    keep();
    arrange();
    send({ type: "tabs", open: shown() });
  }
  function shown() {
    const known = tabs.map(([name]) => name), found = now.open.filter((name) => known.includes(name));
    return found.length ? found : known.slice(0, 1);
  }
  function arrange() {
    const panes = shown();
    for (const button of strip.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(panes.includes(button.dataset.tab ?? "")));
    }
    const inside = [...side()?.children ?? []].filter((each) => !each.contains(root));
    inside.forEach((pane, at) => pane.classList.toggle("bb-closed", !panes.includes(tabs[at]?.[0])));
    if (!bench) return;
    bench.classList.toggle("bb-no-curves", now.hidden.includes("curves"));
    bench.classList.toggle("bb-no-side", now.hidden.includes("side"));
    curves.setAttribute("aria-pressed", String(!now.hidden.includes("curves")));
    panel.setAttribute("aria-pressed", String(!now.hidden.includes("side")));
    if (now.side) bench.style.setProperty("--bb-side", `${now.side}px`);
    if (now.height) bench.style.setProperty("--bb-height", `${now.height}px`);
    for (const divider2 of dividers) divider2.setAttribute("aria-valuenow", String(Math.round(measure(divider2))));
  }
  function measure(divider2) {
    const { width, height } = (divider2.dataset.divider === "side" ? side() : main())?.getBoundingClientRect() ?? { width: 0, height: 0 };
    return divider2.dataset.divider === "side" ? width : height;
  }
  function resize(divider2, size) {
    if (divider2.dataset.divider === "side") {
      const room = (main()?.clientWidth ?? 0) - NARROWEST;
      now.side = Math.round(Math.max(NARROWEST, Math.min(size, room)));
    } else now.height = Math.round(Math.max(LOWEST, size));
    arrange();
  }
  function divider(what, parent) {
    const across = what === "side";
    const element = make("div", {
      class: "bb-divider",
      role: "separator",
      tabindex: 0,
      "data-divider": what,
      "aria-valuenow": 0,
      "aria-valuemin": across ? NARROWEST : LOWEST,
      "aria-orientation": across ? "vertical" : "horizontal",
      "aria-label": across ? "Width of the side panel" : "Height of the drawing"
    }, parent);
    element.addEventListener("pointerdown", (event) => {
      const start = across ? event.clientX : event.clientY, size = measure(element);
      element.setPointerCapture(event.pointerId);
      event.preventDefault();
      const move = ({ clientX, clientY }) => resize(element, size + (across ? start - clientX : clientY - start));
      element.addEventListener("pointermove", move);
      element.addEventListener("lostpointercapture", () => {
        element.removeEventListener("pointermove", move);
        keep();
      }, { once: true });
    });
    element.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: across ? STEP : 0, ArrowRight: across ? -STEP : 0, ArrowUp: across ? 0 : -STEP, ArrowDown: across ? 0 : STEP }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      resize(element, measure(element) + step);
      keep();
    });
    element.addEventListener("dblclick", () => {
      delete now[what];
      bench?.style.removeProperty(`--bb-${what}`);
      keep();
      arrange();
    });
    return element;
  }
  function offerSaving(wanted) {
    offer.hidden = !wanted || !unsaved.length;
    offer.textContent = "Save texts too";
    offer.title = `Unsaved: ${unsaved.join(", ")}`;
    const tab2 = strip.querySelector("[data-tab=text]");
    if (tab2) tab2.textContent = (tabs.find(([name]) => name === "text")?.[1] ?? "") + (unsaved.length ? " *" : "");
  }
  const savedNotebook = (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") offerSaving(true);
  };
  document.addEventListener("keydown", savedNotebook, true);
  offer.addEventListener("click", () => send({ type: "save" }));
  const waiting = new MutationObserver(attach);
  function attach() {
    bench = root.isConnected ? root.closest(".bb-bench") : null;
    const row = main();
    if (!bench || !row) return;
    waiting.disconnect();
    dividers = [divider("side", row), divider("height", row)];
    arrange();
    const around = { keeps: false, openTab: (
      /** @type {(() => void) | null} */
      null
    ) };
    root.dispatchEvent(new CustomEvent("bb-attached", { bubbles: true, detail: around }));
    openTab = around.openTab;
    tab.hidden = !openTab;
    if (around.keeps) send({ type: "keep" });
  }
  waiting.observe(document.body, { subtree: true, childList: true });
  attach();
  const whole = () => screen.setAttribute("aria-pressed", String(Boolean(bench && document.fullscreenElement === bench)));
  document.addEventListener("fullscreenchange", whole);
  return {
    /** @param {any} content */
    receive(content) {
      if (content.type === "panes") {
        tabs = content.tabs;
        curves.hidden = !content.curves;
        strip.replaceChildren(...tabs.map(([name, title]) => {
          const button = make("button", { type: "button", text: title, "data-tab": name });
          button.addEventListener("click", (event) => open(name, event.ctrlKey || event.metaKey || event.shiftKey));
          return button;
        }));
        arrange();
        send({ type: "tabs", open: shown() });
      } else if (content.type === "unsaved") {
        unsaved = content.names;
        offerSaving(!offer.hidden);
        root.dispatchEvent(new CustomEvent("bb-unsaved", { bubbles: true, detail: unsaved }));
      } else if (content.type === "picture") {
        root.dispatchEvent(new CustomEvent("bb-picture", { bubbles: true, detail: content.svg }));
      } else if (content.type === "open" && !shown().includes(content.name)) open(content.name, false);
    },
    destroy() {
      waiting.disconnect();
      document.removeEventListener("fullscreenchange", whole);
      document.removeEventListener("keydown", savedNotebook, true);
      for (const each of dividers) each.remove();
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

// page/frame.entry.js
var frame_entry_default = widget(mount);
export {
  frame_entry_default as default,
  mount
};
