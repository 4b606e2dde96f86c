// @ts-check
// The language of prototxt, without a page: tokens, where in the message a place is, and what may be written there.

/**
 * What the kernel knows of the schema; schema.py makes it.
 * @typedef {object} FieldInfo
 * @property {string} name
 * @property {string} kind "bool", "int", "uint", "float", "string", "bytes", "enum" or "message"
 * @property {boolean} repeated
 * @property {string} help
 * @property {any} [default]
 * @property {[name: string, help: string][]} [choices] of an enum
 * @property {string[]} [suggestions] of a string
 * @property {string} [message] of a message: the name of its type
 * @property {boolean} [deprecated]
 */
/** @typedef {{ type: string, category: string, help: string, param: string }} LayerInfo */
/** @typedef {{ root: string, messages: Record<string, FieldInfo[]>, layers: LayerInfo[] }} Schema */
/** @typedef {{ label: string, kind: "field" | "enum" | "value" | "type" | "blob", help: string, insert: string }} Offer */
/**
 * @typedef {object} Place
 * @property {string[]} path the messages around it, outermost first
 * @property {string} field the field whose value is being written; "" where a field name is
 * @property {string} word what is written of the word there
 * @property {number} from where that word begins
 * @property {boolean} quoted whether the word is inside a string
 * @property {string} type the `type` of the layer around it, if it is written by then
 */

