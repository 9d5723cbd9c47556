// One editor per cell, made when it comes near the screen; what is typed is sent, what others type is taken in.
import { CellEditor } from "../dist/editor.js";
import { schedule, cancel } from "./autorun.js";
import { article, articles, cells, clientId, editable, emit, idOf, on } from "./page.js";
import { request, resync } from "./socket.js";
import { editorKeys } from "./keys.js";

const editors = new Map(); // cell id -> CellEditor
const sending = new Map(); // cell id -> promise of the request under way
const texts = new Map(); // cells without an editor yet: code and version from the server

const nearby = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => make(idOf(entry.target))),
  { rootMargin: "600px" },
);

export function startEditors() {
  articles().forEach(watch);
  new MutationObserver((records) => {
    for (const record of records) {
      for (const node of record.addedNodes) if (node.matches?.(".cell")) watch(node);
    }
    for (const id of editors.keys()) if (!article(id)) drop(id);
  }).observe(cells, { childList: true });
  on("cell_updated", updated);
  on("hello", ({ cells: all }) => all.forEach(settle));
  on("online", (online) => online && editors.forEach((_, id) => flush(id)));
  on("cell_configured", ({ cellId, cellType }) => cellType && editors.get(cellId)?.setType(cellType));
  document.addEventListener("visibilitychange", () => document.hidden && flushAll());
  window.addEventListener("pagehide", flushAll);
}

function watch(element) {
  nearby.observe(element.querySelector("[data-editor]"));
}

function drop(id) {
  editors.get(id)?.destroy();
  editors.delete(id);
}

/** The editor of a cell, made if need be. */
export function make(id) {
  if (editors.has(id)) return editors.get(id);
  const element = article(id);
  const place = element?.querySelector("[data-editor]");
  if (!place) return null;
  const before = place.querySelector(".code-before");
  const known = texts.get(id) ?? { code: before?.textContent ?? "", version: Number(element.dataset.version) };
  texts.delete(id);
  before?.remove();
  const editor = new CellEditor({
    parent: place,
    code: known.code,
    type: element.dataset.type,
    version: known.version,
    clientId,
    readOnly: !editable(),
    label: `Code of the cell`,
    keys: editorKeys(id),
    onEdit: () => edited(id),
    onSelect: (range) => emit("selected", { id, anchor: range.anchor, head: range.head }),
    onFocus: () => emit("focused", id),
    onBlur: () => left(id),
  });
  editors.set(id, editor);
  nearby.unobserve(place);
  return editor;
}

export const editorOf = (id) => editors.get(id) ?? null;

export function codeOf(id) {
  return editors.get(id)?.code ?? article(id)?.querySelector(".code-before")?.textContent ?? "";
}

function edited(id) {
  emit("unsaved");
  flush(id);
  schedule(id);
}

/** Leaving an editor saves, and cancels what was about to run. */
function left(id) {
  cancel(id);
  flush(id);
  emit("blurred", id);
}

function flushAll() {
  editors.forEach((_, id) => flush(id));
}

/** Send what was typed; resolves when the server has stored all of it. */
export async function flush(id) {
  if (sending.has(id)) return sending.get(id);
  const work = sendAll(id).finally(() => sending.delete(id));
  sending.set(id, work);
  return work;
}

async function sendAll(id) {
  for (;;) {
    const editor = editors.get(id);
    const outgoing = editor?.outgoing();
    if (!outgoing) return;
    const answer = await request("cell_update", { cellId: id, clientId, ...outgoing });
    if (answer.type === "error") {
      if (answer.code === "version_unknown") {
        resync(-1);
        await new Promise((resolve) => setTimeout(resolve, 300));
        continue;
      }
      return;
    }
    // our own changes come back as `cell_updated`, which confirms them: always before the acknowledgement
    if (editor.outgoing()?.version === outgoing.version) return;
  }
}

function updated({ cellId, version, changes, code }) {
  const editor = editors.get(cellId);
  const element = article(cellId);
  if (element) element.dataset.version = version;
  if (!editor) {
    remember(cellId, version, changes, code);
    return;
  }
  if (version <= editor.version) return;
  if (code !== undefined) editor.replace(code, version);
  else editor.receive(changes);
  emit("text", cellId);
}

/** A cell without an editor: keep its text, so that the editor begins with it. */
function remember(id, version, changes, code) {
  if (code === undefined) {
    const editor = make(id);
    if (editor && version > editor.version) editor.receive(changes);
    return;
  }
  texts.set(id, { code, version });
  const before = article(id)?.querySelector(".code-before");
  if (before) before.textContent = code;
}

/** The whole text from the server: what was typed here and not sent stays. */
function settle({ id, code, version }) {
  const editor = editors.get(id);
  if (!editor) {
    if (article(id)) remember(id, version, null, code);
    return;
  }
  if (editor.version !== version || editor.base.toString() !== code) editor.reset(code, version);
}
