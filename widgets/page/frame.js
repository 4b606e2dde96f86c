// @ts-check
// The frame of a bench: tabs of its side panel, dividers that are dragged, and the whole screen.
//
// It lives in the bench that it arranges: its element is the strip of tabs, the panes are the elements after it.

import { icon, make } from "./dom.js";

const KEY = "brewbench.frame"; // in the browser's storage
const NARROWEST = 260; // pixels of the side panel, and of the drawing
const LOWEST = 240; // pixels of the row that holds them
const STEP = 24; // pixels that a key moves a divider
const ICONS = {
  side: "M2 3h12v10H2zM9.5 3v10",
  curves: "M2 3h12v10H2zM2 9.5h12",
  tab: "M2 3h12v10H2zM2 6h12M6.5 3v3",
  screen: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
};

/** @typedef {{ open: string[], side?: number, height?: number, hidden: string[] }} Arrangement */

/**
 * What was remembered, as far as it is sound.
 * @param {string | null} text
 * @returns {Arrangement}
 */
export function remembered(text) {
  try {
    const { open, side, height, hidden } = JSON.parse(text ?? "{}");
    const names = (/** @type {any} */ list) => (Array.isArray(list) ? list.filter((each) => typeof each === "string") : []);
    const number = (/** @type {any} */ value) => (Number.isFinite(value) ? value : undefined);
    return { open: names(open), side: number(side), height: number(height), hidden: names(hidden) };
  } catch {
    return { open: [], hidden: [] };
  }
}

/**
 * The panes that are open after a click on the tab of one: it alone, or with the others where `also`.
 * @param {string[]} open
 * @param {string} name
 * @param {boolean} also
 */
export function opened(open, name, also) {
  if (!also) return [name];
  const others = open.filter((each) => each !== name);
  return others.length === open.length ? [...open, name] : others.length ? others : open;
}

