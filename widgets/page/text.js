// @ts-nocheck
// The text pane: a textarea over an underlay in which only the visible lines are drawn.

import { make } from "./dom.js";

const LINE = 20; // pixels; text.css says the same
const SETTLE = 150; // milliseconds without typing, or without moving, after which Python is told
const INDENT = "  ";
const TOKEN =
  /(#.*)|("(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?)|([A-Za-z_][\w.]*)|([-+]?(?:0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)[fF]?)|([{}<>[\]])/g;
const KINDS = ["", "comment", "string", "word", "number", "brace"];

/** A line of prototxt as [kind, text] pairs that together are the line; kind "" is plain text. */
export function tokenize(line) {
  const tokens = [];
  let end = 0;
  for (const match of line.matchAll(TOKEN)) {
    if (match.index > end) tokens.push(["", line.slice(end, match.index)]);
    end = match.index + match[0].length;
    let kind = KINDS.findIndex((name, i) => name && match[i] !== undefined);
    kind = KINDS[kind];
    if (kind === "word") {
      const begins = !line.slice(0, match.index).trim();
      kind = begins || /^\s*[:{<]/.test(line.slice(end)) ? "field" : "enum";
    }
    tokens.push([kind, match[0]]);
  }
  if (end < line.length) tokens.push(["", line.slice(end)]);
  return tokens;
}

/** The one span in which two texts differ: [start, end in old, end in new]. */
export function difference(old, now) {
  const shorter = Math.min(old.length, now.length);
  let start = 0;
  while (start < shorter && old[start] === now[start]) start++;
  let tail = 0;
  while (tail < shorter - start && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail++;
  return [start, old.length - tail, now.length - tail];
}

/** Comment the lines out, or in again if all of them are comments; blank lines stay. */
export function toggleComments(lines) {
  const used = lines.filter((line) => line.trim());
  if (used.length && used.every((line) => /^\s*#/.test(line))) {
    return lines.map((line) => line.replace(/^(\s*)# ?/, "$1"));
  }
  const depth = Math.min(...used.map((line) => line.match(/^\s*/)[0].length));
  return lines.map((line) => (line.trim() ? `${line.slice(0, depth)}# ${line.slice(depth)}` : line));
}

/** Where the words are found, case ignored: offsets, at most 10,000. */
export function findAll(text, words) {
  const hits = [];
  const where = text.toLowerCase();
  const what = words.toLowerCase();
  for (let at = what ? where.indexOf(what) : -1; at >= 0 && hits.length < 10000; at = where.indexOf(what, at + what.length)) {
    hits.push(at);
  }
  return hits;
}

export function mount(root, { view, send }) {
  root.classList.add("bb-pane", "bb-text");

  const find = make("div", { class: "bb-text-find", role: "search", hidden: "" }, root);
  const words = make("input", { type: "text", placeholder: "Find", "aria-label": "Find in the text" }, find);
  const count = make("output", {}, find);
  const previous = make("button", { type: "button", title: "Previous (Shift+Enter)", text: "↑", "aria-label": "Previous" }, find);
  const next = make("button", { type: "button", title: "Next (Enter)", text: "↓", "aria-label": "Next" }, find);
  const close = make("button", { type: "button", title: "Close (Esc)", text: "✕", "aria-label": "Close" }, find);
  const body = make("div", { class: "bb-text-body" }, root);
  const gutter = make("div", { class: "bb-text-gutter", "aria-hidden": "true" }, body);
  const numbers = make("div", {}, gutter);
  const field = make("div", { class: "bb-text-field" }, body);
  const under = make("div", { class: "bb-text-under", "aria-hidden": "true" }, field);
  const rows = make("div", {}, under);
  const area = make("textarea", {
    spellcheck: "false", wrap: "off", readonly: "", autocapitalize: "off", autocomplete: "off", autocorrect: "off",
    "aria-label": "Text of the net. Escape, then Tab leaves the text; F8 goes to the next problem.",
  }, field);
  const status = make("div", { class: "bb-status" }, root);
  const problems = make("button", { type: "button", class: "bb-problems", title: "Go to the next problem (F8)", hidden: "" }, status);
  const message = make("output", { "aria-live": "polite" }, status);
  const place = make("span", {}, status);

  let lines = [""];
  let starts = [0]; // offset of each line
  let marks = new Map(); // line number -> {severity, message}
  let chosen = null; // [first, last] line numbers
  let hits = [];
  let said = null; // what Python told the status line, until something else is typed
  let sequence = 0; // edits sent by this view
  let typing = false; // typed, and not yet sent
  let composing = false;
  let leaving = false; // after Escape, Tab leaves
  let following = false; // the next text from Python comes from an undo: show the place
  let waiting = null; // lines to scroll to once the pane has a size
  let editTimer, cursorTimer, frame;
  let told = "";

  const lineOf = (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
  const caret = () => (area.selectionDirection === "backward" ? area.selectionStart : area.selectionEnd);
  const redraw = () => { frame ??= requestAnimationFrame(draw); };

  function measure() {
    lines = area.value.split("\n");
    starts = new Array(lines.length);
    let at = 0;
    for (let i = 0; i < lines.length; i++) { starts[i] = at; at += lines[i].length + 1; }
    gutter.style.width = `${Math.max(3, String(lines.length).length) + 3.5}ch`;
    if (!find.hidden) hits = findAll(area.value, words.value);
  }

  function draw() {
    frame = null;
    const first = Math.max(0, Math.floor(area.scrollTop / LINE) - 4);
    const last = Math.min(lines.length, Math.ceil((area.scrollTop + area.clientHeight) / LINE) + 4);
    const here = lineOf(caret());
    const rowList = [];
    const numberList = [];
    for (let i = first; i < last; i++) {
      const mark = marks.get(i + 1);
      const classes = [
        i + 1 === here ? "bb-here" : "",
        chosen && i + 1 >= chosen[0] && i + 1 <= chosen[1] ? "bb-chosen" : "",
        mark ? `bb-${mark.severity}` : "",
      ].filter(Boolean).join(" ");
      const row = make("div", { class: `bb-row ${classes}`, style: `top:${i * LINE}px` });
      for (const [kind, text] of tokenize(lines[i])) {
        row.append(kind ? make("span", { class: `bb-${kind}`, text }) : text);
      }
      rowList.push(row);
      const number = make("div", { class: classes, style: `top:${i * LINE}px`, text: i + 1 });
      number.dataset.line = i + 1;
      if (mark) number.title = mark.message;
      numberList.push(number);
    }
    rows.replaceChildren(...rowList, ...hitBoxes(first, last));
    numbers.replaceChildren(...numberList);
    rows.style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`;
    numbers.style.transform = `translateY(${-area.scrollTop}px)`;
    drawStatus(here);
  }

  function hitBoxes(first, last) {
    if (find.hidden || !words.value) return [];
    const boxes = [];
    for (const hit of hits) {
      const line = lineOf(hit) - 1;
      if (line < first || line >= last) continue;
      const column = hit - starts[line];
      boxes.push(make("div", {
        class: "bb-hit", style: `top:${line * LINE}px;left:calc(8px + ${column}ch);width:${words.value.length}ch`,
      }));
    }
    return boxes;
  }

  function drawStatus(here) {
    place.textContent = `Line ${here}, column ${caret() - starts[here - 1] + 1}`;
    const mark = marks.get(here) ?? (chosen && [...marks].find(([line]) => line >= chosen[0] && line <= chosen[1])?.[1]);
    const shown = said ?? (mark ? { kind: mark.severity, text: mark.message } : { kind: "", text: "" });
    if (message.textContent !== shown.text) message.textContent = shown.text;
    message.className = shown.kind ? `bb-${shown.kind}` : "";
    message.title = shown.text;
    const errors = [...marks.values()].filter((each) => each.severity === "error").length;
    const warnings = marks.size - errors;
    problems.hidden = !marks.size;
    problems.className = `bb-problems bb-${errors ? "error" : "warning"}`;
    problems.textContent = [errors && `✕ ${errors}`, warnings && `! ${warnings}`].filter(Boolean).join("  ");
    problems.setAttribute("aria-label", `${errors} errors, ${warnings} warnings: go to the next`);
  }

  function changed() {
    said = null;
    typing = true;
    measure();
    redraw();
    clearTimeout(editTimer);
    editTimer = setTimeout(flush, SETTLE);
  }

  function flush() {
    clearTimeout(editTimer);
    if (!typing || composing) return;
    typing = false;
    send({ type: "edit", text: area.value, sequence: ++sequence });
  }

  function moved() {
    if (root.getRootNode().activeElement !== area) return;
    redraw();
    clearTimeout(cursorTimer);
    cursorTimer = setTimeout(() => {
      flush();
      const line = lineOf(caret());
      const column = caret() - starts[line - 1] + 1;
      if (told === `${line}:${column}`) return;
      told = `${line}:${column}`;
      send({ type: "cursor", line, column });
    }, SETTLE);
  }

  /** Replace lines `first` to `last` (indices, both included) and keep them selected. */
  function replaceLines(first, last, now) {
    const start = starts[first];
    const end = starts[last] + lines[last].length;
    const text = now.join("\n");
    if (text === area.value.slice(start, end)) return;
    const single = area.selectionStart === area.selectionEnd;
    const fromEnd = area.value.length - caret();
    area.setRangeText(text, start, end, "preserve");
    if (single) area.selectionStart = area.selectionEnd = Math.max(start, area.value.length - fromEnd);
    else area.setSelectionRange(start, start + text.length);
    changed();
  }

  function selectedLines() {
    const first = lineOf(area.selectionStart) - 1;
    let last = lineOf(area.selectionEnd) - 1;
    if (last > first && area.selectionEnd === starts[last]) last--;
    return [first, last, lines.slice(first, last + 1)];
  }

  function type(text) {
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    changed();
    scrollToLine(lineOf(caret()));
  }

  function scrollToLine(first, last = first) {
    waiting = area.clientHeight ? null : [first, last];
    if (waiting) return;
    const top = (first - 1) * LINE;
    const bottom = Math.min(last * LINE, top + area.clientHeight);
    if (top >= area.scrollTop && bottom <= area.scrollTop + area.clientHeight) return;
    area.scrollTop = Math.max(0, top - Math.max(LINE, (area.clientHeight - (bottom - top)) / 3));
  }

  function goTo(line, column = 1) {
    const at = starts[Math.min(line, lines.length) - 1] + column - 1;
    area.setSelectionRange(at, at);
    area.focus({ preventScroll: true });
    scrollToLine(line);
    moved();
  }

  function nextProblem() {
    const here = lineOf(caret());
    const all = [...marks.keys()].filter((line) => line <= lines.length).sort((a, b) => a - b);
    if (all.length) goTo(all.find((line) => line > here) ?? all[0]);
  }

  function search(step) {
    hits = findAll(area.value, words.value);
    if (!hits.length) {
      count.textContent = words.value ? "none" : "";
      redraw();
      return;
    }
    const from = area.selectionStart;
    let index = step < 0 ? hits.findLastIndex((hit) => hit < from) : hits.findIndex((hit) => (step ? hit > from : hit >= from));
    if (index < 0) index = step < 0 ? hits.length - 1 : 0;
    area.setSelectionRange(hits[index], hits[index] + words.value.length);
    count.textContent = `${index + 1} of ${hits.length}`;
    scrollToLine(lineOf(hits[index]));
    redraw();
  }

  function openFind() {
    const selected = area.value.slice(area.selectionStart, area.selectionEnd);
    if (selected && !selected.includes("\n")) words.value = selected;
    find.hidden = false;
    words.focus();
    words.select();
    search(0);
  }

  function closeFind() {
    find.hidden = true;
    hits = [];
    area.focus({ preventScroll: true });
    redraw();
  }

  function history(what) {
    flush();
    following = true;
    send({ type: what });
  }

  area.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    let handled = true;
    if (command && !event.altKey && key === "z") history(event.shiftKey ? "redo" : "undo");
    else if (command && !event.altKey && key === "y") history("redo");
    else if (command && !event.altKey && key === "s") {
      flush();
      send({ type: "save" });
    } else if (command && event.key === "/") {
      const [first, last, text] = selectedLines();
      replaceLines(first, last, toggleComments(text));
    } else if (command && key === "f") openFind();
    else if (event.key === "F8") nextProblem();
    else if (event.key === "Escape") leaving = true;
    else if (event.key === "Tab" && !command && !event.altKey) {
      if (leaving) handled = false;
      else if (event.shiftKey) {
        const [first, last, text] = selectedLines();
        replaceLines(first, last, text.map((line) => line.replace(/^(\t| {1,2})/, "")));
      } else if (area.selectionStart === area.selectionEnd) type(INDENT);
      else {
        const [first, last, text] = selectedLines();
        replaceLines(first, last, text.map((line) => (line ? INDENT + line : line)));
      }
    } else if (event.key === "Enter" && !command && !event.isComposing) {
      const line = lines[lineOf(area.selectionStart) - 1].slice(0, area.selectionStart - starts[lineOf(area.selectionStart) - 1]);
      type(`\n${line.match(/^\s*/)[0]}${/[{[<]\s*(#.*)?$/.test(line) ? INDENT : ""}`);
    } else if (event.key === "}" && !command) {
      const line = lines[lineOf(caret()) - 1];
      const before = line.slice(0, caret() - starts[lineOf(caret()) - 1]);
      handled = before === line && before.length >= INDENT.length && !before.trim();
      if (handled) {
        area.setSelectionRange(caret() - INDENT.length, caret());
        type("}");
      }
    } else handled = false;
    if (event.key !== "Escape" && event.key !== "Shift") leaving = false;
    if (handled) {
      event.preventDefault();
      event.stopPropagation();
    }
  });
  area.addEventListener("beforeinput", (event) => {
    if (event.inputType !== "historyUndo" && event.inputType !== "historyRedo") return;
    event.preventDefault(); // from the browser's menu
    history(event.inputType === "historyUndo" ? "undo" : "redo");
  });
  area.addEventListener("input", changed);
  area.addEventListener("compositionstart", () => { composing = true; });
  area.addEventListener("compositionend", () => { composing = false; changed(); });
  area.addEventListener("scroll", redraw, { passive: true });
  area.addEventListener("blur", flush);
  document.addEventListener("selectionchange", moved);
  area.addEventListener("selectionchange", moved);
  gutter.addEventListener("click", (event) => {
    const line = Number(event.target.dataset.line);
    if (line) goTo(line);
  });
  gutter.addEventListener("wheel", (event) => { area.scrollTop += event.deltaY; }, { passive: true });
  problems.addEventListener("click", nextProblem);
  words.addEventListener("input", () => search(0));
  find.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (event.key === "Escape") closeFind();
    else if (event.key === "Enter" && event.target === words) search(event.shiftKey ? -1 : 1);
    else if (command && event.key.toLowerCase() === "f") words.select();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  previous.addEventListener("click", () => search(-1));
  next.addEventListener("click", () => search(1));
  close.addEventListener("click", closeFind);
  const resized = new ResizeObserver(() => {
    if (waiting) scrollToLine(...waiting);
    redraw();
  });
  resized.observe(area);

  function takeText({ text, seen }) {
    // A text that does not know all of this view's edits is late: the edit under way will overrule it.
    if (typing || composing || (seen[view] ?? 0) !== sequence) return;
    area.readOnly = false; // what is typed before there is a text would replace it
    const [start, end, endNow] = difference(area.value, text);
    if (start === end && start === endNow) return;
    const { scrollTop, scrollLeft } = area;
    area.setRangeText(text.slice(start, endNow), start, end, "preserve");
    area.scrollTop = scrollTop;
    area.scrollLeft = scrollLeft;
    measure();
    if (following) {
      area.setSelectionRange(endNow, endNow);
      scrollToLine(lineOf(start));
    }
    following = false;
    redraw();
  }

  function takeRange(range) {
    chosen = range;
    const inside = range && root.getRootNode().activeElement === area && lineOf(caret()) >= range[0] && lineOf(caret()) <= range[1];
    if (range && !inside) scrollToLine(range[0], range[1]);
    redraw();
  }

  measure();
  redraw();
  return {
    receive(content) {
      if (content.type === "text") takeText(content);
      if (content.type === "text" || content.type === "reveal") {
        said = null; // something else happened since
        redraw();
      }
      if (content.type === "marks") {
        marks = new Map();
        for (const mark of content.marks) {
          const other = marks.get(mark.line);
          marks.set(mark.line, {
            severity: other?.severity === "error" ? "error" : mark.severity,
            message: other ? `${other.message}\n${mark.message}` : mark.message,
          });
        }
        redraw();
      } else if (content.type === "reveal") takeRange(content.range);
      else if (content.type === "say") {
        said = { kind: content.kind, text: content.text };
        redraw();
      }
    },
    destroy() {
      flush();
      clearTimeout(cursorTimer);
      cancelAnimationFrame(frame);
      document.removeEventListener("selectionchange", moved);
      resized.disconnect();
    },
  };
}
