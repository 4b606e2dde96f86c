// @ts-check
// What JupyterLab loads: a container of modules, as its page knows them by webpack's module federation. Written by hand,
// because all it has to do is to take JupyterLab's own packages from what is shared and to hand out the plugins.
import { NEEDED, plugins } from "./plugins.js";

/** @typedef {{get: () => Promise<() => any>, loaded?: unknown}} Shared one version of a package that is shared */

/** @type {Record<string, Record<string, Shared>>} */
let scope = {};

/** A package of the page: the version that is in use, or null where there is none. @param {string} name */
async function load(name) {
  const versions = Object.values(scope[name] ?? {});
  const chosen = versions.find((one) => one.loaded) ?? versions.at(-1);
  return chosen ? (await chosen.get())() : null;
}

const container = {
  /** @param {typeof scope} shared */
  init(shared) {
    scope = shared;
  },

  /** @param {string} name */
  async get(name) {
    if (name !== "./extension") throw new Error(`brewbench has no ${name}`);
    const found = await Promise.all(NEEDED.map(async (one) => /** @type {const} */ ([one, await load(one)])));
    const exported = { __esModule: true, default: plugins(Object.fromEntries(found)) };
    return () => exported;
  },
};

const page = /** @type {any} */ (window);
page._JUPYTERLAB = page._JUPYTERLAB ?? {};
page._JUPYTERLAB.brewbench = container;
