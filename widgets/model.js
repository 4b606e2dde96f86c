
// The one file that knows Jupyter: it joins the mount() of the script above it to the widget's model.
export default {
  render({ model, el }) {
    const view = Math.random().toString(36).slice(2);
    const pane = mount(el, {
      view,
      send: (content, buffers = []) => model.send({ ...content, view }, undefined, buffers),
    });
    // Messages reach every view of a model; one that is meant for a single view names it.
    const receive = (content, buffers) => {
      if (!content.to || content.to === view) pane.receive(content, buffers);
    };
    model.on("msg:custom", receive);
    // Else JupyterLab takes what is pressed here for its own: `b` would insert a cell. It looks at the element
    // that has the focus before it looks at those around it.
    el.addEventListener("focusin", ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true"));
    for (const content of model.get("opening")) receive(content);
    model.send({ type: "hello", view });
    return () => {
      model.off("msg:custom", receive);
      pane.destroy?.();
    };
  },
};
