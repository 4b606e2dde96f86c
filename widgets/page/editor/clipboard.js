// @ts-check
// Layers as prototxt in the system's clipboard.

import { takesText } from "../dom.js";

/** @typedef {import("./editor.js").Editor} Editor */

/** Put the text of layers into the clipboard. @param {Editor} editor @param {string} text */
export async function keep(editor, text) {
  try {
    await navigator.clipboard.writeText(text);
    editor.say("Copied as prototxt.");
  } catch {
    editor.say("The browser does not let this page write to the clipboard.", "error");
  }
}

/** Ask for the layers in the clipboard behind the selected one. @param {Editor} editor @param {ClipboardEvent} event */
export function paste(editor, event) {
  const text = event.clipboardData?.getData("text/plain");
  if (!text || takesText(event.target)) return;
  event.preventDefault();
  event.stopPropagation();
  editor.overtaken = null;
  editor.awaiting = new Set(editor.model.owner.keys());
  editor.send({ type: "paste", text, near: editor.current() ?? null });
}
