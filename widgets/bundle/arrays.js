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

// page/arrays.js
var NAN = 255;
var STOPS = {
  diverging: ["#053061", "#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b", "#67001f"],
  grey: ["#000000", "#ffffff"]
};
var NAN_COLOUR = 4294902015;
var MODES = { tiles: "Tiles", image: "Image", bars: "Bars", histogram: "Histogram" };
function colourTable(name) {
  const stops = STOPS[name].map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const table = new Uint32Array(256);
  for (let level = 0; level < NAN; level++) {
    const place = level / (NAN - 1) * (stops.length - 1);
    const i = Math.min(Math.floor(place), stops.length - 2);
    const [red, green, blue] = stops[i].map((from, c) => Math.round(from + (stops[i + 1][c] - from) * (place - i)));
    table[level] = (4278190080 | blue << 16 | green << 8 | red) >>> 0;
  }
  table[NAN] = NAN_COLOUR;
  return table;
}
function arrange({ count, width, height, columns }, space) {
  const size = (across) => Math.min(space.width / (across * (width + 1) + 1), space.height / (Math.ceil(count / across) * (height + 1) + 1));
  let best = columns || 1;
  if (!columns) {
    for (let across = 2; across <= count; across++) if (size(across) > size(best)) best = across;
  }
  let scale = size(best);
  if (scale < 1 && count > 1) scale = Math.max(scale, Math.min(1, space.width / (best * (width + 1) + 1)));
  if (scale > 1) scale = Math.floor(scale);
  return { across: best, down: Math.ceil(count / best), scale: Math.min(scale, 24) };
}
function paint(levels, { count, width, height, channels }, { across, down }, table) {
  const stride = across * (width + 1) + 1;
  const words = new Uint32Array(stride * (down * (height + 1) + 1));
  let from = 0;
  for (let tile = 0; tile < count; tile++) {
    const left = tile % across * (width + 1) + 1;
    const top = Math.floor(tile / across) * (height + 1) + 1;
    for (let y = 0; y < height; y++) {
      let to = (top + y) * stride + left;
      for (let x = 0; x < width; x++, to++) {
        if (channels === 1) words[to] = table[levels[from++]];
        else {
          const red = levels[from++], green = levels[from++], blue = levels[from++];
          const broken = red === NAN || green === NAN || blue === NAN;
          words[to] = broken ? NAN_COLOUR : (4278190080 | blue << 16 | green << 8 | red) >>> 0;
        }
      }
    }
  }
  return { words, width: stride, height: down * (height + 1) + 1 };
}
var labelOf = (control) => (
  /** @type {HTMLElement} */
  control.parentElement
);
function short(value) {
  if (value === void 0 || value === null) return "";
  if (value === 0 || Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5) return String(Number(value.toPrecision(4)));
  return value.toExponential(2);
}
function mount(root, { send }) {
  root.classList.add("bb-pane", "bb-arrays");
  const head = make("div", { class: "bb-arrays-head" }, root);
  const title = make("strong", {}, head);
  const shape = make("span", { class: "bb-shape" }, head);
  const parts = make("span", { class: "bb-choice", role: "group", "aria-label": "Part of the blob" }, head);
  const partButtons = ["data", "diff", "update"].map((text) => make("button", { type: "button", text, "data-part": text }, parts));
  const select = (label, name, options) => {
    const wrap = make("label", { text: label }, head);
    const box = make("select", { "aria-label": label || name, "data-setting": name }, wrap);
    for (const [value, text] of Object.entries(options)) make("option", { value, text }, box);
    box.addEventListener("change", () => set({ [name]: name === "gain" ? Number(box.value) : box.value }));
    return box;
  };
  const modeBox = select("as", "mode", MODES);
  const imageLabel = make("label", { text: "item" }, head);
  const imageBox = make("input", { type: "number", min: 0, step: 1, "aria-label": "Item of the batch" }, imageLabel);
  const mapBox = select("colours", "map", { diverging: "blue–red about 0", grey: "grey" });
  const rangeBox = select("range", "range", { all: "automatic", each: "each tile", held: "held" });
  const gainBox = select("gain", "gain", { 0.25: "¼", 0.5: "½", 1: "1", 2: "2", 4: "4", 8: "8", 16: "16", 64: "64" });
  const stage = make("div", { class: "bb-arrays-stage" }, root);
  const empty = make("div", { class: "bb-arrays-empty", text: "Nothing to look at yet." }, stage);
  const holder = make("div", { class: "bb-arrays-frame", tabindex: 0, role: "application", hidden: "" }, stage);
  const canvas = make("canvas", {}, holder);
  const here = make("div", { class: "bb-here", hidden: "" }, holder);
  const scale = make("div", { class: "bb-arrays-scale" }, root);
  const lowText = make("span", {}, scale);
  const bar = make("canvas", { width: 255, height: 1, "aria-hidden": "true" }, scale);
  const highText = make("span", {}, scale);
  const note = make("span", { class: "bb-note" }, scale);
  const status = make("div", { class: "bb-status" }, root);
  const message = make("output", { "aria-live": "polite" }, status);
  const stats = make("span", { class: "bb-stats" }, status);
  const context = (
    /** @type {CanvasRenderingContext2D} */
    canvas.getContext("2d")
  );
  let frame = null;
  let values = null;
  let layout = null;
  const tables = {};
  let chosen = null;
  let asked = 0;
  let probing = false;
  let nextProbe = null;
  let request;
  const set = (settings) => send({ type: "set", settings });
  const unitOf = (spot) => {
    if (frame.shown === "bars") return spot.tile * frame.run;
    if (frame.count === 1 && frame.total === 1) return frame.channels === 3 ? 0 : spot.y * frame.block[0];
    return frame.columns ? spot.tile % frame.columns : spot.tile;
  };
  const countOf = () => frame.shown === "tiles" ? frame.count : values.length;
  function draw() {
    request = null;
    if (!frame) return;
    const space = { width: stage.clientWidth - 14, height: stage.clientHeight - 14 };
    if (space.width <= 0 || space.height <= 0) return;
    if (frame.shown === "tiles") drawTiles(space);
    else drawBars(space);
    mark();
    send({ type: "drawn", frame: frame.frame });
  }
  function redraw() {
    request ??= requestAnimationFrame(draw);
  }
  function drawTiles(space) {
    layout = arrange(frame, space);
    const table = tables[frame.settings.map] ??= colourTable(frame.settings.map);
    const picture = paint(values, frame, layout, table);
    canvas.width = picture.width;
    canvas.height = picture.height;
    context.putImageData(new ImageData(new Uint8ClampedArray(picture.words.buffer), picture.width), 0, 0);
    canvas.style.width = `${picture.width * layout.scale}px`;
    canvas.style.height = `${picture.height * layout.scale}px`;
    canvas.style.imageRendering = layout.scale >= 1 ? "pixelated" : "auto";
    const legend = (
      /** @type {CanvasRenderingContext2D} */
      bar.getContext("2d")
    );
    legend.putImageData(new ImageData(new Uint8ClampedArray(table.slice(0, NAN).buffer), NAN), 0, 0);
  }
  function drawBars({ width, height }) {
    const dense = window.devicePixelRatio || 1;
    layout = { width, height, step: width / values.length };
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const style = getComputedStyle(root);
    const colours = { up: style.getPropertyValue("--bb-accent").trim() || "#0b6bcb", down: style.getPropertyValue("--bb-error").trim() || "#d32f2f" };
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.clearRect(0, 0, width, height);
    const counts = frame.shown === "histogram";
    const low = counts ? 0 : frame.low;
    const high = counts ? Math.max(1, values.reduce((most, value) => Math.max(most, value), 0)) : frame.high;
    const up = (value) => height - (value - low) / (high - low || 1) * height;
    const gap = layout.step > 4 ? 1 : 0;
    for (let i = 0; i < values.length; i++) {
      const value = Number.isFinite(values[i]) ? values[i] : 0;
      const top = Math.min(up(value), up(0));
      const tall = Math.abs(up(value) - up(0));
      context.fillStyle = value < 0 ? colours.down : colours.up;
      context.fillRect(i * layout.step, top, Math.max(layout.step - gap, 0.5), value ? Math.max(tall, 1) : 0);
    }
    context.fillStyle = style.getPropertyValue("--bb-text-2").trim() || "#5f5f5f";
    if (!counts) context.fillRect(0, Math.min(up(0), height - 1), width, 1);
    else if (frame.low < 0 && frame.high > 0) context.fillRect(-frame.low / (frame.high - frame.low) * width, 0, 1, height);
  }
  function mark() {
    here.hidden = chosen === null || !layout || frame.shown === "histogram";
    if (here.hidden) return;
    if (frame.shown === "bars") {
      Object.assign(here.style, { left: `${chosen * layout.step}px`, top: 0, width: `${layout.step}px`, height: `${layout.height}px` });
      return;
    }
    const left = chosen % layout.across * (frame.width + 1) + 1;
    const top = Math.floor(chosen / layout.across) * (frame.height + 1) + 1;
    Object.assign(here.style, {
      left: `${left * layout.scale}px`,
      top: `${top * layout.scale}px`,
      width: `${frame.width * layout.scale}px`,
      height: `${frame.height * layout.scale}px`
    });
  }
  function spotAt(event) {
    const box = canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    if (!frame || !layout || x < 0 || y < 0) return null;
    if (frame.shown !== "tiles") {
      const tile2 = Math.floor(x / layout.step);
      return tile2 < values.length ? { tile: tile2, y: 0, x: 0 } : null;
    }
    const column = Math.floor(x / layout.scale) - 1;
    const row = Math.floor(y / layout.scale) - 1;
    const tile = Math.floor(row / (frame.height + 1)) * layout.across + Math.floor(column / (frame.width + 1));
    const spot = { tile, y: row % (frame.height + 1), x: column % (frame.width + 1) };
    const inside = row >= 0 && column >= 0 && spot.y < frame.height && spot.x < frame.width && column < layout.across * (frame.width + 1);
    return inside && tile < frame.count ? spot : null;
  }
  function describe(spot) {
    if (frame.shown === "histogram") {
      const width = (frame.high - frame.low) / values.length;
      const from = frame.low + spot.tile * width;
      return `${short(from)} to ${short(from + width)}: ${values[spot.tile]} values`;
    }
    if (frame.shown === "bars") {
      const last = frame.run > 1 ? `–${Math.min((spot.tile + 1) * frame.run, frame.stats.count) - 1}` : "";
      return `[${spot.tile * frame.run}${last}] = ${short(values[spot.tile])}${frame.run > 1 ? " (largest)" : ""}`;
    }
    const place = frame.columns ? `${spot.tile % frame.columns}, ${Math.floor(spot.tile / frame.columns)}` : spot.tile;
    const at = `${frame.total > 1 ? `${place}: ` : ""}${spot.y * frame.block[0]}, ${spot.x * frame.block[1]}`;
    if (frame.low === null || frame.channels > 1) return at;
    const level = values[(spot.tile * frame.height + spot.y) * frame.width + spot.x];
    const span = (frame.high - frame.low) / frame.settings.gain;
    return `${at} ≈ ${level === NAN ? "nan" : short(frame.low / frame.settings.gain + level / (NAN - 1) * span)}`;
  }
  function probe(spot) {
    if (frame.shown !== "tiles") return;
    nextProbe = spot;
    if (probing) return;
    probing = true;
    setTimeout(() => {
      probing = false;
      if (nextProbe) send({ type: "probe", ask: ++asked, tile: nextProbe.tile, y: nextProbe.y, x: nextProbe.x });
    }, 60);
  }
  function say(text, kind = "") {
    message.textContent = text;
    message.title = text;
    message.className = kind ? `bb-${kind}` : "";
  }
  function choose(tile) {
    chosen = Math.max(0, Math.min(tile, countOf() - 1));
    mark();
    here.scrollIntoView?.({ block: "nearest", inline: "nearest" });
    const spot = { tile: chosen, y: 0, x: 0 };
    say(describe(spot));
    probe(spot);
  }
  function showFrame(content, buffers) {
    const fresh = !frame || frame.name !== content.name || frame.shown !== content.shown || frame.settings.part !== content.settings.part;
    frame = content.shape ? content : null;
    const data = buffers?.[0];
    title.textContent = printable(content.name);
    title.title = printable(content.name);
    shape.textContent = content.shape ? content.shape.join(" × ") : "";
    const names = content.parts ?? { data: "data", diff: "diff" };
    for (const button of partButtons) {
      const part = button.dataset.part ?? "";
      button.hidden = !(part in names);
      button.textContent = names[part] ?? part;
      button.title = part === "update" ? "What the last update subtracted" : part === "diff" ? "The gradient of the loss" : "";
      button.setAttribute("aria-pressed", String(part === content.settings.part));
    }
    empty.hidden = !!frame;
    empty.textContent = content.reason || (content.name ? `No ${content.settings.part} in ${printable(content.name)}.` : "Nothing to look at yet.");
    holder.hidden = !frame;
    scale.hidden = !frame;
    stats.textContent = "";
    if (fresh) {
      chosen = null;
      say("");
    }
    if (!frame) return;
    const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    values = frame.shown === "tiles" ? new Uint8Array(bytes) : frame.shown === "bars" ? new Float32Array(bytes) : new Uint32Array(bytes);
    const { settings, stats: numbers } = frame;
    for (const option of modeBox.options) option.hidden = !frame.modes.includes(option.value);
    modeBox.value = settings.mode;
    mapBox.value = settings.map;
    rangeBox.value = settings.range;
    gainBox.value = String(settings.gain);
    const pictures = frame.shown === "tiles";
    const coloured = pictures && frame.channels === 1;
    labelOf(mapBox).hidden = !coloured;
    labelOf(rangeBox).hidden = labelOf(gainBox).hidden = !pictures;
    imageLabel.hidden = frame.items < 2 || frame.shown === "histogram";
    imageBox.max = String(frame.items - 1);
    if (document.activeElement !== imageBox) imageBox.value = settings.image;
    bar.hidden = !coloured;
    const gain = pictures ? settings.gain : 1;
    lowText.textContent = frame.low === null ? "" : short(frame.low / gain);
    highText.textContent = frame.low === null ? "each tile its own range" : short(frame.high / gain);
    if (!coloured && frame.low !== null) lowText.textContent += " …";
    const cut = pictures && frame.count < frame.total ? `first ${frame.count} of ${frame.total}` : "";
    const reduced = pictures && frame.block[0] * frame.block[1] > 1 ? `one pixel is ${frame.block.join(" × ")} values` : "";
    note.textContent = [cut, reduced, frame.run > 1 ? `one bar is ${frame.run} values` : ""].filter(Boolean).join("; ");
    stats.textContent = "min" in numbers ? `min ${short(numbers.min)}  max ${short(numbers.max)}  mean ${short(numbers.mean)}  std ${short(numbers.std)}  zeros ${(100 * numbers.zeros).toFixed(1)} %` : "";
    stats.title = `${numbers.count} values`;
    if (numbers.nonfinite) stats.textContent = `${numbers.nonfinite} not finite!  ${stats.textContent}`;
    stats.classList.toggle("bb-error", numbers.nonfinite > 0);
    holder.setAttribute("aria-label", `${printable(content.name)}, ${names[settings.part]}, ${MODES[settings.mode]}, shape ${frame.shape.join(" by ")}. Arrow keys choose, Enter selects.`);
    redraw();
  }
  for (const button of partButtons) button.addEventListener("click", () => set({ part: button.dataset.part }));
  imageBox.addEventListener("input", () => {
    const image = Number(imageBox.value);
    if (imageBox.value !== "" && Number.isInteger(image) && frame && image >= 0 && image < frame.items) set({ image });
  });
  canvas.addEventListener("pointermove", (event) => {
    const spot = spotAt(event);
    if (!spot) return;
    say(describe(spot));
    probe(spot);
  });
  canvas.addEventListener("pointerleave", () => {
    nextProbe = null;
  });
  canvas.addEventListener("click", (event) => {
    const spot = spotAt(event);
    if (!spot || frame.shown === "histogram") return;
    chosen = spot.tile;
    mark();
    send({ type: "select", unit: unitOf(spot) });
  });
  holder.addEventListener("keydown", (event) => {
    if (!frame || frame.shown === "histogram") return;
    const across = frame.shown === "tiles" ? layout.across : 1;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, Home: -countOf(), End: countOf() };
    if (event.key in steps) choose(chosen === null ? 0 : chosen + steps[event.key]);
    else if (event.key === "Enter" && chosen !== null) send({ type: "select", unit: unitOf({ tile: chosen, y: 0, x: 0 }) });
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const resized = new ResizeObserver(() => {
    if (frame) redraw();
  });
  resized.observe(stage);
  scale.hidden = true;
  return {
    receive(content, buffers) {
      if (content.type === "frame") showFrame(content, buffers);
      else if (content.type === "value" && content.ask === asked) say(`[${content.index}] = ${content.value}`);
      else if (content.type === "say") say(content.text, content.kind);
    },
    destroy() {
      resized.disconnect();
      cancelAnimationFrame(request);
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

// page/arrays.entry.js
var arrays_entry_default = widget(mount);
export {
  arrays_entry_default as default,
  mount
};
