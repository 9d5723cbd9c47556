// Cells come, go, move and are configured: by buttons here, by events from the server.
import { run } from "./autorun.js";
import { announce, article, articles, cells, emit, idOf, on, root, toast } from "./page.js";
import { continueFrom, request } from "./socket.js";
import { startDragging } from "./drag.js";

const deleted = []; // ids, latest last

export function startCells() {
  root.addEventListener("click", clicked);
  root.addEventListener("change", changed);
  on("swapped", order);
  on("cell_deleted", ({ cellId }) => remove(cellId));
  on("cell_moved", ({ cellId, position }) => moved(cellId, position));
  on("cell_configured", configured);
  on("hello", settle);
  on("connections", () => articles().forEach(fillConnections));
  on("added", fillConnections);
  articles().forEach(fillConnections);
  startDragging(moveTo);
}

function clicked(event) {
  const button = event.target.closest("button");
  if (!button) return;
  const id = idOf(button);
  if (button.dataset.add) create(button.dataset.add, id);
  else if (button.dataset.action) {
    button.closest("details")?.removeAttribute("open");
    act(button.dataset.action, id);
  } else if (button.hasAttribute("data-expand")) button.parentElement.classList.toggle("open");
}

const actions = {
  run: (id) => run(id),
  "run-above": (id) => run(id, "above"),
  "run-below": (id) => run(id, "below"),
  up: (id) => step(id, -1),
  down: (id) => step(id, 1),
  hide: (id) => configure(id, { codeHidden: article(id).dataset.codeHidden !== "true" }),
  manual: (id) => configure(id, { manual: article(id).dataset.manual !== "true" }),
  disable: (id) => configure(id, { disabled: article(id).dataset.disabled !== "true" }),
  delete: (id) => destroy(id),
};

export function act(action, id) {
  return actions[action]?.(id);
}

export const configure = (id, fields) => request("configure_cell", { cellId: id, ...fields });

/** A new cell below another (null: at the top), which is then edited. */
export async function create(cellType, afterCellId, { focus = true } = {}) {
  const answer = await request("create_cell", { cellType, afterCellId, code: "" });
  if (answer.type === "ack" && focus) emit("edit", answer.cellId);
  return answer.cellId;
}

export async function destroy(id) {
  const next = neighbour(id, 1) ?? neighbour(id, -1);
  const answer = await request("delete_cell", { cellId: id });
  if (answer.type !== "ack") return;
  deleted.push(id);
  if (next) emit("select", next);
  toast("The cell was deleted.", { label: "Undo", action: () => restore(id) });
}

export function restore(id = deleted.at(-1)) {
  if (!id) return toast("Nothing was deleted here that could be brought back.");
  const place = deleted.indexOf(id);
  if (place >= 0) deleted.splice(place, 1);
  return request("restore_cell", { cellId: id }).then((answer) => answer.type === "ack" && emit("select", id));
}

export function neighbour(id, direction) {
  const all = articles();
  const place = all.findIndex((each) => each.dataset.cell === id);
  return all[place + direction]?.dataset.cell ?? null;
}

export function step(id, direction) {
  const all = articles().map((each) => each.dataset.cell);
  const place = all.indexOf(id);
  const goal = place + direction;
  if (goal < 0 || goal >= all.length) return null;
  return moveTo(id, direction < 0 ? (all[goal - 1] ?? null) : all[goal]);
}

async function moveTo(id, afterCellId) {
  const answer = await request("move_cell", { cellId: id, afterCellId });
  if (answer.type === "ack") announce("The cell was moved.");
}

function changed(event) {
  const setting = event.target.dataset?.setting;
  const id = idOf(event.target);
  if (!setting || !id) return;
  const value = event.target.value.trim();
  configure(id, { [setting]: setting === "connectionId" ? value || null : value }).then((answer) => {
    if (answer.type === "error") reflect(article(id));
  });
}

// What the server says ------------------------------------------------------------------------------------------

/** Put cells where their positions say: new ones were appended. */
function order() {
  const all = articles();
  const sorted = [...all].sort((one, other) => (one.dataset.position < other.dataset.position ? -1 : 1));
  if (sorted.some((each, place) => each !== all[place])) {
    // move as little as possible: moving an element makes its frames load again
    let previous = null;
    for (const each of sorted) {
      const expected = previous ? previous.nextElementSibling : cells.firstElementChild;
      if (each !== expected) previous ? previous.after(each) : cells.prepend(each);
      previous = each;
    }
  }
  const seen = new Set();
  for (const each of all) {
    if (seen.has(each.id)) each.remove();
    seen.add(each.id);
    if (!each.dataset.ready) {
      each.dataset.ready = "true";
      emit("added", each);
    }
  }
  document.getElementById("empty").hidden = all.length > 0;
}

