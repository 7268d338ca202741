// What a tree of many files costs: `grep` and `glob` against ripgrep itself, the plan stage's `ls` and the first list
// after `@` against a small tree.

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { startPty } from "../../test/support/pty.ts";
import { globTool } from "../../src/tools/glob.ts";
import { grepTool } from "../../src/tools/grep.ts";
import { createSnapshots } from "../../src/containment/snapshot.ts";
import type { ToolContext } from "../../src/types/tool.ts";
import { BMO, createGround, growTree, measure, median, startVendor, type Ground } from "./ground.mts";
import { rowOf, type Row } from "./row.mts";

function contextOf(workspace: string): ToolContext {
  return {
    workspace,
    searchPath: process.env["PATH"] ?? "",
    commandSeconds: 120,
    readRoots: [],
    isProtected: () => false,
    readFiles: new Map(),
    acceptsImages: true,
    onOutput: () => undefined,
    signal: new AbortController().signal,
  } as unknown as ToolContext;
}

function ripgrep(workspace: string, ...words: string[]): number {
  const start = performance.now();
  const { error } = spawnSync("rg", ["--hidden", "--glob=!**/.git", ...words], {
    cwd: workspace,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw error;
  return performance.now() - start;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Milliseconds from `@` to the first names, in a real terminal, in a prompt that was just started. */
async function firstList({ workspace, environment }: Ground): Promise<number> {
  const repl = startPty([process.execPath, BMO], { cwd: workspace, environment, columns: 120, rows: 40 });
  try {
    await repl.waitFor("bench-model");
    repl.write("look at");
    await repl.waitFor("look at");
    const start = performance.now();
    repl.write(" @");
    await repl.waitFor(/file-\d+\.ts/);
    return performance.now() - start;
  } finally {
    repl.dispose();
    await repl.exited;
  }
}

export async function measureTree(files: number, folders: number, rounds: number): Promise<Row[]> {
  const vendor = await startVendor();
  const [small, large]: [Ground, Ground] = [createGround(vendor.url), createGround(vendor.url)];
  growTree(small.workspace, 2, 20);
  growTree(large.workspace, folders, files);
  const context = contextOf(large.workspace);
  const figures = new Map<string, number[]>();
  const note = (name: string, ms: number): void => void figures.set(name, [...(figures.get(name) ?? []), ms]);
  const search = { pattern: "needle", path: null, glob: null, ignoreCase: false, context: 0 };
  const many = { pattern: "**/file-3.ts", path: null };
  for (let round = 0; round < rounds; round++) {
    note("rg needle", ripgrep(large.workspace, "needle", "./"));
    note("grep", await timed(() => grepTool.run(search, context)));
    note("rg --files", ripgrep(large.workspace, "--files"));
    note("glob", await timed(() => globTool.run(many, context)));
    for (const [name, ground] of [
      ["small", small],
      ["large", large],
    ] as const) {
      const data = `${ground.home}/survey`;
      mkdirSync(data, { recursive: true });
      note(
        `survey ${name}`,
        await timed(() =>
          createSnapshots({
            workspace: ground.workspace,
            dataDirectory: data,
            git: "/usr/bin/git",
            home: null,
          }).survey(),
        ),
      );
      vendor.replies.push({ tool: "bash", input: { command: "ls" } });
      vendor.requests.splice(0);
      await measure(ground, ["-p", "what is here?"]);
      const [asked, answered] = vendor.requests;
      note(`plan ls ${name}`, (answered?.at ?? 0) - (asked?.at ?? 0));
      note(`@ ${name}`, await firstList(ground));
    }
  }
  for (const [name, values] of figures) console.log(`${name.padEnd(16)} ${median(values).toFixed(1).padStart(8)} ms`);
  const of = (name: string): number => median(figures.get(name) ?? []);
  for (const ground of [small, large]) ground.remove();
  vendor.close();
  const tree = `a tree of ${files.toLocaleString("en-US")} files`;
  return [
    rowOf(`grep in ${tree}`, of("grep") / of("rg needle"), 1.3, "× rg"),
    rowOf(`glob in ${tree}`, of("glob") / of("rg --files"), 1.5, "× rg --files"),
    rowOf(`the plan stage's ls in ${tree}`, of("plan ls large") / of("plan ls small"), 3, "× in a small tree"),
    rowOf(`@ in ${tree}, first names on the screen`, of("@ large"), 300, "ms", 0),
  ];
}

if (process.argv[1]?.endsWith("tree.mts") === true)
  await measureTree(Number(process.argv[2] ?? 100_000), Number(process.argv[3] ?? 1_000), Number(process.argv[4] ?? 5));