const TOKEN =
  /(#.*)|("(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?)|([A-Za-z_][\w.]*)|([-+]?(?:0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)[fF]?)|([{}<>[\]])/g;
const KINDS = ["", "comment", "string", "word", "number", "brace"];

/**
 * A line as [kind, text] pairs that together are the line; kind "" is plain text.
 * @param {string} line
 * @returns {[kind: string, text: string][]}
 */
export function tokenize(line) {
  /** @type {[string, string][]} */
  const tokens = [];
  let end = 0;
  for (const match of line.matchAll(TOKEN)) {
    if (match.index > end) tokens.push(["", line.slice(end, match.index)]);
    end = match.index + match[0].length;
    let kind = KINDS[KINDS.findIndex((name, i) => name && match[i] !== undefined)];
    if (kind === "word") {
      const begins = !line.slice(0, match.index).trim() || /[{};,<]\s*$/.test(line.slice(0, match.index));
      kind = begins || /^\s*[:{<]/.test(line.slice(end)) ? "field" : "enum";
    }
    tokens.push([kind, match[0]]);
  }
  if (end < line.length) tokens.push(["", line.slice(end)]);
  return tokens;
}

/**
 * The one span in which two texts differ: [start, end in old, end in new].
 * @param {string} old
 * @param {string} now
 */
export function difference(old, now) {
  const shorter = Math.min(old.length, now.length);
  let start = 0;
  while (start < shorter && old[start] === now[start]) start++;
  let tail = 0;
  while (tail < shorter - start && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail++;
  return [start, old.length - tail, now.length - tail];
}

/**
 * Where in the message the end of a text is. Text that does not parse is taken for what it most likely is.
 * @param {string} text all that comes before the place
 * @returns {Place}
 */
export function placeAt(text) {
  /** @type {{ name: string, type: string }[]} */
  const open = [];
  let field = "", word = "", from = text.length, type = "";
  /** @type {RegExpExecArray | null} */
  let match;
  const token = /#[^\n]*|"(?:\\.|[^"\\\n])*("|$)?|'(?:\\.|[^'\\\n])*('|$)?|[A-Za-z_][\w.]*|[-+]?[\d.][\w.+-]*|[{}<>[\]:,;]/g;
  let awaits = ""; // the field whose value comes next
  let last = "";
  while ((match = token.exec(text))) {
    const [found] = match;
    const atEnd = match.index + found.length === text.length;
    if (found[0] === "#") {
      if (atEnd && !text.endsWith("\n")) return { path: open.map((each) => each.name), field: "", word: "", from: text.length, quoted: true, type: "" };
      continue;
    }
    if (found === "{" || found === "<") {
      open.push({ name: last, type });
      type = "";
      awaits = last = "";
    } else if (found === "}" || found === ">") {
      type = open.pop()?.type ?? "";
      awaits = last = "";
    } else if (found === ":") awaits = last;
    else if (found === "[" || found === "]" || found === "," || found === ";") {
      if (found !== "," && found !== "[") awaits = "";
    } else if (found[0] === '"' || found[0] === "'") {
      const closed = found.length > 1 && found.endsWith(found[0]);
      if (!closed && atEnd) return { path: open.map((each) => each.name), field: awaits, word: found.slice(1), from: match.index + 1, quoted: true, type };
      if (awaits === "type") type = found.slice(1, -1);
      awaits = "";
    } else if (atEnd) {
      word = found;
      from = match.index;
      field = awaits;
    } else if (awaits) awaits = "";
    else last = found;
  }
  if (from === text.length) field = awaits;
  return { path: open.map((each) => each.name), field, word, from, quoted: false, type };
}

/**
 * The message type at the end of a path of field names; undefined where a name is unknown.
 * @param {Schema} schema
 * @param {string[]} path
 */
export function messageAt(schema, path) {
  let message = schema.root;
  for (const name of path) {
    const next = schema.messages[message]?.find((field) => field.name === name)?.message;
    if (!next) return undefined;
    message = next;
  }
  return message;
}

/**
 * The names of all blobs of a net, in the order of the text.
 * @param {string} text
 */
export function blobsOf(text) {
  return [...new Set([...text.matchAll(/(?:^|[\s{;,])(?:top|input)\s*:\s*["']([^"'\n]+)["']/g)].map(([, name]) => name))];
}

/**
 * What may be written at a place: fields, values of an enum, layer types, blobs. What matches best is left to the list.
 * @param {Schema} schema
 * @param {Place} place
 * @param {string} text the whole text, for the blobs
 * @param {string} before the text before the place
 * @returns {Offer[]}
 */
export function offers(schema, place, text, before) {
  const message = messageAt(schema, place.path);
  if (!message) return [];
  const inLayer = message === "LayerParameter";
  if (!place.field) return place.quoted ? [] : fieldOffers(schema, message, place);
  const quote = (/** @type {string} */ value) => (place.quoted ? value : `"${value}"`);
  const info = schema.messages[message]?.find((field) => field.name === place.field);
  if (inLayer && place.field === "type") {
    return schema.layers.map(({ type, help }) => ({ label: type, kind: "type", help, insert: quote(type) }));
  }
  if (inLayer && (place.field === "bottom" || place.field === "top")) {
    const known = blobsOf(place.field === "bottom" ? before : text);
    return known.map((name) => ({ label: name, kind: "blob", help: "blob", insert: quote(name) }));
  }
  if (!info) return [];
  if (info.kind === "enum") return (info.choices ?? []).map(([name, help]) => ({ label: name, kind: "enum", help, insert: name }));
  if (info.kind === "bool") return ["true", "false"].map((name) => ({ label: name, kind: "enum", help: info.help, insert: name }));
  return (info.suggestions ?? []).map((name) => ({ label: name, kind: "value", help: info.help, insert: quote(name) }));
}

/**
 * @param {Schema} schema
 * @param {string} message
 * @param {Place} place
 * @returns {Offer[]}
 */
function fieldOffers(schema, message, place) {
  const own = schema.layers.find(({ type }) => type === place.type)?.param;
  const settings = new Set(schema.layers.map(({ param }) => param));
  return (schema.messages[message] ?? [])
    .filter(({ name, deprecated }) => !deprecated && !(message === "LayerParameter" && own && name !== own && settings.has(name)))
    .map(({ name, kind, help }) => ({ label: name, kind: "field", help, insert: name + (kind === "message" ? " {" : ": ") }));
}

/**
 * The help of the word at an offset: of a field, an enum's value or a layer type. null where there is none.
 * @param {Schema} schema
 * @param {string} text
 * @param {number} offset
 * @returns {{ from: number, to: number, title: string, help: string } | null}
 */
export function helpAt(schema, text, offset) {
  const isWord = (/** @type {string | undefined} */ letter) => letter !== undefined && /[\w.]/.test(letter);
  let from = offset, to = offset;
  while (from > 0 && isWord(text[from - 1])) from--;
  while (isWord(text[to])) to++;
  if (from === to) return null;
  const word = text.slice(from, to), place = placeAt(text.slice(0, to));
  const message = messageAt(schema, place.path);
  if (!message) return null;
  const fields = schema.messages[message] ?? [];
  if (!place.field) {
    const field = place.quoted ? undefined : fields.find(({ name }) => name === word);
    if (!field) return null;
    const kind = field.kind === "message" ? field.message : field.kind;
    const standard = field.default === undefined || field.default === null ? "" : `, ${field.default} unless given`;
    return { from, to, title: `${word}: ${field.repeated ? "repeated " : ""}${kind}${standard}`, help: field.help };
  }
  if (message === "LayerParameter" && place.field === "type") {
    const layer = schema.layers.find(({ type }) => type === word);
    return layer ? { from, to, title: `${word} (${layer.category})`, help: layer.help } : null;
  }
  const choice = fields.find(({ name }) => name === place.field)?.choices?.find(([name]) => name === word);
  return choice ? { from, to, title: `${place.field}: ${word}`, help: choice[1] } : null;
}
