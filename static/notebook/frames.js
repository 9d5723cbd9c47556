// Frames with raw HTML tell their height, and nothing else is taken from them.
export function startFrames() {
  window.addEventListener("message", (event) => {
    const height = event.data?.cascadeHeight;
    if (typeof height !== "number" || !Number.isFinite(height)) return;
    for (const frame of document.querySelectorAll("iframe.framed")) {
      if (frame.contentWindow === event.source) {
        frame.style.height = `${Math.min(Math.max(height, 24), 4000)}px`;
      }
    }
  });
}
