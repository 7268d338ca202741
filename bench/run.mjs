// `npm run bench`: every figure of the program, as ratios within one run, beside peers of the same rounds; writes
// bench/RESULTS.md. See the end of that file for how to repeat.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { measureApprovedRun } from "./lib/approved-run.mjs";
import { approvedRunRows, fileRows, headlessRows, interactiveRows, sizeRows, tokenRows } from "./lib/figures.mjs";
import { measureFixedTokens } from "./lib/fixed-tokens.mjs";
import { installPeers, openHarness, peerBinary, PEERS, runPeers } from "./lib/harness.mjs";
import { measureInstalledSize } from "./lib/installed-size.mjs";
import { measureOpenedFiles } from "./lib/opened-files.mjs";
import { resultsPage } from "./lib/report.mjs";

const PARTS = [
  "startup",
  "steps",
  "reply",
  "interactive",
  "tokens",
  "size",
  "files",
  "router",
  "containment",
  "growth",
];
const NEEDS_HARNESS = ["startup", "steps", "reply", "interactive", "tokens", "files"];
const HELP = `npm run bench -- [--only part,…] [--skip part,…] [--rounds n] [--aim | --quick] [--bin path] [--out file]
--aim: permission and containment at the counts that are aimed at, many hours more. --quick: at a tenth, growth in small.
Parts: ${PARTS.join(", ")}
BMO_BENCH_HARNESS: folder of the shared harness (default ../shared/bench); BENCH_DIR: installs and raw results.`;

const root = fileURLToPath(new URL("..", import.meta.url));
const words = process.argv.slice(2);
const option = (name, fallback) => (words.includes(`--${name}`) ? words[words.indexOf(`--${name}`) + 1] : fallback);
const list = (name) => (option(name, "") ?? "").split(",").filter((word) => word !== "");

function chosenParts() {
  const only = list("only");
  const skip = list("skip");
  const unknown = [...only, ...skip].filter((part) => !PARTS.includes(part));
  if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(", ")}\n${HELP}`);
  return PARTS.filter((part) => (only.length === 0 || only.includes(part)) && !skip.includes(part));
}

/** Benches that stand alone print their own figures; they are kept as printed. */
function runScript(folder, ...parameters) {
  const script = join(root, "bench", folder, "run.mts");
  const result = spawnSync("npx", ["--no-install", "tsx", script, ...parameters], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", 2],
    maxBuffer: 1 << 26,
  });
  return `${result.stdout.trim()}${result.status === 0 ? "" : `\n(ended with ${result.status ?? result.signal})`}`;
}

async function main() {
  if (words.includes("--help")) return process.stdout.write(`${HELP}\n`);
  let parts = chosenParts();
  const rounds = Number(option("rounds", "7"));
  const bin = resolve(option("bin", join(root, "bin", "bmo.js")));
  const out = resolve(option("out", join(root, "bench", "RESULTS.md")));
  const benchDirectory = resolve(process.env.BENCH_DIR ?? join(os.tmpdir(), "bmo-bench"));
  const harnessFolder = resolve(root, process.env.BMO_BENCH_HARNESS ?? join("..", "shared", "bench"));
  mkdirSync(benchDirectory, { recursive: true });
  const harness = await openHarness(harnessFolder);
  if (harness === null) {
    process.stderr.write(
      `The shared harness is not at ${harnessFolder} (BMO_BENCH_HARNESS names another place): only bmo's own benches run, without peers.\n`,
    );
    parts = parts.filter((part) => !NEEDS_HARNESS.includes(part));
  }
  const has = (part) => parts.includes(part);
  const options = { benchDirectory, bin, rounds };
  const page = { rows: [], sections: [], notes: [], load: [os.loadavg()[0]] };
  let data = null;

  const what = [
    ...(has("startup") ? ["version", "help", "oneshot"] : []),
    ...(has("steps") ? ["agentic"] : []),
    ...(has("reply") ? ["long"] : []),
  ];
  if (what.length > 0 || has("interactive")) {
    installPeers(harness, benchDirectory);
    data = runPeers(harness, {
      ...options,
      what: what.length > 0 ? what : ["version"],
      interactive: has("interactive"),
    });
    const { rows, reference, loads } = headlessRows(data);
    if (what.length > 0) page.rows.push(...rows);
    page.reference = reference;
    page.load.push(...loads);
    page.peers = PEERS.map((name) => `${name} ${data.foot[name]?.version ?? "not installed"}`);
    page.node24 = data.meta.node24;
    page.tables = readFileSync(join(benchDirectory, "tables.md"), "utf8")
      .replace(/^# .*\n/, "")
      .replaceAll(/<!--.*-->\n?/g, "")
      .trim();
  }
  if (has("steps")) {
    if (!existsSync(peerBinary(harness, benchDirectory, "pi"))) installPeers(harness, benchDirectory);
    page.rows.push(...approvedRunRows(await measureApprovedRun(harness, options)));
  }
  if (has("interactive")) page.rows.push(...interactiveRows(data));
  if (has("tokens")) page.rows.push(...tokenRows(await measureFixedTokens(harness, options), data));
  if (has("size")) page.rows.push(...sizeRows(measureInstalledSize(root)));
  if (has("files")) page.rows.push(...fileRows(await measureOpenedFiles(harness, options)));
  if (has("router")) page.sections.push({ title: "Router", text: runScript("router") });
  if (has("containment")) {
    const rowsFile = join(benchDirectory, "containment.json");
    rmSync(rowsFile, { force: true });
    page.sections.push({
      title: "Permission and containment, as printed",
      text: runScript(
        "containment",
        "--rows",
        rowsFile,
        ...["--aim", "--quick"].filter((word) => words.includes(word)),
      ),
    });
    page.rows.push(...JSON.parse(readFileSync(rowsFile, "utf8")));
  }
  if (has("growth")) {
    const rowsFile = join(benchDirectory, "growth.json");
    rmSync(rowsFile, { force: true });
    page.sections.push({
      title: "Growth, as printed",
      text: runScript("growth", "--rows", rowsFile, ...(words.includes("--quick") ? ["1000", "5000", "100", "2"] : [])),
    });
    page.rows.push(...JSON.parse(readFileSync(rowsFile, "utf8")));
  }
  page.load.push(os.loadavg()[0]);
  writeFileSync(out, resultsPage(page, { rounds, parts, date: new Date() }));
  process.stdout.write(
    `${page.rows.map(({ figure, reached, met }) => `${met.padEnd(5)} ${figure}: ${reached}`).join("\n")}\nwritten: ${out}\n`,
  );
}

await main();
process.exit();
