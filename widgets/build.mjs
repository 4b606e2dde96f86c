// Makes bundle/: one script and one style a widget, of the sources in page/; and labextension/, the extension of
// JupyterLab, of those in lab/. `--check` tells whether both are up to date.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url)), PAGE = join(HERE, "page"), BUNDLE = join(HERE, "bundle"), LAB = join(HERE, "labextension");
const NOTE = "Made by build.mjs from page/: change the sources there, then `npm run build`.";
const WIDGETS = { arrays: "arrays.js", curves: "curves.js", editor: "editor/editor.js", explainer: "explainer.js", form: "form.js", frame: "frame.js", stepper: "stepper.js", table: "table.js", text: "text/text.js" };

/** The licences of the packages that some sources are from. */
async function licencesOf(sources) {
  const folders = new Set(sources.flatMap((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []));
  const texts = [...folders].sort().map(async (folder) => {
    const { name, version } = JSON.parse(await readFile(join(HERE, folder, "package.json"), "utf8"));
    return `${name} ${version}\n\n${await readFile(join(HERE, folder, "LICENSE"), "utf8")}`;
  });
  return (await Promise.all(texts)).join("\n----\n\n");
}

/** The files of the bundle, as a map from name to text. */
async function make() {
  const files = new Map();
  for (const [name, source] of Object.entries(WIDGETS)) {
    const entry = `import { mount } from "./${source}"; import { widget } from "./jupyter.js"; export { mount }; export default widget(mount);`;
    const { outputFiles, metafile } = await build({
      stdin: { contents: entry, resolveDir: PAGE, sourcefile: `${name}.entry.js` },
      absWorkingDir: HERE, bundle: true, format: "esm", target: "es2022", charset: "utf8", legalComments: "eof", write: false, logLevel: "warning",
      metafile: true, minify: name === "text",
    });
    files.set(`${name}.js`, `// ${NOTE}\n${outputFiles[0].text}`);
    const licences = await licencesOf(Object.keys(metafile.inputs));
    if (licences) files.set(`${name}.LICENSES.txt`, licences);
    const styles = ["theme.css", `${name}.css`].map((style) => readFile(join(PAGE, style), "utf8"));
    files.set(`${name}.css`, `/* ${NOTE} */\n${(await Promise.all(styles)).join("\n")}`);
  }
  files.set("bench.css", `/* ${NOTE} */\n${await readFile(join(PAGE, "bench.css"), "utf8")}`);
  return files;
}

/** The files of JupyterLab's extension; its script is named by its content, so that no browser keeps an older one. */
async function makeLab() {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, "lab/container.js")],
    absWorkingDir: HERE, bundle: true, format: "iife", target: "es2022", charset: "utf8", write: false, logLevel: "warning",
  });
  const script = `// ${NOTE.replace("page/", "lab/")}\n${outputFiles[0].text}`;
  const name = `static/remoteEntry.${createHash("sha256").update(script).digest("hex").slice(0, 16)}.js`;
  const version = /__version__ = "(.*)"/.exec(await readFile(join(HERE, "../__init__.py"), "utf8"))?.[1];
  const about = {
    name: "brewbench", version, description: "Brewbench in JupyterLab: outputs that outlive their kernel, a bench for prototxt files.",
    license: "BSD-3-Clause", jupyterlab: { extension: true, _build: { load: name, extension: "./extension" } },
  };
  const how = {
    packageManager: "python", packageName: "brewbench",
    uninstallInstructions: "Use pip to uninstall the package brewbench.",
  };
  const json = (/** @type {object} */ value) => `${JSON.stringify(value, null, 2)}\n`;
  return new Map([["package.json", json(about)], ["install.json", json(how)], [name, script]]);
}

/** Whether a folder holds these files and no others. */
async function check(folder, files) {
  const there = (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])).filter((one) => one.isFile());
  const wrong = there.map((one) => relative(folder, join(one.parentPath, one.name)).replaceAll("\\", "/")).filter((name) => !files.has(name));
  for (const [name, text] of files) {
    if (text !== await readFile(join(folder, name), "utf8").catch(() => "")) wrong.push(name);
  }
  if (wrong.length) console.error(`${relative(HERE, folder)}/ is not what its sources give: ${wrong.join(", ")}. Run \`npm run build\` in widgets/.`);
  return !wrong.length;
}

/** Put files, and no others, into a folder. */
async function write(folder, files) {
  await rm(folder, { recursive: true, force: true });
  for (const [name, text] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

const made = [[BUNDLE, await make()], [LAB, await makeLab()]];
if (process.argv.includes("--check")) {
  const results = await Promise.all(made.map(([folder, files]) => check(folder, files)));
  if (results.includes(false)) process.exit(1);
} else {
  for (const [folder, files] of made) await write(folder, files);
}
