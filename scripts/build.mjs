// Bundles src/cli into dist/: main.cjs (the start), headless.cjs (headless runs) and interactive.js with its chunks
// (the REPL and the subcommands), so that nothing is loaded before it is needed.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, rmSync, mkdirSync, renameSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { writeNotices } from "./notices.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const staging = join(root, `dist.${process.pid}`);

const common = {
  absWorkingDir: root,
  outdir: staging,
  bundle: true,
  platform: "node",
  target: "node20",
  minify: true,
  keepNames: false,
  charset: "ascii",
  legalComments: "none",
  jsx: "automatic",
  external: ["typescript"],
  // Ink only needs its devtools in development; the typescript loader of cosmiconfig would bring the whole compiler and
  // run code.
  alias: { "react-devtools-core": join(root, "scripts", "empty-module.mjs") },
  define: {
    "process.env.NODE_ENV": '"production"',
    "process.env.DEV": "undefined",
  },
  logLevel: "warning",
  metafile: true,
};

/**
 * commander can run subcommands as programs of their own, which bmo has none of; it would load what starts processes.
 */
const noPrograms = {
  name: "no-programs",
  setup(plugin) {
    plugin.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[\\/]commander[\\/]/.test(importer) ? { path: join(root, "scripts", "empty-module.mjs") } : null,
    );
  },
};

/** The REPL and the subcommands: ES modules in many chunks, because Ink's layout engine awaits at its top level. */
const buildInteractive = () =>
  build({
    ...common,
    entryPoints: { interactive: "src/cli/interactive-main.ts", "known-at-start": "src/cli/known-at-start.ts" },
    format: "esm",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    banner: {
      js: "import{createRequire as bmoCreateRequire}from'node:module';const require=bmoCreateRequire(import.meta.url);",
    },
  });

/** Headless runs: one file of CommonJS. Each file, and each built-in module that ES modules import, costs about as much as
 *  running its code; what a run does not use is neither run nor, thanks to the code cache, compiled. */
const buildHeadless = () =>
  build({
    ...common,
    entryPoints: { headless: "src/cli/headless.ts" },
    format: "cjs",
    outExtension: { ".js": ".cjs" },
    // `import()` inside a script that the code cache compiles would need a loader of its own; `require` does the same.
    supported: { "dynamic-import": false },
    plugins: [noPrograms],
    // As a function, the form in which compiled-headless.ts runs it: put around it here, the text is not copied at each
    // start.
    banner: { js: "(function(exports,require,module,__filename,__dirname){" },
    footer: { js: "})" },
  });

/** What the start knows without loading anything, from the parser itself; the file that says so is not shipped. */
async function knownAtStart() {
  const file = join(staging, "known-at-start.js");
  const { helpText, subcommandNames } = await import(pathToFileURL(file).href);
  const help = await helpText(80);
  rmSync(file);
  return { help, subcommandNames };
}

/** Where the start finds the other two. */
const places = {
  name: "places",
  setup(plugin) {
    plugin.onResolve({ filter: /^#headless$/ }, () => ({ path: join(root, "src", "cli", "compiled-headless.ts") }));
    plugin.onResolve({ filter: /^#interactive$/ }, () => ({ path: "./interactive.js", external: true }));
  },
};
const buildMain = (define) =>
  build({
    ...common,
    define: { ...common.define, ...define },
    entryPoints: { main: "src/cli/main.ts" },
    format: "cjs",
    outExtension: { ".js": ".cjs" },
    plugins: [places],
  });

const [interactive, headless] = await Promise.all([buildInteractive(), buildHeadless()]);
const { help, subcommandNames } = await knownAtStart();
const digest = createHash("sha256")
  .update(readFileSync(join(staging, "headless.cjs")))
  .digest("hex");
await buildMain({
  BMO_VERSION: JSON.stringify(version),
  BMO_HELP: JSON.stringify(help),
  BMO_SUBCOMMANDS: JSON.stringify(subcommandNames),
  BMO_HEADLESS_DIGEST: JSON.stringify(digest),
});
writeNotices(
  root,
  [interactive, headless].flatMap((one) => Object.keys(one.metafile.inputs)),
);
const sample = join(root, "src", "demo", "sample");
if (existsSync(sample)) cpSync(sample, join(staging, "demo"), { recursive: true });
// Replaced as a whole, so that a run of an older build never meets half of a new one.
const dist = join(root, "dist");
rmSync(`${dist}.old`, { recursive: true, force: true });
if (existsSync(dist)) renameSync(dist, `${dist}.old`);
renameSync(staging, dist);
rmSync(`${dist}.old`, { recursive: true, force: true });
for (const left of readdirSync(root))
  if (/^dist\.\d+$/.test(left)) rmSync(join(root, left), { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
