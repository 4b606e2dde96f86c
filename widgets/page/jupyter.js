// @ts-check
// The one file that knows Jupyter: it joins a script's mount() to the widget's model.

/**
 * The widget that anywidget shows, made of a script's mount().
 * @param {(root: HTMLElement, adapter: import("./messages.js").Adapter) => import("./messages.js").Mounted} mount
 */
export const widget = (mount) => ({
  /** @param {{ model: any, el: HTMLElement }} given */
  render({ model, el }) {
    const view = Math.random().toString(36).slice(2);
    const pane = mount(el, {
      view,
      send: (content, buffers = []) => model.send({ ...content, view }, undefined, buffers),
    });
    Object.assign(el, { pane }); // for the console, and for tests
    // Messages reach every view of a model, unless one names the view that it is for or the one that it is not for.
    const receive = (/** @type {any} */ content, /** @type {DataView[]} */ buffers) => {
      if ((!content.to || content.to === view) && content.except !== view) pane.receive(content, buffers);
    };
    model.on("msg:custom", receive);
    // Else JupyterLab takes what is pressed here for its own: `b` would insert a cell. It looks at the element
    // that has the focus before it looks at those around it.
    el.addEventListener("focusin", ({ target }) => {
      if (target instanceof Element) target.setAttribute("data-lm-suppress-shortcuts", "true");
    });
    for (const content of model.get("opening")) receive(content, []);
    model.send({ type: "hello", view });
    return () => {
      model.off("msg:custom", receive);
      pane.destroy?.();
    };
  },
});
