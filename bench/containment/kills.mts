// `kill -9` at random moments of the real program, inside planning, executing, undoing, compacting and writing the
// configuration, now and then again while the next run mends it: `npx tsx bench/containment/kills.mts [count] [seed]`.
// Afterwards the session continues, the configuration is whole, nothing of bmo's is left over, and `/undo all` brings
// back every byte, mode and link.

import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { createRandom } from "../../test/permission/fuzz.ts";
import { fillUsedHome } from "../../test/e2e/used-home.ts";
import { differences, hasSandbox, linkPrograms, PROGRAM, runProgram, treeOf } from "./ground.mts";

export interface KillResult {
  rounds: number;
  /** Kills that fell before the end of the run they were meant for. */
  kills: number;
  /** What was damaged, with the round. */
  damaged: string[];
}

const KINDS = ["plan", "execute", "execute", "execute", "undo", "compact", "config"] as const;
type Kind = (typeof KINDS)[number];
const AT_ONCE = 3;

const FILES: Record<string, string> = {
  "README.md": "read me\n",
  "src/a.ts": "export const a = 1;\n",
  "src/b.ts": "export const b = 2;\n",
  "src/deep/c.ts": "c\n",
  "docs/x.md": "x\n",
  "run.sh": "#!/bin/sh\n",
  ".gitignore": "dist/\n",
  "src/large.txt": "line of a large file\n".repeat(20_000),
};
/** In scope and out of it: writes, deletions, moves, modes, links, folders; a little at a time. */
const STEPS = [
  "echo in >> src/a.ts",
  "rm -f src/b.ts",
  "mkdir -p src/new/deep",
  "echo n > src/new/deep/n",
  "chmod 755 src/deep/c.ts",
  "ln -sf a.ts src/link",
  "mv src/large.txt src/moved.txt",
  "sed -i s/line/LINE/ src/moved.txt",
  "echo evil > README.md",
  "rm -f notes.txt",
  "rm -rf docs",
  "chmod 700 run.sh",
  "ln -sf /etc/passwd link",
  "mkdir -p fresh/empty",
  "echo evil > .github.yml",
  "head -c 3000000 /dev/zero > blob",
  "chmod 700 keep",
];

function pick<Item>(items: readonly Item[], random: () => number): Item {
  const found = items[Math.floor(random() * items.length)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}

function commandOf(random: () => number): string {
  const count = 2 + Math.floor(random() * 8);
  return `${Array.from({ length: count }, () => pick(STEPS, random)).join("; sleep 0.02; ")}; true`;
}

interface Place {
  root: string;
  home: string;
  workspace: string;
  path: string;
}

function scriptOf(commands: readonly string[]): unknown {
  const bash = (command: string): unknown => ({ calls: [{ name: "bash", input: { command } }] });
  const ticket = {
    id: "t1",
    title: "one",
    detail: "",
    files: [
      { path: "src/**", action: "modify" },
      { path: "src/**", action: "delete" },
    ],
    commands,
    acceptance: ["done"],
    verify: ["true"],
    depends_on: [],
    out_of_scope: ["the rest"],
  };
  const [first = "true", second = "true"] = commands;
  return {
    scenes: [
      {
        when: { tools_include: "set_plan_artifact" },
        replies: [
          { text: "I look first.", calls: [{ name: "view", input: { path: "src/a.ts" } }] },
          { calls: [{ name: "set_plan_artifact", input: { title: "p", summary: "s", tickets: [ticket] } }] },
          { text: "planned" },
        ],
      },
      {
        when: { tools_include: "bash" },
        replies: [
          { calls: [{ name: "write", input: { path: "src/written.txt", content: "written\n".repeat(5_000) } }] },
          bash(first),
          { calls: [{ name: "view", input: { path: "src/deep/c.ts" } }] },
          { calls: [{ name: "edit", input: { path: "src/deep/c.ts", old: "c", new: "changed" } }] },
          bash(second),
          { text: "all of it is done" },
        ],
      },
      { replies: [{ text: "a summary of what was said" }] },
    ],
  };
}

function createPlace(random: () => number): Place {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-kills-")));
  const [home, workspace] = [join(root, "home"), join(root, "workspace")];
  mkdirSync(join(home, "bmo"), { recursive: true });
  fillUsedHome(home);
  for (const [path, text] of Object.entries({ ...FILES, "keep/x": "x\n" })) {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), text);
  }
  chmodSync(join(workspace, "run.sh"), 0o755);
  symlinkSync("README.md", join(workspace, "link"));
  mkdirSync(join(workspace, "void"));
  if (random() < 0.7) {
    const git = (...words: string[]): Buffer =>
      execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@example.org", ...words], {
        cwd: workspace,
        env: { PATH: process.env["PATH"] ?? "", HOME: home, GIT_CONFIG_GLOBAL: "/dev/null" },
      });
    for (const words of [
      ["init", "-q", "-b", "main"],
      ["add", "-A"],
      ["commit", "-qm", "first"],
    ])
      git(...words);
  }
  writeFileSync(join(workspace, "notes.txt"), "the only copy\n");
  writeFileSync(join(home, "script.json"), JSON.stringify(scriptOf([commandOf(random), commandOf(random)])));
  writeFileSync(
    join(home, "bmo", "bmo.toml"),
    `# mine\nmodel = "s/m"\n[providers.s]\ntype = "script"\nfile = "${join(home, "script.json")}"\n`,
  );
  let path = process.env["PATH"] ?? "";
  if (hasSandbox && random() < 0.5) {
    path = join(home, "bin");
    mkdirSync(path);
    linkPrograms(path, ["bwrap"]);
  }
  return { root, home, workspace, path };
}

