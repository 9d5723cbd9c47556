// Builds what the pages load: the editor bundle, and plotly's strict bundle as it comes.
import { build } from "esbuild";
import { copyFile, mkdir } from "node:fs/promises";

const target = "static/dist";
await mkdir(target, { recursive: true });
await build({
  entryPoints: ["frontend/editor.js"],
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  outfile: `${target}/editor.js`,
  legalComments: "linked",
});
await copyFile("node_modules/plotly.js-strict-dist-min/plotly-strict.min.js", `${target}/plotly.js`);
