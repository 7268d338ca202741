// Snapshot and comparison around a command that changes nothing, against `git status` of the same tree in the same
// rounds: `npx tsx bench/containment/snapshot.mts [files …]`.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSnapshots } from "../../src/containment/snapshot.ts";
import { runToBytes } from "../../src/util/process.ts";

const ROUNDS = 9;
const GIT = "/usr/bin/git";
const environment = {
  PATH: "/usr/bin:/bin",
  HOME: "/nonexistent",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@b",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@b",
};
const median = (values: number[]): number =>
  [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;

for (const files of process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10_000, 100_000]) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-bench-snapshot-")));
  const workspace = join(root, "workspace");
  for (let index = 0; index < files; index++) {
    const folder = join(workspace, `d${Math.floor(index / 1000)}`, `e${Math.floor(index / 20) % 50}`);
    if (index % 20 === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `f${index}.txt`), `content ${index}\n`.repeat(3));
  }
  const git = (...words: string[]): void =>
    void execFileSync(GIT, words, { cwd: workspace, env: environment, stdio: "ignore" });
  git("init", "-q");
  git("add", "-A");
  git("commit", "-qm", "x");
  const snapshots = createSnapshots({ workspace, dataDirectory: join(root, "data"), git: GIT, home: null });
  const first = performance.now();
  await snapshots.take();
  const firstMs = performance.now() - first;
  const ours: number[] = [];
  const status: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const a = performance.now();
    await runToBytes({ argv: [GIT, "status", "--porcelain"], cwd: workspace, environment });
    const b = performance.now();
    const changes = await snapshots.compare(await snapshots.take());
    const c = performance.now();
    if (changes.length > 0) throw new Error(`unexpected changes: ${changes.map(({ path }) => path).join(", ")}`);
    status.push(b - a);
    ours.push(c - b);
  }
  console.log(
    JSON.stringify({
      files,
      firstMs: Math.round(firstMs),
      gitStatusMs: Math.round(median(status)),
      snapshotAndCompareMs: Math.round(median(ours)),
      ratio: Number((median(ours) / median(status)).toFixed(2)),
    }),
  );
  rmSync(root, { recursive: true, force: true });
}
