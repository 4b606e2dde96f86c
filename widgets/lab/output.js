// @ts-check
// The output of a bench: the live bench where its model is, the drawing and one sentence where it is not.

/** @typedef {{data: Record<string, any>, trusted: boolean}} MimeModel */

export const BENCH = "application/vnd.brewbench.bench+json";
export const WIDGET = "application/vnd.jupyter.widget-view+json";
const GONE = ["restarting", "autorestarting", "terminating", "dead"];

/** The drawing that was saved, with what to do. As an image it cannot run anything. @param {MimeModel} model @param {string} advice */
export function picture(model, advice) {
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

/**
 * A renderer of benches, made of the renderer of widgets, which the manager of widgets looks for by its class.
 * @param {any} WidgetRenderer
 */
export function benchRenderer(WidgetRenderer) {
  return class extends WidgetRenderer {
    /**
     * @param {any} options @param {any} rendermime of the panel @param {any} session its session context
     * @param {string} advice @param {(node: HTMLElement) => (() => void) | null} tabOf what opens an output in a tab
     */
    constructor(options, rendermime, session, advice, tabOf) {
      super(options);
      this.advice = advice;
      this.node.addEventListener("bb-attached", (/** @type {any} */ { detail }) => {
        detail.keeps = true;
        detail.openTab = tabOf(this.node);
      });
      this.node.addEventListener("bb-picture", (/** @type {any} */ { detail }) => this.keep(detail));
      /** @type {MimeModel | null} */
      this.shown = null;
      this.live = null;
      this.whenStatus = (/** @type {any} */ _session, /** @type {string} */ status) => GONE.includes(status) && this.rest();
      this.whenKernel = () => this.rest();
      session.statusChanged.connect(this.whenStatus);
      session.kernelChanged.connect(this.whenKernel);
      this.session = session;
      // The panel's renderer of widgets knows the manager already, unless it is a placeholder: then it will be told to this.
      const probe = rendermime.createRenderer(WIDGET, options);
      probe._manager?.promise.then((/** @type {any} */ manager) => {
        if (!this.isDisposed) this.manager = manager;
      });
      probe.dispose();
    }

    set manager(/** @type {any} */ manager) {
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
      const model = /** @type {any} */ (this.shown), kept = [model?.data["image/svg+xml"] ?? ""].flat().join("");
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
        queueMicrotask(() => this.rest()); // it is taken out of the page after this signal
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
