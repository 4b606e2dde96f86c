// @ts-check
// Files that the browser keeps: what a net is exported as.

/** Have the browser keep a file. @param {string} name @param {Blob} content */
function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it in its own time
}

/**
 * A picture of an SVG in dots, two for each of its units, fewer where a canvas holds no more.
 * @param {string} svg @returns {Promise<Blob>}
 */
async function drawn(svg) {
  const image = new Image(), address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    image.src = address;
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image, most = 16_000;
    const scale = Math.min(2, most / width, most / height, Math.sqrt(most * most / 2 / (width * height)));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) throw new Error("the browser has no room for a picture of this size; export it as SVG");
    return blob;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Keep what the kernel made of the net. @param {{ name: string, mime: string, text: string, png: boolean }} file */
export async function download({ name, mime, text, png }) {
  if (png) save(name.replace(/\.svg$/, ".png"), await drawn(text));
  else save(name, new Blob([text], { type: mime }));
}
