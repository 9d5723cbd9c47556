// The notebook's own controls: title, settings, kernel, connection.
import { emit, on, root, toast } from "./page.js";
import { request } from "./socket.js";

const byId = (id) => document.getElementById(id);
const words = {
  none: "No kernel",
  starting: "Kernel starting…",
  idle: "Kernel ready",
  busy: "Running…",
  dead: "Kernel stopped",
};

export function startNotebook() {
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-notebook-action]");
    if (!button) return;
    button.closest("details")?.removeAttribute("open");
    command(button.dataset.notebookAction);
  });
  on("command", command);
  byId("title").addEventListener("change", rename);
  byId("title").addEventListener("keydown", (event) => event.key === "Enter" && event.target.blur());
  byId("mode").addEventListener("change", (event) => configure({ executionMode: event.target.value }));
  byId("delay").addEventListener("change", changeDelay);
  on("notebook_configured", configured);
  on("kernel_status", kernel);
  on("db_connection_updated", connected);
  on("hello", hello);
  on("online", online);
  on("refused", refused);
  on("pending", (count) => saved(count === 0));
  on("unsaved", () => saved(false));
  on("error", problem);
  startConnection();
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus({ target: document.body }));
}

function closeMenus({ target }) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.removeAttribute("open");
  }
}

const commands = {
  "run-all": () => request("run_all"),
  "run-stale": () => request("run_stale"),
  interrupt: () => request("interrupt"),
  restart: () => request("restart_kernel", { runAll: false }),
  "restart-run": () => request("restart_kernel", { runAll: true }),
  shortcuts: () => byId("shortcuts").showModal(),
};

function command(name) {
  return commands[name]?.();
}

const configure = (fields) => request("configure_notebook", fields);

async function rename(event) {
  const answer = await configure({ title: event.target.value });
  if (answer.type === "error") event.target.value = byId("notebook-heading").textContent;
}

function changeDelay(event) {
  const seconds = Number(event.target.value);
  if (event.target.value === "" || Number.isNaN(seconds) || seconds < 0 || seconds > 3600) {
    event.target.value = root.dataset.autoRunDelay;
    toast("The delay is a number of seconds from 0 to 3600.", { error: true });
    return;
  }
  configure({ autoRunDelay: seconds });
}

function configured({ title, executionMode, autoRunDelay }) {
  if (title !== undefined) {
    byId("notebook-heading").textContent = title;
    if (document.activeElement !== byId("title")) byId("title").value = title;
    document.title = `${title} · Cascade`;
  }
  if (executionMode !== undefined) {
    root.dataset.executionMode = executionMode;
    byId("mode").value = executionMode;
  }
  if (autoRunDelay !== undefined) {
    root.dataset.autoRunDelay = autoRunDelay;
    root.style.setProperty("--auto-run-delay", `${autoRunDelay}s`);
    if (document.activeElement !== byId("delay")) byId("delay").value = autoRunDelay;
  }
}

function kernel({ status, reason }) {
  byId("kernel").dataset.kernel = status;
  byId("kernel-word").textContent = words[status];
  const stuck = status === "busy" && Boolean(reason);
  byId("kernel-reason").hidden = !reason || (status !== "dead" && status !== "none" && !stuck);
  byId("kernel-word-of").textContent = status === "dead" ? `${reason} The next run starts a new kernel.` : (reason ?? "");
  byId("kernel-kill").hidden = !stuck || root.dataset.role === "viewer";
}

function hello(event) {
  configured(event);
  kernel({ status: event.kernel, reason: event.kernelReason });
  showConnection(event.connectionString, event.connectionId);
  root.dataset.role = event.role;
}

let offlineTimer = null;

/** A short break needs no banner. */
function online(yes) {
  clearTimeout(offlineTimer);
  if (yes) byId("offline").hidden = true;
  else offlineTimer = setTimeout(() => (byId("offline").hidden = false), 1000);
}

function refused({ code, reason }) {
  byId("offline").textContent =
    reason || (code === 4404 ? "This notebook was deleted." : "You no longer have access to this notebook.");
  byId("offline").hidden = false;
  clearTimeout(offlineTimer);
}

function saved(yes) {
  byId("saved").textContent = yes ? "Saved" : "Saving…";
  byId("saved").dataset.saved = String(yes);
}

function problem({ code, message }) {
  if (code === "connection_failed" || code === "version_unknown") return;
  toast(message, { error: true });
}

// The connection ------------------------------------------------------------------------------------------------

function startConnection() {
  const dialog = byId("connection-dialog");
  byId("connection-button").addEventListener("click", () => {
    byId("connection-error").hidden = true;
    byId("connection-string").value = "";
    dialog.showModal();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  byId("connection-form").addEventListener("submit", connect);
}

async function connect(event) {
  event.preventDefault();
  const text = byId("connection-string").value.trim();
  const shared = byId("shared-connection").value;
  const button = event.target.querySelector("[type=submit]");
  button.disabled = true;
  button.textContent = "Connecting…";
  const answer = await request(
    "update_db_connection",
    text ? { connectionString: text } : shared ? { connectionId: shared } : { connectionId: null },
  );
  button.disabled = false;
  button.textContent = "Connect";
  if (answer.type === "error") {
    byId("connection-error").textContent = answer.message;
    byId("connection-error").hidden = false;
    return;
  }
  byId("connection-string").value = "";
  byId("connection-dialog").close();
}

function connected({ status, connectionString, connectionId, error }) {
  showConnection(connectionString, connectionId);
  if (status === "success") toast("The notebook's database has changed.");
  else if (!byId("connection-dialog").open) {
    toast(`A new database connection failed, the present one stays. ${error}`, { error: true });
  }
}

function showConnection(text, id) {
  const option = [...byId("shared-connection").options].find((each) => each.value === id);
  const word = id ? (option?.text ?? "shared") : (text ?? "none");
  byId("connection-word").textContent = word;
  byId("connection-present").textContent = word;
  byId("shared-connection").value = option ? id : "";
  emit("connections");
}
