// Made by build.mjs from lab/: change the sources there, then `npm run build`.
"use strict";
(() => {
  // lab/output.js
  var BENCH = "application/vnd.brewbench.bench+json";
  var WIDGET = "application/vnd.jupyter.widget-view+json";
  var GONE = ["restarting", "autorestarting", "terminating", "dead"];
  function picture(model, advice) {
    const figure = document.createElement("figure");
    figure.className = "bb-picture";
    figure.style.cssText = "margin: 0; max-width: 100%;";
    const sentence = figure.appendChild(document.createElement("figcaption"));
    sentence.style.cssText = "padding: 6px 0; color: var(--jp-ui-font-color1); font: var(--jp-ui-font-size1)/1.4 var(--jp-ui-font-family);";
    sentence.textContent = advice;
    const drawing = model.data["image/svg+xml"];
    if (drawing) {
      const frame = figure.appendChild(document.createElement("div"));
      frame.style.cssText = "max-height: 640px; max-width: max-content; overflow: auto; border: 1px solid var(--jp-border-color2); border-radius: 4px; background: #fff;";
      const image = frame.appendChild(document.createElement("img"));
      image.src = `data:image/svg+xml,${encodeURIComponent([drawing].flat().join(""))}`;
      image.alt = "The net as it was drawn";
      image.style.cssText = "display: block; max-width: 100%;";
    }
    return figure;
  }
  function benchRenderer(WidgetRenderer) {
    return class extends WidgetRenderer {
      /**
       * @param {any} options @param {any} rendermime of the panel @param {any} session its session context
       * @param {string} advice @param {(node: HTMLElement) => (() => void) | null} tabOf what opens an output in a tab
       */
      constructor(options, rendermime, session, advice, tabOf) {
        super(options);
        this.advice = advice;
        this.node.addEventListener("bb-attached", ({ detail }) => {
          detail.keeps = true;
          detail.openTab = tabOf(this.node);
        });
        this.node.addEventListener("bb-picture", ({ detail }) => this.keep(detail));
        this.shown = null;
        this.live = null;
        this.whenStatus = (_session, status) => GONE.includes(status) && this.rest();
        this.whenKernel = () => this.rest();
        session.statusChanged.connect(this.whenStatus);
        session.kernelChanged.connect(this.whenKernel);
        this.session = session;
        const probe = rendermime.createRenderer(WIDGET, options);
        probe._manager?.promise.then((manager) => {
          if (!this.isDisposed) this.manager = manager;
        });
        probe.dispose();
      }
      set manager(manager) {
        if (this.known) return;
        this.known = manager;
        manager.restored.connect(this.wake, this);
        void this.wake();
      }
      /** @param {MimeModel} model */
      async renderModel(model) {
        this.shown = model;
        await this.wake();
        if (!this.live) this.rest();
      }
      /** Keep another picture of the bench in the notebook. @param {string} svg */
      keep(svg) {
        const model = (
          /** @type {any} */
          this.shown
        ), kept = [model?.data["image/svg+xml"] ?? ""].flat().join("");
        if (model && svg !== kept) model.setData({ data: { ...model.data, "image/svg+xml": svg } });
      }
      /** Show the live bench, if its model is there. */
      async wake() {
        const model = this.shown, id = model?.data[BENCH]?.model_id;
        if (this.live || !this.known || !id || !model?.trusted) return;
        const widgetModel = this.known.has_model(id) ? await this.known.get_model(id).catch(() => null) : null;
        if (!widgetModel?.comm_live || this.live || this.isDisposed) return;
        const view = await this.known.create_view(widgetModel), widget = view.luminoWidget ?? view.pWidget;
        if (this.isDisposed || this.live) return widget.dispose();
        this.live = widget;
        this.node.replaceChildren();
        this.addWidget(widget);
        widget.disposed.connect(() => {
          if (this.live !== widget) return;
          this.live = null;
          queueMicrotask(() => this.rest());
        });
      }
      /** Show the picture. */
      rest() {
        const live = this.live;
        this.live = null;
        live?.dispose();
        if (this.shown && !this.isDisposed) this.node.replaceChildren(picture(this.shown, this.advice));
      }
      dispose() {
        if (this.isDisposed) return;
        this.session.statusChanged.disconnect(this.whenStatus);
        this.session.kernelChanged.disconnect(this.whenKernel);
        super.dispose();
      }
    };
  }

  // lab/document.js
  var FACTORY = "Bench";
  var MODEL = "brewbench-text";
  function opening(path) {
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
      "    display(bench)"
    ].filter(Boolean).join("\n");
  }
  function benchFactory(lab, app, registry, teach) {
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
        this.node.addEventListener("bb-unsaved", (event) => context.model.dirty = event.detail.length > 0);
        const pressed = (event) => {
          if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s" || event.defaultPrevented) return;
          if (
            /** @type {Element} */
            event.target.closest(".cm-editor")
          ) return;
          event.preventDefault();
          event.stopPropagation();
          this.save().catch(() => {
          });
        };
        this.node.addEventListener("keydown", pressed, true);
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
        const notebook = { sessionContext: this.session, saveState: new Signal(this), model: { getMetadata: () => void 0 }, urlResolver: this.context.urlResolver };
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

  // lab/plugins.js
  var VIEW = "notebook:create-output-view";
  var NEEDED = [
    "@jupyter-widgets/base",
    "@jupyter-widgets/jupyterlab-manager",
    "@jupyterlab/application",
    "@jupyterlab/apputils",
    "@jupyterlab/docregistry",
    "@jupyterlab/outputarea",
    "@jupyterlab/rendermime",
    "@lumino/signaling",
    "@lumino/widgets"
  ];
  function plugins(lab) {
    if (!lab["@jupyter-widgets/jupyterlab-manager"]) return [];
    const { IJupyterWidgetRegistry } = lab["@jupyter-widgets/base"], { IRenderMimeRegistry } = lab["@jupyterlab/rendermime"];
    const { ILayoutRestorer } = lab["@jupyterlab/application"], { WidgetTracker } = lab["@jupyterlab/apputils"];
    const Renderer = benchRenderer(lab["@jupyter-widgets/jupyterlab-manager"].WidgetRenderer);
    const teach = (rendermime, session, advice, tabOf = () => null) => rendermime.addFactory(
      // Safe, because what is not trusted is shown as an image.
      { safe: true, mimeTypes: [BENCH], createRenderer: (options) => new Renderer(options, rendermime, session, advice, tabOf) },
      -20
    );
    const outputs = {
      id: "brewbench:outputs",
      autoStart: true,
      optional: [IJupyterWidgetRegistry],
      /** @param {any} app @param {any} widgets */
      activate(app, widgets) {
        if (!widgets) return;
        app.docRegistry.addWidgetExtension("Notebook", {
          /** @param {any} panel @param {any} context */
          createNew(panel, context) {
            const tabOf = (node) => {
              const index = panel.content.widgets.findIndex((cell) => cell.node.contains(node));
              if (index < 0 || !app.commands.hasCommand(VIEW)) return null;
              return async () => {
                const now = panel.content.widgets.findIndex((cell) => cell.node.contains(node));
                const before = new Set(app.shell.widgets("main"));
                await app.commands.execute(VIEW, { path: context.path, index: now });
                const made = [...app.shell.widgets("main")].find((each) => !before.has(each));
                if (!made) return;
                app.shell.add(made, "main", { mode: "tab-after", ref: panel.id });
                app.shell.activateById(made.id);
              };
            };
            teach(panel.content.rendermime, context.sessionContext, "Run this cell to bring the bench back to life.", tabOf);
          }
        });
      }
    };
    const documents = {
      id: "brewbench:documents",
      autoStart: true,
      optional: [IRenderMimeRegistry, IJupyterWidgetRegistry, ILayoutRestorer],
      /** @param {any} app @param {any} rendermime @param {any} widgets @param {any} restorer */
      activate(app, rendermime, widgets, restorer) {
        if (!rendermime || !widgets) return;
        const { TextModelFactory } = lab["@jupyterlab/docregistry"];
        class OwnText extends TextModelFactory {
          get name() {
            return MODEL;
          }
        }
        const registry = app.docRegistry, Factory = (
          /** @type {any} */
          benchFactory(lab, app, rendermime, teach)
        );
        registry.addModelFactory(new OwnText());
        registry.addFileType({ name: "prototxt", displayName: "Caffe net or solver", extensions: [".prototxt"], mimeTypes: ["text/x-prototxt"], contentType: "file", fileFormat: "text" });
        const factory = new Factory({ name: FACTORY, label: FACTORY, modelName: MODEL, fileTypes: ["prototxt"], defaultFor: ["prototxt"] });
        const tracker = new WidgetTracker({ namespace: "brewbench" });
        factory.widgetCreated.connect((_factory, widget) => void tracker.add(widget));
        registry.addWidgetFactory(factory);
        restorer?.restore(tracker, {
          command: "docmanager:open",
          args: (widget) => ({ path: widget.context.path, factory: FACTORY }),
          name: (widget) => widget.context.path
        });
      }
    };
    return [outputs, documents];
  }

  // lab/container.js
  var scope = {};
  async function load(name) {
    const versions = Object.values(scope[name] ?? {});
    const chosen = versions.find((one) => one.loaded) ?? versions.at(-1);
    return chosen ? (await chosen.get())() : null;
  }
  var container = {
    /** @param {typeof scope} shared */
    init(shared) {
      scope = shared;
    },
    /** @param {string} name */
    async get(name) {
      if (name !== "./extension") throw new Error(`brewbench has no ${name}`);
      const found = await Promise.all(NEEDED.map(async (one) => (
        /** @type {const} */
        [one, await load(one)]
      )));
      const exported = { __esModule: true, default: plugins(Object.fromEntries(found)) };
      return () => exported;
    }
  };
  var page = (
    /** @type {any} */
    window
  );
  page._JUPYTERLAB = page._JUPYTERLAB ?? {};
  page._JUPYTERLAB.brewbench = container;
})();
