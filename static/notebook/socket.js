// The connection: requests with answers, sequences, and what to do after a gap. htmx's extension owns the socket and
// swaps HTML frames; JSON frames are ours.
import { clientId, emit, root } from "./page.js";

let wrapper = null;
let epoch = Number(root.dataset.epoch);
let sequence = Number(root.dataset.sequence);
let asked = false; // a resync is under way
const pending = new Map(); // request id -> message, resolve

export function startSocket() {
  window.htmx.createWebSocket = (url) => new WebSocket(url, ["notebook.html"]);
  root.addEventListener("htmx:wsOpen", (event) => {
    wrapper = event.detail.socketWrapper;
    emit("online", true);
    resync();
    for (const { message } of pending.values()) transmit(message);
  });
  root.addEventListener("htmx:wsClose", (event) => {
    wrapper = null;
    asked = false;
    const { code, reason } = event.detail.event;
    emit("online", false);
    if (code >= 4400) emit("refused", { code, reason });
  });
  root.addEventListener("htmx:wsBeforeMessage", (event) => {
    const text = event.detail.message;
    if (text.startsWith("<")) return;
    event.preventDefault();
    const data = JSON.parse(text);
    for (const each of Array.isArray(data) ? data : [data]) receive(each);
  });
  root.addEventListener("htmx:wsAfterMessage", afterHtml);
}

function afterHtml() {
  const frame = document.getElementById("frame");
  const from = Number(frame.dataset.from);
  const to = Number(frame.dataset.to);
  if (from > sequence + 1) gap();
  else sequence = Math.max(sequence, to);
  emit("swapped");
}

function receive(event) {
  if (event.type === "hello") {
    // a new owner knows nothing of what the one before it was asked
    if (event.epoch !== epoch) for (const { message } of pending.values()) transmit(message);
    epoch = event.epoch;
    sequence = event.sequence;
    asked = false;
    settle(event.requestId, event);
    emit("hello", event);
    return;
  }
  if (event.type === "ack" || event.type === "error") {
    settle(event.requestId, event);
    if (event.type === "error") emit("error", event);
    return;
  }
  if (event.sequence !== undefined) {
    if (event.sequence <= sequence) return;
    if (event.sequence > sequence + 1) {
      gap();
      return;
    }
    sequence = event.sequence;
  }
  emit(event.type, event);
}

function gap() {
  if (!asked) resync();
}

/** Ask for what was missed. It is not repeated after a reconnection: that begins with another one. */
export function resync(since = sequence) {
  sequence = since;
  asked = true;
  const requestId = newId();
  pending.set(requestId, { message: null, resolve: () => (asked = false) });
  transmit({ type: "resync", epoch, since, clientId, requestId });
}

const newId = () => crypto.randomUUID?.() ?? `${clientId}-${Math.random()}`;

/** The epoch and sequence of a page that was fetched anew. */
export function continueFrom(fresh) {
  if (Number(fresh.dataset.epoch) === epoch) resync(Number(fresh.dataset.sequence));
}

function settle(requestId, answer) {
  const request = pending.get(requestId);
  if (!request) return;
  pending.delete(requestId);
  request.resolve(answer);
  emit("pending", pending.size);
}

/** Send a request; the promise holds its `ack` or `error`. It is sent again after a reconnection. */
export function request(type, fields = {}) {
  const requestId = newId();
  const message = { type, ...fields, requestId };
  return new Promise((resolve) => {
    pending.set(requestId, { message, resolve });
    emit("pending", pending.size);
    transmit(message);
  });
}

/** Send something that needs no answer and is worth nothing later. */
export function send(type, fields = {}) {
  transmit({ type, ...fields });
}

function transmit(message) {
  if (wrapper && message) wrapper.sendImmediately(JSON.stringify(message));
}