function remove(id) {
  article(id)?.remove();
  order();
}

function moved(id, position) {
  const element = article(id);
  if (!element) return;
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  element.dataset.position = position;
  order();
  focused?.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}

function configured({ cellId, ...changes }) {
  const element = article(cellId);
  if (!element) return;
  if (changes.cellType) element.dataset.type = changes.cellType;
  for (const key of ["disabled", "manual", "codeHidden"]) {
    if (key in changes) element.dataset[key] = String(changes[key]);
  }
  if ("outputName" in changes) element.dataset.outputName = changes.outputName;
  if ("connectionId" in changes) element.dataset.connection = changes.connectionId ?? "";
  reflect(element);
}

/** Controls show what the cell's attributes say. */
function reflect(element) {
  if (!element) return;
  const { type, outputName, codeHidden, manual, disabled } = element.dataset;
  const types = element.querySelector('[data-setting="cellType"]');
  types.value = type;
  element.setAttribute("aria-label", `${types.selectedOptions[0].text} cell`);
  element.querySelector('[data-setting="outputName"]').value = outputName ?? "";
  element.querySelector('[data-action="hide"]').textContent = codeHidden === "true" ? "Show code" : "Hide code";
  element.querySelector('[data-action="manual"]').textContent =
    manual === "true" ? "Run automatically" : "Run only by hand";
  element.querySelector('[data-action="disable"]').textContent = disabled === "true" ? "Enable" : "Disable";
  fillConnections(element);
}

function fillConnections(element) {
  const select = element.querySelector('[data-setting="connectionId"]');
  const shared = [...document.querySelectorAll("#shared-connection option")].filter((option) => option.value);
  const own = new Option("the notebook's database", "");
  const frames = new Option("the notebook's DataFrames", "dataframes");
  select.replaceChildren(own, frames, ...shared.map((option) => new Option(option.text, option.value)));
  const present = element.dataset.connection ?? "";
  if (present && ![...select.options].some((option) => option.value === present)) {
    select.append(new Option("a connection of someone else", present));
  }
  select.value = present;
}

/** The whole notebook came: keep what is right, fetch what is not. */
async function settle({ cells: all }) {
  const known = new Map(all.map((cell) => [cell.id, cell]));
  for (const element of articles()) if (!known.has(element.dataset.cell)) element.remove();
  let complete = true;
  for (const cell of all) {
    const element = article(cell.id);
    if (!element) {
      complete = false;
      continue;
    }
    element.dataset.position = cell.position;
    configured({ cellId: cell.id, cellType: cell.type, ...pick(cell) });
    complete &&= looksLike(element, cell);
  }
  order();
  if (!complete) await fetchAnew();
}

const pick = ({ disabled, manual, codeHidden, outputName, connectionId }) => ({
  disabled,
  manual,
  codeHidden,
  outputName,
  connectionId,
});

function looksLike(element, cell) {
  const status = element.querySelector(".status").dataset;
  const output = element.querySelector(".output").dataset;
  if (cell.type === "markdown") return false;
  return (
    status.status === cell.status &&
    status.freshness === (cell.freshness ?? "") &&
    output.execution === String(cell.execution ?? "")
  );
}

/** Merge the page as the server renders it now: statuses, outputs and missing cells. */
async function fetchAnew() {
  const response = await fetch(location.href, { headers: { "X-Requested-With": "fetch" } });
  if (!response.ok || response.redirected) return location.reload();
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("notebook");
  for (const incoming of fresh.querySelectorAll(".cell")) {
    const present = document.getElementById(incoming.id);
    if (!present) {
      cells.append(document.adoptNode(incoming));
      window.htmx.process(document.getElementById(incoming.id));
      continue;
    }
    for (const part of [".status", ".output"]) {
      const mine = present.querySelector(part);
      const theirs = incoming.querySelector(part);
      if (mine.outerHTML !== theirs.outerHTML) {
        mine.replaceWith(document.adoptNode(theirs));
        window.htmx.process(present.querySelector(part));
      }
    }
  }
  emit("swapped");
  continueFrom(fresh);
  return null;
}
