// Keys inside an editor. CodeMirror handles the rest.
import { run } from "./autorun.js";
import { create, neighbour } from "./cells.js";
import { editorOf, flush, make } from "./editors.js";
import { announce, article, emit } from "./page.js";

export function editorKeys(id) {
  return [
    { key: "Shift-Enter", run: () => done(runAndGoOn(id)) },
    { key: "Mod-Enter", run: () => done(runHere(id)) },
    { key: "Alt-Enter", run: () => done(runAndInsert(id)) },
    { key: "Mod-s", run: () => done(save(id)), preventDefault: true },
    { key: "Escape", run: () => leave(id) },
    { key: "ArrowUp", run: () => cross(id, -1) },
    { key: "ArrowDown", run: () => cross(id, 1) },
  ];
}

const done = (_) => true;

export async function runHere(id) {
  if (article(id)?.dataset.type === "markdown") return flush(id);
  return run(id);
}

export async function runAndGoOn(id) {
  const asked = runHere(id);
  const next = neighbour(id, 1);
  if (next) emit("select", next);
  else await create("python", id);
  return asked;
}

export async function runAndInsert(id) {
  const asked = runHere(id);
  await create("python", id);
  return asked;
}

export async function save(id) {
  if (id) await flush(id);
  emit("saved-now");
  announce("Saved");
}

function leave(id) {
  article(id).focus();
  return true;
}

/** The arrows leave an editor at its first and last line. */
function cross(id, direction) {
  const editor = editorOf(id);
  const next = neighbour(id, direction);
  if (!next || !editor?.atEdge(direction)) return false;
  const element = article(next);
  if (element.dataset.type === "markdown" || element.dataset.codeHidden === "true") {
    emit("select", next);
    return true;
  }
  make(next)?.enter(direction < 0 ? "end" : "start");
  return true;
}
