// Moving cells with the pointer.
import { articles, idOf, root } from "./page.js";

let dragged = null;

export function startDragging(moveTo) {
  root.addEventListener("dragstart", (event) => {
    const handle = event.target.closest?.(".drag");
    if (!handle) return;
    dragged = idOf(handle);
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged);
    handle.closest(".cell").classList.add("dragged");
  });
  root.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const { element, after } = target(event);
    mark(element, after);
  });
  root.addEventListener("drop", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const { element, after } = target(event);
    const all = articles().filter((each) => each.dataset.cell !== dragged);
    const place = all.indexOf(element);
    const before = after ? element : all[place - 1];
    if (element && element.dataset.cell !== dragged) moveTo(dragged, before?.dataset.cell ?? null);
    end();
  });
  root.addEventListener("dragend", end);
}

function target(event) {
  const element = event.target.closest(".cell") ?? articles().at(-1);
  const box = element.getBoundingClientRect();
  return { element, after: event.clientY > box.top + box.height / 2 };
}

function mark(element, after) {
  for (const each of articles()) each.classList.remove("drop-before", "drop-after");
  element?.classList.add(after ? "drop-after" : "drop-before");
}

function end() {
  dragged = null;
  for (const each of articles()) each.classList.remove("dragged", "drop-before", "drop-after");
}
