// @ts-check
// prototxt for CodeMirror: colours, folds, indentation, comments.

import { HighlightStyle, StreamLanguage, foldService, indentService, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";
import { tokenize } from "./prototxt.js";

const INDENT = "  ";
const TAGS = { comment: tags.comment, string: tags.string, number: tags.number, field: tags.propertyName, enum: tags.atom, brace: tags.brace };

/** One line at a time: no token of prototxt spans two. */
const parser = StreamLanguage.define({
  name: "prototxt",
  startState: () => ({ tokens: /** @type {[string, string][]} */ ([]) }),
  token(stream, state) {
    if (stream.sol()) state.tokens = tokenize(stream.string);
    const [kind, text] = state.tokens.shift() ?? ["", stream.string.slice(stream.pos)];
    stream.pos += Math.max(1, text.length);
    return kind || null;
  },
  tokenTable: TAGS,
  languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["{", "[", '"'] } },
});

const colours = HighlightStyle.define(Object.entries(TAGS).map(([name, tag]) => ({ tag, class: `bb-${name}` })));

/** How much deeper a line is after than before: its braces outside strings and comments. @param {string} line */
function depthOf(line) {
  let depth = 0;
  for (const [kind, text] of tokenize(line)) {
    if (kind === "brace") depth += "{[<".includes(text) ? 1 : -1;
  }
  return depth;
}

/** A message that spans lines folds from the end of its first line to before its closing brace. */
const folds = foldService.of((state, start) => {
  const first = state.doc.lineAt(start);
  let depth = depthOf(first.text);
  if (depth <= 0) return null;
  for (let number = first.number + 1; number <= state.doc.lines; number++) {
    const line = state.doc.line(number);
    depth += depthOf(line.text);
    if (depth <= 0) return { from: first.to, to: line.from + (line.text.match(/^\s*/)?.[0].length ?? 0) };
  }
  return null;
});

/** As deep as the line before, one deeper behind an opening brace, one less before a closing one. */
const indentation = indentService.of((context, position) => {
  const line = context.state.doc.lineAt(position), rest = context.textAfterPos(position, 1);
  // Where Enter is about to break a line, what is before the break is the line above; it may be blank itself.
  const before = position > line.from ? context.lineAt(position - 1, -1).text : "";
  const above = before.trim() ? before : previousText(context.state, line.number);
  const base = context.countColumn(above, above.search(/\S|$/));
  const deeper = /[{[<]\s*(#.*)?$/.test(above) ? context.unit : 0;
  return Math.max(0, base + deeper - (/^\s*[}\]>]/.test(rest) ? context.unit : 0));
});

/** @param {import("@codemirror/state").EditorState} state @param {number} number */
function previousText(state, number) {
  for (let at = number - 1; at > 0; at--) if (state.doc.line(at).text.trim()) return state.doc.line(at).text;
  return "";
}

export const prototxt = [
  parser, syntaxHighlighting(colours), folds, indentation, indentUnit.of(INDENT),
  parser.data.of({ indentOnInput: /^\s*[}\]>]$/ }),
];
