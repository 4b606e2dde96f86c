// @ts-check
// A document tab with a bench on a prototxt, and a kernel of its own behind it.

export const FACTORY = "Bench";
export const MODEL = "brewbench-text";

/** What the kernel runs for a file: paths count from the server's folder, as in a Caffe checkout. @param {string} path */
export function opening(path) {
  const up = "../".repeat(path.split("/").length - 1);
  return [
    "try:",
    "    bench",
    "except NameError:",
    "    import os, brewbench",
    up && `    os.chdir(${JSON.stringify(up)})`,
    "    try:",
    `        bench = brewbench.open(${JSON.stringify(path)})`,
    "    except (OSError, ValueError) as error:",
    '        print(f"{error}\\n\\nOpen With > Editor shows the text.")',
    "if 'bench' in globals():",
    "    display(bench)",
  ].filter(Boolean).join("\n");
}

/** What is needed of JupyterLab. @param {Record<string, any>} lab @param {any} app @param {any} registry @param {(rendermime: any, session: any, advice: string) => void} teach */
export function benchFactory(lab, app, registry, teach) {
  const { ABCWidgetFactory, DocumentWidget } = lab["@jupyterlab/docregistry"];
  const { OutputAreaModel, SimplifiedOutputArea } = lab["@jupyterlab/outputarea"];
  const { SessionContext, showErrorMessage } = lab["@jupyterlab/apputils"];
  const { Panel } = lab["@lumino/widgets"], { Signal } = lab["@lumino/signaling"];
  const { registerWidgetManager } = lab["@jupyter-widgets/jupyterlab-manager"];

  class BenchPanel extends Panel {
    /** @param {any} context */
    constructor(context) {
      super();
      this.context = context;
      this.addClass("bb-document");
      this.node.style.cssText = "overflow: auto; padding: 8px; background: var(--jp-layout-color0);";
      const { sessions, kernelspecs, kernels } = app.serviceManager;
      const kernelPreference = { language: "python", name: kernelspecs.specs?.default, shouldStart: true, canStart: true, autoStartDefault: true, shutdownOnDispose: true };
      this.session = new SessionContext({ sessionManager: sessions, specsManager: kernelspecs, kernelManager: kernels, path: context.path, name: context.path.split("/").at(-1), type: "file", kernelPreference });
      this.rendermime = registry.clone();
      this.output = new SimplifiedOutputArea({ model: new OutputAreaModel({ trusted: true }), rendermime: this.rendermime });
      this.addWidget(this.output);
      this.node.addEventListener("bb-unsaved", (/** @type {any} */ event) => (context.model.dirty = event.detail.length > 0));
      // JupyterLab's own shortcut is off while a pane has the focus. A text pane sends what is typed before it saves.
      const pressed = (/** @type {KeyboardEvent} */ event) => {
        if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s" || event.defaultPrevented) return;
        if (/** @type {Element} */ (event.target).closest(".cm-editor")) return;
        event.preventDefault();
        event.stopPropagation();
        this.save().catch(() => {}); // said in a dialog
      };
      this.node.addEventListener("keydown", pressed, true);
      // The kernel holds the text and writes it, every byte kept; the page's copy is what was there at first.
      context.save = () => this.save();
      context.saveAs = () => showErrorMessage("Save As", "A bench saves to its own file. Save it, then copy the file, or use Open With > Editor.");
      context.revert = () => this.reopen();
      teach(this.rendermime, this.session, "The kernel has stopped. Kernel and bench start again with this file: close this tab, then open it.");
      this.ready = this.start();
    }

    async start() {
      await this.context.ready;
      await this.session.initialize();
      await this.session.ready;
      if (!this.session.session?.kernel) return this.say("The bench needs a Python kernel, which did not start.");
      const notebook = { sessionContext: this.session, saveState: new Signal(this), model: { getMetadata: () => undefined }, urlResolver: this.context.urlResolver };
      this.manager = registerWidgetManager(notebook, this.rendermime, []);
      await SimplifiedOutputArea.execute(opening(this.context.localPath), this.output, this.session);
    }

    async reopen() {
      await this.run("bench.close(); del bench");
      await SimplifiedOutputArea.execute(opening(this.context.localPath), this.output, this.session);
    }

    async save() {
      await this.run("bench.save()");
      this.context.model.dirty = false;
    }

    /** Run code behind the page. Throws an Error with the message of what went wrong. @param {string} code */
    async run(code) {
      await this.ready;
      const kernel = this.session.session?.kernel;
      const { content } = await kernel.requestExecute({ code, store_history: false }).done;
      if (content.status !== "ok") {
        await showErrorMessage("Bench", `${content.ename}: ${content.evalue}`);
        throw new Error(content.evalue);
      }
    }

    /** @param {string} text */
    say(text) {
      this.output.model.add({ output_type: "stream", name: "stderr", text });
    }

    dispose() {
      if (this.isDisposed) return;
      this.session.dispose();
      super.dispose();
    }
  }

  return class extends ABCWidgetFactory {
    /** @param {any} context */
    createNewWidget(context) {
      return new DocumentWidget({ content: new BenchPanel(context), context });
    }
  };
}
