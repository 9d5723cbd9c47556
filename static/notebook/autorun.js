// Type, stop, and the cell runs. Leaving the editor before that cancels it.
import { article, autoRunDelay, editable } from "./page.js";
import { flush } from "./editors.js";
import { request } from "./socket.js";

const timers = new Map();

export function schedule(id) {
  cancel(id);
  const element = article(id);
  if (!editable() || !element || element.dataset.type === "markdown") return;
  if (element.dataset.manual === "true" || element.dataset.disabled === "true") return;
  timers.set(
    id,
    setTimeout(() => run(id), autoRunDelay()),
  );
}

export function cancel(id) {
  clearTimeout(timers.get(id));
  timers.delete(id);
}

/** Run a cell now, with what was typed in it. */
export async function run(id, scope = "cell") {
  cancel(id);
  if (!editable()) return null;
  await flush(id);
  return request("run_cell", { cellId: id, scope });
}
