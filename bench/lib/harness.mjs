// The shared harness, when it lies beside the repository: its modules, and a run of its contestants with its raw
// results.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const PEERS = ["codex", "pi", "claude"];

/** null where there is none. */
export async function openHarness(folder) {
  if (!existsSync(join(folder, "peers.mjs"))) return null;
  const load = (file) => import(pathToFileURL(join(folder, file)).href);
  const [{ startMock }, { runOnce }, { adapters }] = await Promise.all([
    load("mock-llm.mjs"),
    load("measure.mjs"),
    load("adapters.mjs"),
  ]);
  return { folder, startMock, runOnce, adapters };
}

function peersCommand(harness, words, benchDirectory) {
  const result = spawnSync(process.execPath, [join(harness.folder, "peers.mjs"), ...words], {
    env: { ...process.env, BENCH_DIR: benchDirectory },
    stdio: ["ignore", 2, 2],
  });
  if (result.status !== 0) throw new Error(`peers.mjs ${words[0]} ended with ${result.status ?? result.signal}`);
}

export function installPeers(harness, benchDirectory) {
  peersCommand(harness, ["install", "--only", PEERS.join(",")], benchDirectory);
}

/**
 * @returns the harness's raw results; its own tables go to `tables.md` in the bench directory, never into the harness's
 * folder.
 */
export function runPeers(harness, { benchDirectory, bin, rounds, what, interactive }) {
  const words = [
    "run",
    "--bmo",
    bin,
    "--only",
    ["bmo", ...PEERS].join(","),
    "--rounds",
    String(rounds),
    "--what",
    what.join(","),
    "--out",
    join(benchDirectory, "tables.md"),
  ];
  peersCommand(harness, interactive ? words : [...words, "--no-interactive", "--no-floor"], benchDirectory);
  return JSON.parse(readFileSync(join(benchDirectory, "results.json"), "utf8"));
}

export function peerBinary(harness, benchDirectory, name) {
  return join(benchDirectory, "p", name, "node_modules", ".bin", harness.adapters[name].bin);
}

export const node24Folder = (benchDirectory) => join(benchDirectory, "p", "node24", "node_modules", ".bin");
