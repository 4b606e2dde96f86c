// @ts-check
// The text pane: CodeMirror on a text that Python owns, with marks, help and completion.

import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, indentLess, indentMore } from "@codemirror/commands";
import { bracketMatching, codeFolding, foldGutter, foldKeymap, indentOnInput } from "@codemirror/language";
import { lintGutter, nextDiagnostic, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration, EditorView, crosshairCursor, drawSelection, highlightActiveLine, highlightActiveLineGutter, hoverTooltip,
  keymap, lineNumbers, rectangularSelection,
} from "@codemirror/view";
import { make } from "../dom.js";
import { prototxt } from "./language.js";
import { difference, helpAt, offers, placeAt } from "./prototxt.js";

export { tokenize } from "./prototxt.js";

/** @typedef {import("./prototxt.js").Schema} Schema */
/** @typedef {{ line: number, severity: "error" | "warning", message: string, fixes: string[] }} Mark */

const SETTLE = 150; // milliseconds without typing, or without moving, after which Python is told
const LABEL = "Text of the net. Tab leaves the text; F8 goes to the next problem, Control and space complete.";

/** The lines of what is selected elsewhere: [first, last] as positions, mapped through edits. @type {StateEffect<any>} */
const setChosen = /** @type {any} */ (StateEffect.define());
const chosen = StateField.define({
  create: () => Decoration.none,
  update(lines, transaction) {
    let now = lines.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(/** @type {any} */ (setChosen))) continue;
      const range = /** @type {[number, number] | null} */ (effect.value), { doc } = transaction.state;
      const ranges = [];
      for (let line = range?.[0] ?? 1; range && line <= Math.min(range[1], doc.lines); line++) {
        ranges.push(Decoration.line({ class: "bb-chosen" }).range(doc.line(line).from));
      }
      now = Decoration.set(ranges);
    }
    return now;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** @param {HTMLElement} root @param {import("../messages.js").Adapter} adapter */
export function mount(root, { view: name, send }) {
  root.classList.add("bb-pane", "bb-text");
  const body = make("div", { class: "bb-text-body" }, root);
  const status = make("div", { class: "bb-status" }, root);
  const problems = make("button", { type: "button", class: "bb-problems", title: "Go to the next problem (F8)", hidden: "" }, status);
  const message = make("output", { "aria-live": "polite" }, status);
  const remedies = make("span", { class: "bb-remedies" }, status);
  const place = make("span", {}, status);
  const wrap = make("button", { type: "button", class: "bb-wrap", "aria-pressed": "false", title: "Wrap long lines", text: "wrap" }, status);

  /** @type {Mark[]} */
  let marks = [];
  /** @type {[number, number] | null} */
  let range = null;
  /** @type {{ kind: string, text: string } | null} what Python told the status line, until something else happens */
  let said = null;
  /** @type {Schema | null} */
  let schema = null;
  /** @type {((schema: Schema) => void)[]} */
  const waiting = [];
  let sequence = 0; // edits sent by this view
  let typing = false; // typed, and not yet sent
  let crlf = false; // whether lines with CRLF were pasted since
  let following = false; // the next text from Python comes from an undo: show the place
  let told = "";
  /** @type {any} */
  let editTimer;
  /** @type {any} */
  let cursorTimer;
  const wrapping = new Compartment(), writable = new Compartment();

  const editor = new EditorView({
    parent: body,
    state: EditorState.create({
      extensions: [
        writable.of(EditorState.readOnly.of(true)), // what is typed before there is a text would replace it
        wrapping.of([]),
        lineNumbers(), foldGutter(), codeFolding(), lintGutter(), chosen,
        drawSelection(), rectangularSelection(), crosshairCursor(), EditorState.allowMultipleSelections.of(true),
        bracketMatching(), closeBrackets(), indentOnInput(), highlightActiveLine(), highlightActiveLineGutter(),
        highlightSelectionMatches(), search({ top: true }), prototxt,
        autocompletion({ override: [complete], icons: false }), hoverTooltip(hover),
        EditorView.contentAttributes.of({ "aria-label": LABEL, tabindex: "0" }),
        EditorView.domEventHandlers({
          blur: () => flush(),
          paste: (event) => { crlf ||= Boolean(event.clipboardData?.getData("text/plain").includes("\r\n")); },
        }),
        Prec.highest(keymap.of([
          { key: "Mod-z", run: () => history("undo") }, { key: "Mod-y", run: () => history("redo") },
          { key: "Mod-Shift-z", run: () => history("redo") },
          { key: "Mod-s", run: save }, { key: "F8", run: (view) => nextDiagnostic(view) },
          { key: "Tab", run: (view) => acceptCompletion(view) || (!view.state.selection.main.empty && indentMore(view)) },
          { key: "Shift-Tab", run: (view) => !view.state.selection.main.empty && indentLess(view) },
        ])),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...foldKeymap, ...completionKeymap]),
        EditorView.updateListener.of(updated),
      ],
    }),
  });

  /** @param {import("@codemirror/view").ViewUpdate} update */
  function updated(update) {
    const ours = update.transactions.some((one) => one.isUserEvent("python"));
    if (update.docChanged && !ours) {
      said = null;
      typing = true;
      clearTimeout(editTimer);
      editTimer = setTimeout(flush, SETTLE);
    }
    if ((update.selectionSet || update.docChanged) && !ours && editor?.hasFocus) {
      clearTimeout(cursorTimer);
      cursorTimer = setTimeout(tellCursor, SETTLE);
    }
    if (update.docChanged || update.selectionSet) drawStatus();
  }

  function flush() {
    clearTimeout(editTimer);
    if (!typing || editor.composing) return;
    typing = false;
    send({ type: "edit", text: editor.state.doc.toString(), sequence: ++sequence, crlf });
    crlf = false;
  }

  function cursor() {
    const { head } = editor.state.selection.main, line = editor.state.doc.lineAt(head);
    return { line: line.number, column: head - line.from + 1 };
  }

  function tellCursor() {
    flush();
    const at = cursor(), key = `${at.line}:${at.column}`;
    if (told !== key) send({ type: "cursor", ...at });
    told = key;
  }

  /** @param {"undo" | "redo"} what */
  function history(what) {
    flush();
    following = true;
    send({ type: what });
    return true;
  }

  function save() {
    flush();
    send({ type: "save" });
    return true;
  }

  function drawStatus() {
    if (!editor) return;
    const at = cursor();
    place.textContent = `Line ${at.line}, column ${at.column}`;
    const mark = marks.find(({ line }) => line === at.line) ?? marks.find(({ line }) => range && line >= range[0] && line <= range[1]);
    const shown = said ?? (mark ? { kind: mark.severity, text: mark.message } : { kind: "", text: "" });
    if (message.textContent !== shown.text) message.textContent = shown.text;
    message.className = shown.kind ? `bb-${shown.kind}` : "";
    message.title = shown.text;
    const fixes = said ? [] : mark?.fixes ?? [];
    if (remedies.dataset.of !== `${mark?.line} ${fixes.join()}`) {
      remedies.dataset.of = `${mark?.line} ${fixes.join()}`;
      remedies.replaceChildren(...fixes.map((label) => {
        const button = make("button", { type: "button", class: "bb-fix", text: label, title: `Mend it: ${label}` });
        button.addEventListener("click", () => mend(mark?.line ?? 0, label));
        return button;
      }));
    }
    const errors = marks.filter(({ severity }) => severity === "error").length, warnings = marks.length - errors;
    problems.hidden = !marks.length;
    problems.className = `bb-problems bb-${errors ? "error" : "warning"}`;
    problems.textContent = [errors && `✕ ${errors}`, warnings && `! ${warnings}`].filter(Boolean).join("  ");
    problems.setAttribute("aria-label", `${errors} errors, ${warnings} warnings: go to the next`);
  }

  // What the schema helps with. It is asked for once, when it is first needed.

  /** @returns {Promise<Schema>} */
  function needSchema() {
    if (schema) return Promise.resolve(schema);
    if (!waiting.length) send({ type: "schema" });
    return new Promise((resolve) => waiting.push(resolve));
  }

  /** @param {import("@codemirror/autocomplete").CompletionContext} context */
  async function complete(context) {
    const start = topLevelBefore(context.state, context.pos), at = placeAt(context.state.sliceDoc(start, context.pos));
    at.from += start;
    if (!context.explicit && !at.word && !at.quoted) return null;
    const known = await needSchema();
    const text = context.state.doc.toString(), found = offers(known, at, text, text.slice(0, context.pos));
    if (!found.length || context.aborted) return null;
    const kinds = { field: "property", enum: "enum", value: "text", type: "class", blob: "variable" };
    return {
      from: at.from,
      options: found.map(({ label, kind, help, insert }) => ({ label, type: kinds[kind], detail: help, apply: insert })),
      validFor: /^[\w./-]*$/,
    };
  }

  /** @param {EditorView} view @param {number} position */
  async function hover(view, position) {
    const start = topLevelBefore(view.state, position), { to } = view.state.doc.lineAt(position);
    const found = helpAt(await needSchema(), view.state.sliceDoc(start, to), position - start);
    if (!found) return null;
    return {
      pos: start + found.from, end: start + found.to,
      create: () => {
        const dom = make("div", { class: "bb-help" });
        make("b", { text: found.title }, dom);
        make("div", { text: found.help }, dom);
        return { dom };
      },
    };
  }

  // What Python says

  /** @param {{ text: string, seen: Record<string, number> }} content */
  function takeText({ text, seen }) {
    // A text that does not know all of this view's edits is late: the edit under way will overrule it.
    if (typing || editor.composing || (seen[name] ?? 0) !== sequence) return;
    const [start, end, endNow] = difference(editor.state.doc.toString(), text);
    /** @type {import("@codemirror/state").TransactionSpec} */
    const spec = { userEvent: "python" };
    if (editor.state.readOnly) spec.effects = writable.reconfigure([]);
    if (start !== end || start !== endNow) {
      spec.changes = { from: start, to: end, insert: text.slice(start, endNow) };
      if (following) Object.assign(spec, { selection: { anchor: endNow }, scrollIntoView: true });
    }
    following = false;
    editor.dispatch(spec);
  }

  function drawMarks() {
    const { doc } = editor.state;
    editor.dispatch(setDiagnostics(editor.state, marks.flatMap(({ line, severity, message: text, fixes }) => {
      if (line > doc.lines) return [];
      const { from, to, text: written } = doc.line(line);
      const actions = fixes.map((label) => ({ name: label, apply: () => mend(line, label) }));
      return [{ from: from + Math.max(0, written.search(/\S|$/)), to, severity, message: text, actions }];
    })), { userEvent: "python" });
  }

  /** Ask for a fix of what is marked in a line, after what was typed was told. @param {number} line @param {string} label */
  function mend(line, label) {
    flush();
    send({ type: "fix", line, label });
  }

  /** @param {[number, number] | null} lines */
  function reveal(lines) {
    range = lines;
    const { doc } = editor.state, { line } = cursor();
    const inside = lines && editor.hasFocus && line >= lines[0] && line <= lines[1];
    const effects = [/** @type {any} */ (setChosen).of(lines)];
    if (lines && !inside && lines[0] <= doc.lines) {
      const first = doc.line(lines[0]).from;
      effects.push(EditorView.scrollIntoView(first, { y: inView(lines) ? "nearest" : "center", x: "start", xMargin: 60 }));
    }
    editor.dispatch({ effects, userEvent: "python" });
  }

  /** Whether all of some lines is in sight. @param {[number, number]} lines */
  function inView([first, last]) {
    const { doc } = editor.state, { scrollTop, clientHeight } = editor.scrollDOM;
    const top = editor.lineBlockAt(doc.line(first).from).top, { bottom } = editor.lineBlockAt(doc.line(Math.min(last, doc.lines)).from);
    return top >= scrollTop && bottom <= scrollTop + clientHeight;
  }

  problems.addEventListener("click", () => { editor.focus(); nextDiagnostic(editor); });
  wrap.addEventListener("click", () => {
    const on = wrap.getAttribute("aria-pressed") !== "true";
    wrap.setAttribute("aria-pressed", String(on));
    editor.dispatch({ effects: wrapping.reconfigure(on ? EditorView.lineWrapping : []), userEvent: "python" });
  });
  // Keys are the editor's own: JupyterLab has `d d` for a cell.
  root.addEventListener("keydown", (event) => event.stopPropagation());
  drawStatus();

  return {
    /** @param {any} content */
    receive(content) {
      if (content.type === "text") takeText(content);
      else if (content.type === "marks") marks = merged(content.marks);
      else if (content.type === "reveal") reveal(content.range);
      else if (content.type === "schema") {
        schema = content.schema;
        if (content.schema) for (const resolve of waiting.splice(0)) resolve(content.schema);
      } else if (content.type === "say") said = { kind: content.kind, text: content.text };
      if (content.type === "text" || content.type === "reveal") said = null; // something else happened since
      if (content.type === "text" || content.type === "marks") drawMarks();
      drawStatus();
    },
    destroy() {
      flush();
      clearTimeout(cursorTimer);
      editor.destroy();
    },
    editor,
  };
}

/** Where the last field of the net itself begins before a position: a line with a word at its very beginning. @param {EditorState} state @param {number} position */
function topLevelBefore({ doc }, position) {
  for (let { number } = doc.lineAt(position); number > 0; number--) {
    const line = doc.line(number);
    if (/^[A-Za-z_]/.test(line.text)) return line.from;
  }
  return 0;
}

/** One mark a line: errors win, messages are joined. @param {Mark[]} marks @returns {Mark[]} */
function merged(marks) {
  /** @type {Map<number, Mark>} */
  const lines = new Map();
  for (const mark of marks) {
    const other = lines.get(mark.line);
    lines.set(mark.line, other ? {
      line: mark.line, severity: other.severity === "error" ? "error" : mark.severity, message: `${other.message}\n${mark.message}`,
      fixes: [...new Set([...other.fixes ?? [], ...mark.fixes ?? []])],
    } : { ...mark, fixes: mark.fixes ?? [] });
  }
  return [...lines.values()].sort((a, b) => a.line - b.line);
}
