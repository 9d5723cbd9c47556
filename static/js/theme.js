// The colours: like the system, light or dark. Loaded in the head, so that nothing flashes.
(() => {
  const names = { system: "like the system", light: "light", dark: "dark" };
  const signs = { system: "◐", light: "☀", dark: "☾" };
  let theme = "system";
  try {
    theme = localStorage.getItem("theme") ?? "system";
  } catch {
    // storage may be closed to us: then the system decides
  }
  if (!(theme in names)) theme = "system";

  function apply() {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (!button) return;
    button.hidden = false;
    button.textContent = signs[theme];
    button.title = `Colours: ${names[theme]}`;
    button.setAttribute("aria-label", button.title);
  }

  function next() {
    const all = Object.keys(names);
    theme = all[(all.indexOf(theme) + 1) % all.length];
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // it holds for this page then
    }
    apply();
    document.dispatchEvent(new CustomEvent("cascade:theme"));
  }

  apply();
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme")?.addEventListener("click", next);
    document.addEventListener("click", ({ target }) => {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        if (!menu.contains(target)) menu.removeAttribute("open");
      }
    });
  });
})();
