// Bundles src/cli/main.ts into dist/ with code-splitting, so that nothing is loaded before it is needed.

import { build } from "esbuild";
import { cpSync, existsSync, readFileSync, rmSync, mkdirSync, renameSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeNotices } from "./notices.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const staging = join(root, `dist.${process.pid}`);

const common = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minify: true,
  keepNames: false,
  legalComments: "none",
  jsx: "automatic",
  // Ink only needs its devtools in development; the typescript loader of cosmiconfig would bring the whole compiler and run code.
  alias: { "react-devtools-core": join(root, "scripts", "empty-module.mjs") },
  define: {
    "process.env.NODE_ENV": '"production"',
    "process.env.DEV": "undefined",
    BMO_VERSION: JSON.stringify(version),
  },
  chunkNames: "chunks/[name]-[hash]",
  banner: { js: "import{createRequire as bmoCreateRequire}from'node:module';const require=bmoCreateRequire(import.meta.url);" },
  logLevel: "warning",
  metafile: true,
};
/** The bundle of headless runs is a build of its own: sharing chunks with the REPL and the subcommands would break it into
 *  some fifty files, and each file costs about as much as loading its code. */
const separate = {
  name: "separate-headless",
  setup(plugin) {
    plugin.onResolve({ filter: /^#headless$/ }, () => ({ path: "./headless/main.js", external: true }));
  },
};
const builds = await Promise.all([
  build({ ...common, entryPoints: { main: "src/cli/main.ts" }, outdir: staging, external: ["typescript"], plugins: [separate] }),
  build({ ...common, entryPoints: { main: "src/cli/headless-main.ts" }, outdir: join(staging, "headless"), external: ["typescript"] }),
]);
writeNotices(root, builds.flatMap((one) => Object.keys(one.metafile.inputs)));
const sample = join(root, "src", "demo", "sample");
if (existsSync(sample)) cpSync(sample, join(staging, "demo"), { recursive: true });
// Replaced as a whole, so that a run of an older build never meets half of a new one.
const dist = join(root, "dist");
rmSync(`${dist}.old`, { recursive: true, force: true });
if (existsSync(dist)) renameSync(dist, `${dist}.old`);
renameSync(staging, dist);
rmSync(`${dist}.old`, { recursive: true, force: true });
for (const left of readdirSync(root)) if (/^dist\.\d+$/.test(left)) rmSync(join(root, left), { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
