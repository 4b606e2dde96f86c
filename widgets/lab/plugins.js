// @ts-check
// The plugins: the output of benches, and benches on files.
import { BENCH, benchRenderer } from "./output.js";
import { FACTORY, MODEL, benchFactory } from "./document.js";

const VIEW = "notebook:create-output-view"; // JupyterLab's command that shows the outputs of a cell in a tab

/** The packages of JupyterLab's page that the plugins use. */
export const NEEDED = [
  "@jupyter-widgets/base", "@jupyter-widgets/jupyterlab-manager", "@jupyterlab/application", "@jupyterlab/apputils",
  "@jupyterlab/docregistry", "@jupyterlab/outputarea", "@jupyterlab/rendermime", "@lumino/signaling", "@lumino/widgets",
];

/** @param {Record<string, any>} lab the packages, by name; null where one is not there */
export function plugins(lab) {
  if (!lab["@jupyter-widgets/jupyterlab-manager"]) return []; // without widgets there is no bench
  const { IJupyterWidgetRegistry } = lab["@jupyter-widgets/base"], { IRenderMimeRegistry } = lab["@jupyterlab/rendermime"];
  const { ILayoutRestorer } = lab["@jupyterlab/application"], { WidgetTracker } = lab["@jupyterlab/apputils"];
  /** @type {any} */
  const Renderer = benchRenderer(lab["@jupyter-widgets/jupyterlab-manager"].WidgetRenderer);

  /**
   * Have a panel show benches. `tabOf` gives what opens an output in a tab of its own.
   * @param {any} rendermime @param {any} session @param {string} advice @param {(node: HTMLElement) => (() => void) | null} [tabOf]
   */
  const teach = (rendermime, session, advice, tabOf = () => null) => rendermime.addFactory(
    // Safe, because what is not trusted is shown as an image.
    { safe: true, mimeTypes: [BENCH], createRenderer: (/** @type {any} */ options) => new Renderer(options, rendermime, session, advice, tabOf) }, -20,
  );

  const outputs = {
    id: "brewbench:outputs", autoStart: true, optional: [IJupyterWidgetRegistry],
    /** @param {any} app @param {any} widgets */
    activate(app, widgets) {
      if (!widgets) return; // as in Voila, which has widgets of its own
      app.docRegistry.addWidgetExtension("Notebook", {
        /** @param {any} panel @param {any} context */
        createNew(panel, context) {
          const tabOf = (/** @type {HTMLElement} */ node) => {
            const index = panel.content.widgets.findIndex((/** @type {any} */ cell) => cell.node.contains(node));
            if (index < 0 || !app.commands.hasCommand(VIEW)) return null;
            return async () => {
              const now = panel.content.widgets.findIndex((/** @type {any} */ cell) => cell.node.contains(node));
              const before = new Set(app.shell.widgets("main"));
              await app.commands.execute(VIEW, { path: context.path, index: now });
              const made = [...app.shell.widgets("main")].find((each) => !before.has(each)); // below the notebook
              if (!made) return;
              app.shell.add(made, "main", { mode: "tab-after", ref: panel.id });
              app.shell.activateById(made.id);
            };
          };
          teach(panel.content.rendermime, context.sessionContext, "Run this cell to bring the bench back to life.", tabOf);
        },
      });
    },
  };

  const documents = {
    id: "brewbench:documents", autoStart: true, optional: [IRenderMimeRegistry, IJupyterWidgetRegistry, ILayoutRestorer],
    /** @param {any} app @param {any} rendermime @param {any} widgets @param {any} restorer */
    activate(app, rendermime, widgets, restorer) {
      if (!rendermime || !widgets) return;
      const { TextModelFactory } = lab["@jupyterlab/docregistry"];
      // A model of its own: a text editor on the same file keeps its own, and its own way of saving.
      class OwnText extends TextModelFactory {
        get name() {
          return MODEL;
        }
      }
      const registry = app.docRegistry, Factory = /** @type {any} */ (benchFactory(lab, app, rendermime, teach));
      registry.addModelFactory(new OwnText());
      registry.addFileType({ name: "prototxt", displayName: "Caffe net or solver", extensions: [".prototxt"], mimeTypes: ["text/x-prototxt"], contentType: "file", fileFormat: "text" });
      const factory = new Factory({ name: FACTORY, label: FACTORY, modelName: MODEL, fileTypes: ["prototxt"], defaultFor: ["prototxt"] });
      const tracker = new WidgetTracker({ namespace: "brewbench" });
      factory.widgetCreated.connect((/** @type {any} */ _factory, /** @type {any} */ widget) => void tracker.add(widget));
      registry.addWidgetFactory(factory);
      restorer?.restore(tracker, {
        command: "docmanager:open",
        args: (/** @type {any} */ widget) => ({ path: widget.context.path, factory: FACTORY }),
        name: (/** @type {any} */ widget) => widget.context.path,
      });
    },
  };
  return [outputs, documents];
}
