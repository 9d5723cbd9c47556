// The page's element and what it says; small helpers that everything else uses.

export const root = document.getElementById("notebook");
export const cells = document.getElementById("cells");
export const clientId = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);

export const editable = () => root.dataset.role !== "viewer";
export const autoRunDelay = () => Number(root.dataset.autoRunDelay) * 1000;

export const articles = () => [...cells.querySelectorAll(":scope > .cell")];
export const article = (id) => document.getElementById(`cell-${id}`);
export const idOf = (element) => element?.closest(".cell")?.dataset.cell ?? null;

/** Messages between the modules: `on(name, listener)`, `emit(name, detail)`. */
const bus = new EventTarget();
export const on = (name, listener) => bus.addEventListener(name, (event) => listener(event.detail));
export const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

/** Say something that passes: with `action`, a button that does something about it. */
export function toast(text, { action = null, label = "", error = false, seconds = 8 } = {}) {
  const box = document.createElement("div");
  box.className = error ? "toast error" : "toast";
  const words = document.createElement("span");
  words.textContent = text;
  box.append(words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => {
      box.remove();
      action();
    });
    box.append(button);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon";
  close.textContent = "×";
  close.setAttribute("aria-label", "Dismiss");
  close.addEventListener("click", () => box.remove());
  box.append(close);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), seconds * 1000);
}

/** Tell people who listen to the page instead of looking at it. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}
