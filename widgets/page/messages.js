// @ts-check
// The messages between a pane's page and its kernel, as types. pane.py and the module of each widget say the same.

/**
 * What every script's `mount` is given: the name of this view, and the way to the kernel.
 * @typedef {object} Adapter
 * @property {string} view
 * @property {(content: Message, buffers?: ArrayBuffer[]) => void} send
 */

/**
 * What `mount` returns: how the page takes a message, and how it goes.
 * @typedef {object} Mounted
 * @property {(content: any, buffers?: DataView[]) => unknown} receive
 * @property {() => void} [destroy]
 */

/** @typedef {{ type: string, [name: string]: any }} Message */

/** One line in the status line of a pane. @typedef {{ type: "say", text: string, kind?: "info" | "error" }} Say */

/**
 * What a box and a strip have in common: the face of a layer, or of a group of layers. graph.py makes them.
 * @typedef {object} Face
 * @property {string} id
 * @property {number} index
 * @property {string} name
 * @property {string} type
 * @property {string} category
 * @property {string} note
 * @property {string[]} details
 * @property {boolean} dimmed
 * @property {string | null} error
 * @property {string | null} warning
 * @property {string} [rule] its rules in a few words, "" for none
 * @property {number} [params]
 * @property {number} [collapsed]
 * @property {string} [group]
 * @property {number[]} [members] of a group of layers: their places in the text
 */

/**
 * @typedef {object} BoxFields
 * @property {number} x
 * @property {number} y
 * @property {number} w
 * @property {number} h
 * @property {number} head
 * @property {string[]} tops
 * @property {string[]} bottoms
 * @property {number[]} dangling
 * @property {string[]} lines
 * @property {Face[]} folded
 * @property {number} params
 * @property {string} group
 * @property {number} collapsed
 */

/** A box of the drawing. @typedef {Face & BoxFields} NodeData */

/**
 * @typedef {object} EdgeData
 * @property {string} id
 * @property {string} source
 * @property {number} source_port
 * @property {string} target
 * @property {number} target_port
 * @property {string} blob
 * @property {string} label
 * @property {boolean} dimmed
 * @property {[number, number][]} [points]
 */

/**
 * A layer type or a module on offer; `words` are other names of it, `form` is what may be typed behind its name.
 * @typedef {{ type: string, category: string, help: string, words?: string, form?: string }} PaletteEntry
 */
/** @typedef {{ name: string, members: string[] }} GroupData */

/**
 * The graph that the net editor draws.
 * @typedef {object} Graph
 * @property {NodeData[]} nodes
 * @property {EdgeData[]} edges
 * @property {GroupData[]} [groups]
 * @property {string[]} [problems]
 * @property {PaletteEntry[]} [palette]
 * @property {number} [version]
 * @property {{ name: string, ids: string[] }[]} [shares] names of parameters, and the layers that share them
 * @property {string[]} [views] what the view may be of: TRAIN, TEST, deploy
 * @property {string} [view]
 * @property {boolean} [can_undo]
 * @property {boolean} [can_redo]
 */

/** A layer that can be searched for. @typedef {{ index: number, name: string, type: string, category: string, note: string, haystack: string }} Findable */

/** A step of an iteration: a layer forward or backward. @typedef {{ id: string, direction: "forward" | "backward" }} Step */

/**
 * What a view of the net editor is told.
 * @typedef {{ type: "graph", graph: Graph } | { type: "select", ids: string[], except?: string }
 *   | { type: "height", height: string } | { type: "clipboard", text: string }
 *   | { type: "file", name: string, mime: string, text: string, png: boolean } | { type: "layers", layers: Findable[] }
 *   | { type: "steps", ran: Step | null, next: Step | null, bad: Step | null } | Say
 *   | { type: "overlays", overlays: { name: string, title: string, help: string }[] } | { type: "overlay", overlay: import("./overlay.js").Overlay | null }} EditorMessage
 */

export {};
