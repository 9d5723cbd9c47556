// Charts: plotly is loaded when the first one comes near the screen.
import { on, root } from "./page.js";

let library = null;
const figures = new Map(); // element -> figure as it came

const nearby = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      nearby.unobserve(entry.target);
      draw(entry.target);
    }
  },
  { rootMargin: "400px" },
);

export function startPlots() {
  on("swapped", find);
  find();
  document.addEventListener("cascade:theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

function find() {
  for (const element of document.querySelectorAll("[data-plotly]:not([data-seen]):not(main)")) {
    element.dataset.seen = "true";
    nearby.observe(element);
  }
  for (const element of figures.keys()) {
    if (!element.isConnected) {
      window.Plotly?.purge(element);
      figures.delete(element);
    }
  }
}

function load() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = root.dataset.plotly;
    script.onload = resolve;
    script.onerror = () => reject(new Error("The chart library could not be loaded: reload the page."));
    document.head.append(script);
  });
  return library;
}

async function draw(element) {
  try {
    const [response] = await Promise.all([fetch(element.dataset.plotly), load()]);
    if (!response.ok) throw new Error("This chart was replaced: run its cell again.");
    figures.set(element, await response.json());
    await show(element);
  } catch (error) {
    element.textContent = error.message;
    element.classList.add("failed");
  }
}

const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

/** The figure in the page's colours, as far as its author has not chosen others. */
function themed(figure) {
  const { layout = {} } = figure;
  const text = colour("--text");
  const line = colour("--line");
  const axes = {};
  for (const key of new Set(["xaxis", "yaxis", ...Object.keys(layout).filter((each) => /^[xy]axis\d*$/.test(each))])) {
    axes[key] = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true, ...layout[key] };
  }
  return {
    ...layout,
    ...axes,
    paper_bgcolor: layout.paper_bgcolor ?? "rgba(0,0,0,0)",
    plot_bgcolor: layout.plot_bgcolor ?? "rgba(0,0,0,0)",
    font: { color: text, family: "inherit", ...layout.font },
    margin: { t: layout.title ? 60 : 24, r: 24, b: 48, l: 56, ...layout.margin },
  };
}

async function show(element) {
  const figure = figures.get(element);
  element.replaceChildren();
  await window.Plotly.newPlot(element, figure.data ?? [], themed(figure), {
    responsive: true,
    displaylogo: false,
    ...figure.config,
  });
  if (figure.frames?.length) await window.Plotly.addFrames(element, figure.frames);
  element.dataset.drawn = "true";
}

function redraw() {
  for (const element of figures.keys()) if (element.isConnected) show(element);
}
