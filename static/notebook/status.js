// What runs shows for how long; what ended is said aloud.
import { announce, cells, on } from "./page.js";

const seen = new Map(); // cell -> status
const since = new Map(); // cell -> when this page saw it begin

export function startStatus() {
  on("swapped", notice);
  notice();
  setInterval(tick, 100);
}

function notice() {
  changed = true;
  for (const element of cells.querySelectorAll(".status")) {
    const { status } = element.dataset;
    const before = seen.get(element.id);
    if (before === status) {
      element.classList.add("seen"); // not new: no delay before it shows
      continue;
    }
    seen.set(element.id, status);
    if (status === "running") since.set(element.id, performance.now());
    else since.delete(element.id);
    if (before && (status === "error" || (status === "success" && before === "running"))) {
      const number = [...cells.querySelectorAll(".cell")].indexOf(element.closest(".cell")) + 1;
      announce(`Cell ${number} ${status === "error" ? "failed" : "is done"}.`);
    }
  }
}

/** How many are to run before a queued cell. */
function number() {
  const queued = [...cells.querySelectorAll('.status[data-status="queued"]')];
  queued.sort((one, other) => one.dataset.queue - other.dataset.queue);
  queued.forEach((element, index) => {
    const word = element.querySelector(".status-word");
    const text = index === 0 ? "Queued, next" : `Queued, ${index + 1} of ${queued.length}`;
    if (word && word.textContent !== text) word.textContent = text;
  });
}

let changed = true; // since the queue was last counted

function tick() {
  if (changed) number();
  changed = false;
  for (const [id, start] of since) {
    const word = document.getElementById(id)?.querySelector(".status-word");
    const elapsed = (performance.now() - start) / 1000;
    if (word && elapsed > 0.5) word.textContent = `Running ${elapsed.toFixed(elapsed < 10 ? 1 : 0)} s`;
  }
}