/** @param {HTMLElement} root @param {import("./messages.js").Adapter} adapter */
export function mount(root, { send }) {
  root.classList.add("bb-frame");
  const strip = make("div", { class: "bb-tabs", role: "group", "aria-label": "Side panel. With Ctrl or Shift a pane is shown beside the others." }, root);
  const offer = make("button", { type: "button", class: "bb-offer", "data-tool": "save", hidden: "" }, root);
  const tools = make("div", { class: "bb-tools" }, root);
  const store = (() => { try { return window.localStorage; } catch { return null; } })();
  const now = remembered(store?.getItem(KEY) ?? null);
  /** @type {[name: string, title: string][]} */
  let tabs = [];
  /** @type {HTMLElement | null} */
  let bench = null;
  /** @type {HTMLElement[]} */
  let dividers = [];
  /** @type {string[]} */
  let unsaved = [];

  const keep = () => { try { store?.setItem(KEY, JSON.stringify(now)); } catch { /* a full or forbidden storage forgets */ } };
  const side = () => /** @type {HTMLElement | null} */ (root.closest(".bb-side"));
  const main = () => /** @type {HTMLElement | null} */ (bench?.querySelector(":scope > .bb-main") ?? null);

  /** @param {keyof typeof ICONS} name @param {string} title @param {() => void} action */
  function tool(name, title, action) {
    const button = make("button", { type: "button", title, "aria-label": title, "data-tool": name }, tools);
    button.append(icon(ICONS[name]));
    button.addEventListener("click", action);
    return button;
  }
  const curves = tool("curves", "Show or hide the curves", () => toggle("curves"));
  const panel = tool("side", "Show or hide the side panel", () => toggle("side"));
  /** @type {(() => void) | null} what opens the bench in a tab of its own, where the page around it can */
  let openTab = null;
  const tab = tool("tab", "Open in its own tab", () => openTab?.());
  tab.hidden = true;
  const screen = tool("screen", "Use the whole screen (Escape leaves)", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else bench?.requestFullscreen?.();
  });

  /** @param {"curves" | "side"} what */
  function toggle(what) {
    now.hidden = now.hidden.includes(what) ? now.hidden.filter((each) => each !== what) : [...now.hidden, what];
    keep();
    arrange();
  }

  /** @param {string} name @param {boolean} also */
  function open(name, also) {
    now.open = opened(shown(), name, also);
    keep();
    arrange();
    send({ type: "tabs", open: shown() });
  }

  /** The names of the panes that are open: those remembered that are there, else the first. */
  function shown() {
    const known = tabs.map(([name]) => name), found = now.open.filter((name) => known.includes(name));
    return found.length ? found : known.slice(0, 1);
  }

  /** Bring the bench to what is remembered. */
  function arrange() {
    const panes = shown();
    for (const button of strip.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(panes.includes(button.dataset.tab ?? "")));
    }
    const inside = [...(side()?.children ?? [])].filter((each) => !each.contains(root));
    inside.forEach((pane, at) => pane.classList.toggle("bb-closed", !panes.includes(tabs[at]?.[0])));
    if (!bench) return;
    bench.classList.toggle("bb-no-curves", now.hidden.includes("curves"));
    bench.classList.toggle("bb-no-side", now.hidden.includes("side"));
    curves.setAttribute("aria-pressed", String(!now.hidden.includes("curves")));
    panel.setAttribute("aria-pressed", String(!now.hidden.includes("side")));
    if (now.side) bench.style.setProperty("--bb-side", `${now.side}px`);
    if (now.height) bench.style.setProperty("--bb-height", `${now.height}px`);
    for (const divider of dividers) divider.setAttribute("aria-valuenow", String(Math.round(measure(divider))));
  }

  /** What a divider divides: the width of the side panel, or the height of the row. @param {HTMLElement} divider */
  function measure(divider) {
    const { width, height } = (divider.dataset.divider === "side" ? side() : main())?.getBoundingClientRect() ?? { width: 0, height: 0 };
    return divider.dataset.divider === "side" ? width : height;
  }

  /** @param {HTMLElement} divider @param {number} size */
  function resize(divider, size) {
    if (divider.dataset.divider === "side") {
      const room = (main()?.clientWidth ?? 0) - NARROWEST;
      now.side = Math.round(Math.max(NARROWEST, Math.min(size, room)));
    } else now.height = Math.round(Math.max(LOWEST, size));
    arrange();
  }

  /** @param {"side" | "height"} what @param {HTMLElement} parent */
  function divider(what, parent) {
    const across = what === "side";
    const element = make("div", {
      class: "bb-divider", role: "separator", tabindex: 0, "data-divider": what, "aria-valuenow": 0, "aria-valuemin": across ? NARROWEST : LOWEST,
      "aria-orientation": across ? "vertical" : "horizontal", "aria-label": across ? "Width of the side panel" : "Height of the drawing",
    }, parent);
    element.addEventListener("pointerdown", (event) => {
      const start = across ? event.clientX : event.clientY, size = measure(element);
      element.setPointerCapture(event.pointerId);
      event.preventDefault();
      const move = (/** @type {PointerEvent} */ { clientX, clientY }) => resize(element, size + (across ? start - clientX : clientY - start));
      element.addEventListener("pointermove", move);
      element.addEventListener("lostpointercapture", () => { element.removeEventListener("pointermove", move); keep(); }, { once: true });
    });
    element.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: across ? STEP : 0, ArrowRight: across ? -STEP : 0, ArrowUp: across ? 0 : -STEP, ArrowDown: across ? 0 : STEP }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      resize(element, measure(element) + step);
      keep();
    });
    element.addEventListener("dblclick", () => { // as it was at first
      delete now[what];
      bench?.style.removeProperty(`--bb-${what}`);
      keep();
      arrange();
    });
    return element;
  }

  /** Offer to save the texts: with the notebook alone they are not saved. @param {boolean} wanted */
  function offerSaving(wanted) {
    offer.hidden = !wanted || !unsaved.length;
    offer.textContent = "Save texts too";
    offer.title = `Unsaved: ${unsaved.join(", ")}`;
    const tab = strip.querySelector("[data-tab=text]");
    if (tab) tab.textContent = (tabs.find(([name]) => name === "text")?.[1] ?? "") + (unsaved.length ? " *" : "");
  }
  const savedNotebook = (/** @type {KeyboardEvent} */ event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") offerSaving(true);
  };
  document.addEventListener("keydown", savedNotebook, true);
  offer.addEventListener("click", () => send({ type: "save" }));

  // The bench around this element exists only once the whole of it is in the page.
  const waiting = new MutationObserver(attach);
  function attach() {
    bench = root.isConnected ? root.closest(".bb-bench") : null;
    const row = main();
    if (!bench || !row) return;
    waiting.disconnect();
    dividers = [divider("side", row), divider("height", row)];
    arrange();
    // Whatever holds the bench may say that it keeps pictures of it, and how it is opened in a tab.
    const around = { keeps: false, openTab: /** @type {(() => void) | null} */ (null) };
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
        // For what is around the bench: a document tab marks that there is something to save.
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
    },
  };
}
