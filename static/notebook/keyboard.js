// Command mode: single keys while a cell, not its editor, has the focus.
import { act, configure, create, neighbour, restore } from "./cells.js";
import { make } from "./editors.js";
import { runAndGoOn, runAndInsert, runHere, save } from "./keys.js";
import { announce, article, articles, cells, editable, emit, idOf, on, root } from "./page.js";

let current = null; // the selected cell
let last = { key: "", at: 0 };

export function startKeyboard() {
  document.addEventListener("keydown", pressed);
  cells.addEventListener("focusin", (event) => select(idOf(event.target), false));
  cells.addEventListener("dblclick", (event) => {
    const element = event.target.closest(".cell");
    if (element?.dataset.type === "markdown" && event.target.closest(".output")) edit(element.dataset.cell);
  });
  on("select", (id) => select(id, true));
  on("edit", (id) => edit(id));
}

function select(id, focus) {
  const element = article(id);
  if (!element) return;
  if (current && current !== id) article(current)?.classList.remove("current");
  current = id;
  element.classList.add("current");
  for (const each of articles()) each.tabIndex = each === element ? 0 : -1;
  if (focus) {
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }
}

/** Edit a cell; one that was just created may arrive a moment later. */
function edit(id, tries = 40) {
  const element = article(id);
  if (!element) {
    if (tries) setTimeout(() => edit(id, tries - 1), 25);
    return;
  }
  select(id, false);
  element.classList.add("editing");
  make(id)?.focus();
}

on("blurred", (id) => article(id)?.classList.remove("editing"));

const typing = (target) => target.closest("input, textarea, select, [contenteditable='true'], .cm-editor");

function pressed(event) {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    save(current);
    return;
  }
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (typing(target)) return;
  const onButton = target.closest("button, summary, a") && (event.key === "Enter" || event.key === " ");
  if (onButton && !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey) return;
  const command = commandFor(event);
  if (!command) return;
  event.preventDefault();
  command();
}

function commandFor(event) {
  const id = current ?? articles()[0]?.dataset.cell ?? null;
  if (event.key === "?") return () => document.getElementById("shortcuts").showModal();
  if (event.key === "Enter" && id) return enterFor(event, id);
  if (event.altKey && id && editable()) {
    if (event.key === "ArrowUp") return () => act("up", id);
    if (event.key === "ArrowDown") return () => act("down", id);
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "j" || event.key === "ArrowDown") return () => go(id, 1);
  if (event.key === "k" || event.key === "ArrowUp") return () => go(id, -1);
  if (!editable()) return null;
  return twice(event.key) ?? single(event.key, id);
}

function enterFor(event, id) {
  if (event.shiftKey) return () => runAndGoOn(id);
  if (event.ctrlKey || event.metaKey) return () => runHere(id);
  if (event.altKey) return () => runAndInsert(id);
  return () => edit(id);
}

function go(id, direction) {
  const next = current ? neighbour(id, direction) : id;
  if (next) select(next, true);
}

/** Keys that mean something when pressed twice within a second. */
function twice(key) {
  const again = last.key === key && performance.now() - last.at < 1000;
  last = { key, at: performance.now() };
  if (!["d", "i", "0"].includes(key)) return null;
  if (!again) return () => {};
  last = { key: "", at: 0 };
  if (key === "d") return () => current && act("delete", current);
  if (key === "i") return () => emit("command", "interrupt");
  return () => emit("command", "restart");
}

function single(key, id) {
  const types = { y: "python", m: "markdown", s: "sql" };
  if (key === "a") return () => create("python", id && neighbour(id, -1));
  if (key === "b") return () => create("python", id);
  if (key === "z") return () => restore();
  if (key === "h" && id) return () => act("hide", id);
  if (key in types && id) {
    return () => configure(id, { cellType: types[key] }).then(() => announce(`The cell is ${types[key]} now.`));
  }
  return null;
}

root.addEventListener("click", (event) => {
  const element = event.target.closest(".cell");
  if (element && !typing(event.target) && !event.target.closest("button, a, summary, iframe")) {
    if (!window.getSelection()?.toString()) select(element.dataset.cell, true);
  }
});
