// Makes bundle/: one script and one style a widget, of the sources in page/. `--check` tells whether it is up to date.
import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url)), PAGE = join(HERE, "page"), BUNDLE = join(HERE, "bundle");
const NOTE = "Made by build.mjs from page/: change the sources there, then `npm run build`.";
const WIDGETS = { arrays: "arrays.js", curves: "curves.js", editor: "editor/editor.js", form: "form.js", frame: "frame.js", stepper: "stepper.js", table: "table.js", text: "text/text.js" };

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

const files = await make();
if (process.argv.includes("--check")) {
  const there = await readdir(BUNDLE).catch(() => []);
  const wrong = there.filter((name) => !files.has(name));
  for (const [name, text] of files) {
    if (text !== await readFile(join(BUNDLE, name), "utf8").catch(() => "")) wrong.push(name);
  }
  if (wrong.length) {
    console.error(`bundle/ is not what page/ gives: ${wrong.join(", ")}. Run \`npm run build\` in widgets/.`);
    process.exit(1);
  }
} else {
  await rm(BUNDLE, { recursive: true, force: true });
  await mkdir(BUNDLE);
  for (const [name, text] of files) await writeFile(join(BUNDLE, name), text);
}
