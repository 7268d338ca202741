// Bundles src/cli/main.ts into dist/ with code-splitting, so that nothing is loaded before it is needed.

import { build } from "esbuild";
import { cpSync, existsSync, readFileSync, rmSync, mkdirSync, renameSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeNotices } from "./notices.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const staging = join(root, `dist.${process.pid}`);

const result = await build({
  absWorkingDir: root,
  entryPoints: { main: "src/cli/main.ts" },
  outdir: staging,
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
  external: ["typescript"],
  define: {
    "process.env.NODE_ENV": '"production"',
    "process.env.DEV": "undefined",
    BMO_VERSION: JSON.stringify(version),
  },
  chunkNames: "chunks/[name]-[hash]",
  banner: { js: "import{createRequire as bmoCreateRequire}from'node:module';const require=bmoCreateRequire(import.meta.url);" },
  logLevel: "warning",
  metafile: true,
});
writeNotices(root, Object.keys(result.metafile.inputs));
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
