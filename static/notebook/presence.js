// Who else is here, and where.
import { editorOf } from "./editors.js";
import { clientId, on } from "./page.js";
import { send } from "./socket.js";

let here = { cellId: null, anchor: null, head: null };
let timer = null;
let decorated = new Set();

export function startPresence() {
  on("selected", ({ id, anchor, head }) => tell({ cellId: id, anchor, head }));
  on("focused", (id) => tell({ cellId: id, anchor: here.anchor ?? 0, head: here.head ?? 0 }));
  on("online", (yes) => yes && setTimeout(() => send("presence", here), 50));
  on("presence", ({ clients }) => show(clients.filter((each) => each.clientId !== clientId)));
}

/** At most ten times a second. */
function tell(place) {
  here = place;
  timer ??= setTimeout(() => {
    timer = null;
    send("presence", here);
  }, 100);
}

export const hueOf = (name) => [...name].reduce((sum, char) => (sum * 31 + char.codePointAt(0)) % 360, 7);

function show(others) {
  const people = document.getElementById("people");
  const names = new Map(others.map((each) => [each.clientId, each.user]));
  people.replaceChildren(
    ...[...names.values()].slice(0, 6).map((name) => {
      const face = document.createElement("span");
      face.className = "face";
      face.style.setProperty("--hue", hueOf(name));
      face.textContent = name.slice(0, 1).toUpperCase();
      face.title = name;
      face.setAttribute("aria-label", `${name} is here`);
      face.setAttribute("role", "img");
      return face;
    }),
  );
  const byCell = Map.groupBy ? Map.groupBy(others, (each) => each.cellId) : group(others);
  const now = new Set();
  for (const [id, peers] of byCell) {
    const editor = id && editorOf(id);
    if (!editor) continue;
    now.add(id);
    editor.setPeers(
      peers
        .filter((each) => each.head !== null && each.anchor !== null)
        .map((each) => ({ name: each.user, hue: hueOf(each.user), anchor: each.anchor, head: each.head })),
    );
  }
  for (const id of decorated) if (!now.has(id)) editorOf(id)?.setPeers([]);
  decorated = now;
}

function group(others) {
  const groups = new Map();
  for (const each of others) groups.set(each.cellId, [...(groups.get(each.cellId) ?? []), each]);
  return groups;
}
