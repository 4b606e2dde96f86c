// @ts-check
// The stepper: buttons, live fields and a line of where the run is.

import { icon, make, printable } from "./dom.js";

const ICONS = {
  reset: "M2 2h2v12H2zM14 2v12L5 8z",
  backward: "M12 2v12L3 8z",
  forward: "M4 2v12l9-6z",
  once: "M2 2v12l8-6zM11 2h3v12h-3z",
  many: "M1 2v12l5-6zM6 2v12l5-6zM12 2h3v12h-3z",
  backward_pass: "M15 2v12L9 8zM8 2v12L1 8z",
  forward_pass: "M1 2v12l7-6zM8 2v12l6-6z",
  update: "M8 1l5 6H9.5v4h-3V7H3zM3 13h10v2H3z",
  play: "M3 1v14l11-7z",
  stop: "M3 3h10v10H3z",
  pause: "M3 2h4v12H3zM9 2h4v12H9z",
};
const SETTLE = 700; // ms after which what is over is no longer shown
const DRAG = 60; // ms without a move after which the slider asks for its state
const RATES = { 10: "10 per second", 4: "4 per second", 1: "1 per second", 0.2: "every 5 seconds", 0: "when paused" };

/** Iterations per second in a few characters; "" where unknown. */
export function pace(rate) {
  if (!(rate > 0)) return "";
  return rate >= 10 ? `${Math.round(rate)} it/s` : rate >= 1 ? `${rate.toFixed(1)} it/s` : `${(1 / rate).toFixed(1)} s/it`;
}

/** The number in a text, or null where there is none; a whole one from 1 where `whole`. */
export function readNumber(text, whole = false) {
  const value = text.trim() === "" ? NaN : Number(text);
  return !Number.isFinite(value) || (whole && (!Number.isInteger(value) || value < 1)) ? null : value;
}

/** Which state of a timeline an iteration is at, or after, in words. */
export function placeOf(kept, iteration) {
  return `${iteration.toLocaleString("en")} (${slotOf(kept, iteration) + 1} of ${kept.length} kept)`;
}

/** The number of the last kept state at an iteration or before it. */
export function slotOf(kept, iteration) {
  let at = kept.length - 1;
  while (at > 0 && kept[at] > iteration) at -= 1;
  return at;
}

/** Write a line with one part of weight, and only what has changed of it; the answer is that part. */
function write(line, before, strong, after = "") {
  if (!line.firstChild) line.append("", make("b"), "");
  const [first, middle, last] = line.childNodes;
  if (first.data !== before) first.data = before;
  if (middle.textContent !== strong) middle.textContent = strong;
  if (last.data !== after) last.data = after;
  return middle;
}