/** Runs and kills after so many milliseconds. True when the kill came before the end. */
function runAndKill(place: Place, words: readonly string[], afterMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const environment = { PATH: place.path, HOME: place.home, BMO_HOME: join(place.home, "bmo"), LANG: "C.UTF-8" };
    const child = spawn(process.execPath, [PROGRAM, ...words], {
      cwd: place.workspace,
      env: environment,
      stdio: "ignore",
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), afterMs);
    child.on("exit", (_code, signal) => {
      clearTimeout(timer);
      resolve(signal === "SIGKILL");
    });
  });
}

/** What runs before, and what is killed. */
const WORDS: Record<Kind, { before: string[][]; killed: string[] }> = {
  plan: { before: [], killed: ["-p", "plan it"] },
  execute: { before: [], killed: ["-p", "--approve", "do it"] },
  undo: { before: [["-p", "--approve", "do it"]], killed: ["-c", "-p", "/undo all"] },
  compact: { before: [["-p", "--approve", "do it"]], killed: ["-c", "-p", "/compact"] },
  config: { before: [], killed: ["-p", "/model coding s/m"] },
};
const SETTING = "[options.model_router]";

/** Damage of one round; empty where all is whole. */
async function runRound(random: () => number, kind: Kind): Promise<{ kills: number; damage: string[] }> {
  const place = createPlace(random);
  const run = (words: readonly string[]): ReturnType<typeof runProgram> => runProgram(place, words, place.path);
  const isGit = (path: string): boolean => path === ".git";
  const before = treeOf(place.workspace, isGit);
  const configuration = readFileSync(join(place.home, "bmo", "bmo.toml"), "utf8");
  const damage: string[] = [];
  let kills = 0;
  try {
    for (const words of WORDS[kind].before) await run(words);
    const started = Date.now();
    // How long the killed run takes on this machine now: the next one is killed somewhere inside it.
    if (await runAndKill(place, WORDS[kind].killed, 80 + random() * (kind === "execute" ? 2_600 : 700))) kills += 1;
    // What mends is killed too, now and then.
    while (random() < 0.35)
      if (await runAndKill(place, ["-c", "-p", pick(["/undo all", "/status", "go on"], random)], 80 + random() * 900))
        kills += 1;
    if (Date.now() - started > 120_000) damage.push("a run took longer than two minutes");

    const toml = readFileSync(join(place.home, "bmo", "bmo.toml"), "utf8");
    if (!toml.startsWith(configuration.split("\n")[0] ?? "") || (toml !== configuration && !toml.includes(SETTING)))
      damage.push(`the configuration is torn: ${JSON.stringify(toml)}`);
    const status = await run(["-c", "-p", "/status"]);
    if (status.code !== 0 && !(status.code === 2 && /no session/.test(status.stderr)))
      damage.push(`the session does not go on: exit ${status.code}: ${status.stderr}`);
    const undone = await run(["-c", "-p", "/undo all"]);
    if (undone.code !== 0 && !(undone.code === 2 && /nothing to undo|no session/.test(undone.stderr)))
      damage.push(`undo: exit ${undone.code}: ${undone.stdout}${undone.stderr}`);
    const wrong = differences(before, treeOf(place.workspace, isGit));
    if (wrong.length > 0)
      damage.push(
        `not as before: ${wrong.join(", ")}; undo said: ${undone.stdout}${undone.stderr}; status said: ${status.stderr}`,
      );
    const own = readdirSync(join(place.home, "bmo"), { recursive: true, encoding: "utf8" });
    const left = own.filter((path) => /^(sandbox|probe)-|^commands\/.|^temporaries\/.|\.bmo-|\.draft$/.test(path));
    if (left.length > 0) damage.push(`left over: ${left.join(", ")}`);
  } finally {
    if (damage.length > 0 && process.env["BMO_KEEP_DAMAGE"] !== undefined) damage.push(`kept in ${place.root}`);
    else rmSync(place.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
  return { kills, damage: damage.map((text) => `${kind}: ${text}`) };
}

export async function runKills(count: number, seed = 20261121): Promise<KillResult> {
  const result: KillResult = { rounds: 0, kills: 0, damaged: [] };
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let round = next++; round < count; round = next++) {
      const { kills, damage } = await runRound(createRandom(seed + round), KINDS[round % KINDS.length] ?? "execute");
      result.rounds += 1;
      result.kills += kills;
      result.damaged.push(...damage.map((text) => `round ${round}, ${text}`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return result;
}

if (
  process.argv[1] !== undefined &&
  existsSync(process.argv[1]) &&
  import.meta.url === pathToFileURL(process.argv[1]).href
) {
  const result = await runKills(Number(process.argv[2] ?? 500), Number(process.argv[3] ?? 20261121));
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exitCode = result.damaged.length === 0 ? 0 : 1;
}