export function mount(root, { send }) {
  root.classList.add("bb-pane", "bb-stepper");
  const tools = make("div", { class: "bb-stepper-tools", role: "toolbar", "aria-label": "Steps. Space plays and pauses, n is one iteration, arrow keys are one layer, with shift a pass, u the update." }, root);
  const now = make("div", { class: "bb-stepper-now" }, root);
  const status = make("div", { class: "bb-status", hidden: "" }, root);
  const message = make("output", { role: "alert" }, status);

  /** @type {Record<string, any>} */
  let shown = { state: "idle", iteration: 0, fields: {}, phase: "TRAIN", device: "cpu", no_gpu: "" };
  const command = (name, ...arguments_) => send({ type: "command", name, arguments: arguments_ });

  const group = () => make("span", {}, tools);
  const button = (parent, name, text, title, act, image = name) => {
    const element = make("button", { type: "button", title, "aria-label": title.replace(/ \(.*/, ""), "data-command": name }, parent);
    if (text) make("span", { text }, element);
    element.prepend(icon(ICONS[image]));
    element.addEventListener("click", () => element.getAttribute("aria-disabled") !== "true" && act());
    return element;
  };
  const layers = group();
  const reset = button(layers, "reset", "", "Back to the start", () => command("reset"));
  const backward = button(layers, "backward", "layer", "One layer backward (left arrow)", () => command("backward"));
  const forward = button(layers, "forward", "layer", "The next layer (right arrow)", () => command("forward"));
  const passes = group();
  const backwardPass = button(passes, "backward_pass", "pass", "The backward pass, or the rest of it (shift and left arrow)", () => command("backward_pass"));
  const forwardPass = button(passes, "forward_pass", "pass", "The forward pass, or the rest of it (shift and right arrow)", () => command("forward_pass"));
  const update = button(passes, "update", "update", "Apply the update (u)", () => command("update"));
  const iterations = group();
  const once = button(iterations, "once", "1", "One iteration (n)", () => command("step", 1));
  const count = make("input", { type: "number", min: 1, step: 1, value: 100, "aria-label": "Number of iterations" });
  const many = button(iterations, "many", "", "This many iterations", () => {
    const value = readNumber(count.value, true);
    count.setAttribute("aria-invalid", String(value === null));
    if (value === null) say("The number of iterations must be a whole number from 1.");
    else command("step", value);
  });
  iterations.append(count);
  const epoch = button(iterations, "epoch", "epoch", "Once through the training data", () => command("epoch"), "many");
  const until = make("input", {
    type: "text", class: "bb-until", "data-until": "", placeholder: "5000 or loss < 0.1", "aria-label": "Run to an iteration or until a condition holds",
    title: "Enter runs to this iteration, or until this holds: numbers are compared with iteration, loss, smoothed, rate, outputs of the net and of its tests; and, or, not; nan",
  }, make("label", { text: "until" }, iterations));
  until.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !until.value.trim() || shown.state === "running") return;
    say("");
    command("until", until.value.trim());
  });
  const running = group();
  const play = button(running, "play", "Play", "Play (space)", () => command(shown.state === "running" ? "pause" : "play"));
  play.classList.add("bb-play");
  button(running, "stop", "", "Stop: pause, and give up an iteration that is halfway done", () => command("stop"));
  const modes = group();
  const phases = ["TRAIN", "TEST"].map((name) => {
    const element = make("button", { type: "button", text: name, "data-phase": name, title: `Look at the net of phase ${name}` }, modes);
    element.addEventListener("click", () => command("phase", name));
    return element;
  });
  const places = group();
  const devices = ["cpu", "gpu"].map((name) => {
    const element = make("button", { type: "button", text: name.toUpperCase(), "data-device": name }, places);
    element.addEventListener("click", () => element.getAttribute("aria-disabled") !== "true" && command("device", name));
    return element;
  });
  const live = group();
  const freeze = make("button", { type: "button", "data-command": "freeze", hidden: "" }, live);
  freeze.addEventListener("click", () => shown.freezable && command("freeze", shown.freezable.layer, !shown.freezable.frozen));
  const watchLabel = make("label", { class: "bb-check", title: "Halt at the first loss that is NaN or infinite" }, live);
  const watch = make("input", { type: "checkbox", "data-watch": "" }, watchLabel);
  watchLabel.append("halt at NaN");
  watch.addEventListener("change", () => command("watch", watch.checked));
  const follow = group();
  const refreshLabel = make("label", { text: "follow" }, follow);
  const refresh = make("select", { "aria-label": "How often the views follow a run" }, refreshLabel);
  for (const [value, text] of Object.entries(RATES).sort((a, b) => Number(b[0]) - Number(a[0]))) make("option", { value, text }, refresh);
  refresh.value = "4";
  refresh.addEventListener("change", () => command("refresh", Number(refresh.value)));

  const badge = make("span", { class: "bb-badge", role: "status" }, now);
  const iteration = make("span", { class: "bb-iteration" }, now);
  const loss = make("span", { class: "bb-loss" }, now);
  const speed = make("span", { class: "bb-rate" }, now);
  const layer = make("span", { class: "bb-layer" }, now);
  const next = make("span", { class: "bb-next" }, now);
  const waiting = make("span", { class: "bb-waiting", role: "status" }, now);
  const progress = make("label", { hidden: "" }, now);
  const bar = make("progress", { "aria-label": "Steps done" }, progress);
  const steps = make("span", {}, progress);
  const timeline = make("label", { class: "bb-timeline", hidden: "", title: "States that were kept: drag back to one, and the run goes on from there" }, now);
  const slider = make("input", { type: "range", min: 0, step: 1, "data-timeline": "", "aria-label": "State to return to" }, timeline);
  const slot = make("span", {}, timeline);
  slider.addEventListener("input", () => {
    const iteration = shown.kept[Number(slider.value)];
    slot.textContent = placeOf(shown.kept, iteration);
    dragged = performance.now();
    clearTimeout(dragging);
    dragging = setTimeout(() => command("go_back", iteration), DRAG);
  });
  const repair = make("button", { type: "button", text: "Back to the last good state", "data-command": "go_back_to_finite", hidden: "" }, status);
  repair.addEventListener("click", () => command("go_back_to_finite"));
  const inputs = new Map();
  /** @type {any} */
  let dragging;
  let dragged = -Infinity; // when the slider was last moved by hand
  /** @type {any} */
  let over;

  function say(text, kind = "error") {
    message.textContent = printable(text);
    message.className = `bb-${kind}`;
    status.hidden = !text;
    repair.hidden = !shown.spoiled || !text;
  }

  /** One kernel follows another: what was said stays for a moment after each. */
  function showWaiting(text) {
    clearTimeout(over);
    if (text) waiting.textContent = printable(text);
    else over = setTimeout(() => { waiting.textContent = ""; }, SETTLE);
  }

  function liveField(name) {
    const label = make("label", { text: name.replaceAll("_", " ") });
    live.insertBefore(label, freeze);
    const input = make("input", { type: "text", inputmode: "decimal", class: "bb-live", "data-field": name, title: "Enter applies it from the next iteration on" }, label);
    const commit = () => {
      const value = readNumber(input.value);
      input.setAttribute("aria-invalid", String(value === null));
      if (value === null) say(`${name}: expected a number, found "${input.value}".`);
      else if (value !== shown.fields[name]) {
        say("");
        shown.fields[name] = value;
        command("set", name, value);
      }
    };
    input.addEventListener("change", commit);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") commit();
      if (event.key === "Escape") input.value = shown.fields[name];
    });
    inputs.set(name, input);
    return input;
  }

  function show(status) {
    const fields = { ...shown.fields, ...status.fields };
    shown = { ...shown, ...status, fields };
    const active = shown.state === "running";
    badge.textContent = shown.state;
    badge.dataset.state = shown.state;
    /** @type {Element} */ (play.querySelector("span")).textContent = active ? "Pause" : "Play";
    play.querySelector("path")?.setAttribute("d", ICONS[active ? "pause" : "play"]);
    play.title = active ? "Pause (space)" : "Play (space)";
    play.setAttribute("aria-label", active ? "Pause" : "Play");
    // Not `disabled`, which would take the focus, and with it the keys, from whoever just pressed one.
    for (const each of [backward, forward, backwardPass, forwardPass, update, once, many, epoch]) each.setAttribute("aria-disabled", String(active));
    write(iteration, "iteration ", Number(shown.iteration).toLocaleString("en"));
    if (speed.textContent !== pace(shown.rate)) speed.textContent = pace(shown.rate);
    layer.hidden = !shown.layer;
    if (shown.layer) write(layer, "ran ", printable(shown.layer), ` ${shown.direction ?? ""}`);
    next.hidden = !shown.next || active;
    write(next, "next: ", printable(shown.next ?? ""));
    if ("waiting" in status) showWaiting(status.waiting);
    loss.hidden = !shown.loss;
    write(loss, "loss ", shown.loss ?? "").classList.toggle("bb-bad", !/\d/.test(shown.loss));
    progress.hidden = !shown.total;
    bar.max = shown.total || 1;
    bar.value = shown.done ?? 0;
    steps.textContent = `${shown.done ?? 0} of ${shown.total}`;
    for (const element of phases) element.setAttribute("aria-pressed", String(element.dataset.phase === shown.phase));
    for (const element of devices) {
      const name = element.dataset.device ?? "", missing = name === "gpu" ? shown.no_gpu : "";
      element.setAttribute("aria-pressed", String(name === shown.device));
      element.setAttribute("aria-disabled", String(Boolean(missing) || active));
      element.title = missing || (active ? "Pause before moving to another device" : `Compute on the ${name.toUpperCase()}`);
    }
    timeline.hidden = (shown.kept ?? []).length < 2;
    if (!timeline.hidden && performance.now() - dragged > SETTLE) {
      slider.max = String(shown.kept.length - 1);
      slider.value = String(slotOf(shown.kept, shown.iteration));
      slot.textContent = placeOf(shown.kept, shown.iteration);
    }
    watch.checked = shown.watch !== false;
    freeze.hidden = !shown.freezable;
    freeze.textContent = shown.freezable ? `${shown.freezable.frozen ? "unfreeze" : "freeze"} ${printable(shown.freezable.layer)}` : "";
    freeze.title = shown.freezable?.frozen ? "Let its parameters learn again: lr_mult as it was" : "Let its parameters stand still: lr_mult 0";
    freeze.setAttribute("aria-pressed", String(Boolean(shown.freezable?.frozen)));
    for (const [name, value] of Object.entries(fields)) {
      const input = inputs.get(name) ?? liveField(name);
      if (document.activeElement !== input && Number(input.value || NaN) !== value) input.value = value;
    }
    live.hidden = !inputs.size && !shown.freezable;
    if ("error" in status || "notice" in status || "spoiled" in status) say(shown.error || shown.notice || "", shown.error ? "error" : "info");
  }

  function offer(commands) {
    const has = (name) => commands.includes(name);
    reset.hidden = !has("reset");
    backward.hidden = !has("backward");
    forward.hidden = !has("forward");
    passes.hidden = !has("forward_pass");
    iterations.hidden = !has("step");
    running.hidden = !(has("play") && has("pause"));
    modes.hidden = !has("phase");
    places.hidden = !has("device");
    follow.hidden = !has("refresh");
    watchLabel.hidden = !has("watch");
    iteration.hidden = !has("step"); // a net without a solver has none
    for (const input of inputs.values()) input.disabled = !has("set");
  }

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
    const arrows = event.shiftKey ? { ArrowLeft: backwardPass, ArrowRight: forwardPass } : { ArrowLeft: backward, ArrowRight: forward };
    const target = { " ": play, n: once, u: update, ...arrows }[event.key];
    if (!target || target.hidden || target.parentElement.hidden) return;
    event.preventDefault();
    event.stopPropagation();
    target.click();
  });
  root.addEventListener("keyup", (event) => {
    // A button would take the space key for a click when it comes up.
    if (event.key === " " && event.target.matches("button")) event.preventDefault();
  });
  tools.tabIndex = -1;
  show(shown);

  return {
    receive(content) {
      if (content.type === "status") {
        show(content.status);
        if (content.commands) offer(content.commands);
      } else if (content.type === "say") say(content.text, content.kind);
    },
  };
}
