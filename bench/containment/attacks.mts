// Generated attacks on "nothing outside the plan is left": kind of node × way of change × place × timing × store ×
// sandbox, through the real runContained with real commands, and a drawn sample through the program. A difference that
// nobody was told of is a failure: `npx tsx bench/containment/attacks.mts [attacks] [seed] [until-failure]`, as root
// and as an ordinary user.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createSnapshots } from "../../src/containment/snapshot.ts";
import {
  contain,
  createPlace,
  GIT,
  planOf,
  sandboxFor,
  NO_SANDBOX,
  type Place,
} from "../../test/containment/fixture.ts";
import { createRandom } from "../../test/permission/fuzz.ts";
import { startVendorServer } from "../../test/support/vendor-server.ts";
import { configuration, hasSandbox, runProgram } from "./ground.mts";

export interface AttackResult {
  attacks: number;
  runs: number;
  /** Runs through the program. */
  programs: number;
  /** How many attacks there were of each way, kind and place. */
  drawn: Record<string, number>;
  /** What could not be put back and was told: no failure, but to be looked at. */
  told: string[];
  /** Bytes left out of scope without a word, or a run that ended as if all were well. */
  failures: string[];
}

const PLACES = ["", ".github/", "deep/er/", "nested/", "a b/", "new\nline/", "kept/", "-dash/", "src/../x/"] as const;
const KINDS: Record<string, string> = {
  file: "printf 'user data' > N",
  exec: "printf '#!/bin/sh\\n' > N; chmod 755 N",
  link: "ln -s /etc/hostname N",
  dangling: "ln -s /nowhere/at/all N",
  folder: "mkdir -p N/in; printf 'inner' > N/in/x",
  empty: "mkdir N",
  fifo: "mkfifo N",
  hard: "printf 'two names' > N; ln N N.second",
  private: "printf 'secret' > N; chmod 600 N",
  sparse: "truncate -s 300M N",
  readonly: "printf 'ro' > N; chmod 444 N",
  raw: "printf 'raw' > N$'\\xff\\xfe'; touch N",
  closed: "printf 'closed' > N; chmod 000 N",
  closedFolder: "mkdir N; printf 'in' > N/x; chmod 000 N",
};
/** What the command makes of a path that was there. `same` only fits nodes with bytes. */
const CHANGES: Record<string, string> = {
  same: "[ -f N ] && [ -w N ] && printf 'E' | dd of=N conv=notrunc status=none",
  mtime: "[ -f N ] && { t=$(stat -c %.9Y N); printf 'E' | dd of=N conv=notrunc status=none; touch -d @$t N; }",
  append: "[ -f N ] && echo more >> N",
  delete: "chmod -R u+rwx N; rm -rf N",
  over: "printf 'user dEta' > N.tmp; mv -fT N.tmp N",
  mode: "chmod 000 N",
  modes: "chmod 777 N",
  truncate: "[ -f N ] && : > N",
  tofolder: "rm -rf N; mkdir -p N/e; echo evil > N/e/e",
  tolink: "rm -rf N; ln -s /etc/passwd N",
  tofile: "rm -rf N; echo evil > N",
  tofifo: "rm -rf N; mkfifo N",
  swap: "mv -T N N.swap; echo evil > N; mv -T N.swap N.kept",
  away: "mv -T N N.away",
  linkback: 'mv -T N N.moved; ln -s "$PWD"/N.moved N',
  hardlink: "[ -f N ] && { ln -f src/b.ts N.h; mv -fT N.h N; }",
  overlong:
    "mv N N.o; mkdir N; cd N; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do d=$(printf 'd%.0s' $(seq 200)); mkdir $d && cd $d; done; echo evil > e",
};
const CREATIONS: Record<string, string> = {
  file: "echo evil > N",
  closed: "echo evil > N; chmod 000 N",
  closedFolder: "mkdir -p N/in; echo evil > N/in/e; chmod 000 N",
  searchFolder: "mkdir N; echo evil > N/e; chmod 111 N",
  readFolder: "mkdir N; echo evil > N/e; chmod 555 N",
  link: "ln -s /etc/passwd N",
  dangling: "ln -s /nowhere N",
  loop: "ln -s N N",
  fifo: "mkfifo N",
  hard: "ln src/b.ts N",
  sparse: "truncate -s 20G N",
  tree: "mkdir -p N/b/c N/d; for i in $(seq 60); do echo evil > N/b/c/$i; done",
  raw: "echo evil > N$'\\xff'; mkdir N$'\\xfe'; echo evil > N$'\\xfe'/x",
  empty: "mkdir -p N/e/f",
  pointer: "mkdir N; echo 'gitdir: /nowhere' > N/.git",
  pointerLink: "mkdir N; ln -s ../src N/.git",
  control: "echo evil > N$'\\e[31m\\r'",
  ignore: "mkdir -p N; echo '*' > N/.gitignore; echo evil > N/evil",
  upperGit: "mkdir -p N/.GIT; echo evil > N/.GIT/config",
  shortGit: "mkdir -p 'N/git~1'; echo evil > 'N/git~1/config'",
  repository: "git init -q N; echo evil > N/e",
};

function quoted(path: string): string {
  return `$'${path.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
}

/**
 * Every entry but of `.git` and of the scope, by bytes of its name: kind, mode, size, blocks of bytes, target. Read by
 * find, which knows no UTF-8.
 */
function treeText(workspace: string): Map<string, string> {
  const isRoot = process.getuid?.() === 0;
  // A folder that is closed to us is an entry all the same.
  const listed = execFileSync(
    "bash",
    [
      "-c",
      'find "$@"; true',
      "find",
      ".",
      "-path",
      "./.git",
      "-prune",
      "-o",
      "-path",
      "./src",
      "-prune",
      "-o",
      "-path",
      "./nested/.git",
      "-prune",
      "-o",
      "-printf",
      "%P\\t%y %m %l %s\\0",
    ],
    { cwd: workspace, encoding: "latin1", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] },
  ).toString();
  const tree = new Map<string, string>();
  for (const entry of listed.split("\0").filter((one) => one !== "")) {
    const tab = entry.lastIndexOf("\t");
    const [kind = "", mode = "", ...rest] = entry.slice(tab + 1).split(" ");
    // The size of a folder is the file system's own matter.
    tree.set(
      entry.slice(0, tab),
      kind === "d" ? `d ${mode}` : kind === "l" ? `l ${rest[0] ?? ""}` : `${kind} ${mode} ${rest.join(" ")}`,
    );
  }
  const sums = execFileSync(
    "bash",
    [
      "-c",
      `find . \\( -path ./.git -o -path ./src -o -path ./nested/.git \\) -prune -o -type f -size -1024k ${isRoot ? "" : "-readable"} -print0 | xargs -0r sha1sum -bz; true`,
    ],
    { cwd: workspace, encoding: "latin1", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] },
  ).toString();
  for (const line of sums.split("\0").filter((one) => one !== "")) {
    const path = line.slice(44);
    tree.set(path, `${tree.get(path) ?? ""} ${line.slice(0, 40)}`);
  }
  return tree;
}

function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path))
    .map((path) => `${JSON.stringify(path)}: ${before.get(path) ?? "nothing"} → ${after.get(path) ?? "nothing"}`);
}

interface Attack {
  name: string;
  /** Made before the snapshot. */
  setup: string;
  /** Run in a call of its own before. */
  first: string;
  command: string;
}

function draw(random: () => number, serial: number): Attack {
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? "";
  const place = pick(PLACES);
  const path = `./${place === "src/../x/" ? "x/" : place}n${serial}`;
  const fill = (text: string): string =>
    text.replaceAll("'N/", () => `${quoted(path)}'/`).replace(/\bN\b/g, () => quoted(path));
  const make = `mkdir -p -- ${quoted(path.slice(0, path.lastIndexOf("/")))}`;
  if (random() < 0.4) {
    const kind = pick(Object.keys(CREATIONS));
    return {
      name: `create ${kind} in ${JSON.stringify(place)}`,
      setup: "",
      first: "",
      command: `(${make}; ${fill(CREATIONS[kind] ?? "")})`,
    };
  }
  const kind = pick(Object.keys(KINDS));
  const change = pick(Object.keys(CHANGES));
  const twoCalls = random() < 0.3 ? fill("[ -f N ] && touch -d @1000000000 N; true") : "";
  return {
    name: `${change} ${kind} in ${JSON.stringify(place)}${twoCalls === "" ? "" : ", two calls"}`,
    setup: `(${make}; ${fill(KINDS[kind] ?? "")})`,
    first: twoCalls,
    command: `(${fill(CHANGES[change] ?? "")})`,
  };
}

function prepare(repository: boolean, setup: string): Place {
  const place = createPlace(
    {
      "src/a.ts": "user code",
      "src/b.ts": "b",
      "README.md": "readme\n",
      "dist/app.js": "tracked and ignored",
      ".gitattributes": "* text=auto\n",
    },
    repository,
  );
  place.write("nested/code.c", "int x;\n");
  if (repository) {
    place.git("-C", "nested", "init", "-q");
    place.write(".gitignore", "dist/\n");
  }
  execFileSync("bash", ["-c", setup], { cwd: place.workspace, stdio: "ignore" });
  return place;
}

/** @param attacks how many to draw; eight at most share a run. */
export async function runAttacks(
  attacks: number,
  seed = 1,
  progress: (text: string) => void = () => undefined,
  programEvery = 40,
  until: "end" | "failure" = "end",
): Promise<AttackResult> {
  const random = createRandom(seed);
  const result: AttackResult = { attacks: 0, runs: 0, programs: 0, drawn: {}, told: [], failures: [] };
  const plan = planOf({ "src/**": "modify" });
  while (result.attacks < attacks && (until === "end" || result.failures.length === 0)) {
    const drawn = Array.from(
      { length: Math.min(1 + Math.floor(random() * 8), attacks - result.attacks) },
      (_value, index) => draw(random, index),
    );
    const repository = random() < 0.75;
    const place = prepare(repository, drawn.map(({ setup }) => setup).join("\n"));
    const git = random() < 0.75 ? GIT : null;
    const isSandboxed = hasSandbox && random() < 0.5;
    const what = `${git === null ? "own code" : "git"}, ${isSandboxed ? "sandbox" : "no sandbox"}, seed ${seed}, run ${result.runs}: ${drawn.map(({ name }) => name).join(" | ")}`;
    try {
      const before = treeText(place.workspace);
      const command = `${drawn.map(({ command: one }) => one).join("\n")}\n(echo evil > README.md; printf evil > dist/app.js)\necho in > src/a.ts`;
      const first = drawn
        .map(({ first: one }) => one)
        .filter((one) => one !== "")
        .join("\n");
      const ended =
        result.runs % programEvery === programEvery - 1
          ? await byProgram(place, command)
          : await inProcess(place, git, isSandboxed, first, command, plan);
      if (result.runs % programEvery === programEvery - 1) result.programs++;
      const left = differences(before, treeText(place.workspace)).filter(
        (line) => !(git === null || !repository) || !line.startsWith('"dist/app.js"'),
      );
      const unsaid = left.filter((line) => !ended.told.some((path) => mentions(path, line)));
      if (unsaid.length > 0) result.failures.push(`${unsaid.join("; ")} — ${what}`);
      if (ended.told.length > 0) result.told.push(`${ended.why.join("; ")} — ${what}`);
      if (!ended.refused) result.failures.push(`ended as if all were well — ${what}`);
      if (place.read("src/a.ts") !== "in\n") result.failures.push(`the change in scope is lost — ${what}`);
    } catch (thrown) {
      result.failures.push(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)} — ${what}`);
    }
    for (const { name } of drawn)
      result.drawn[name.replace(/ in .*/s, "")] = (result.drawn[name.replace(/ in .*/s, "")] ?? 0) + 1;
    result.attacks += drawn.length;
    result.runs++;
    execFileSync("bash", ["-c", 'chmod -R u+rwx "$0" 2>/dev/null; rm -rf "$0"', place.root], { stdio: "ignore" });
    if (result.runs % 20 === 0) progress(`${result.attacks} attacks, ${result.failures.length} failures`);
  }
  return result;
}

/** Whether what was told of a path covers a difference. */
function mentions(path: string, line: string): boolean {
  const told = Buffer.from(path.replace(/\/$/, "")).toString("latin1");
  const shown = JSON.parse(line.slice(0, line.indexOf('": ') + 1)) as string;
  return shown === told || shown.startsWith(`${told}/`) || told.startsWith(`${shown}/`);
}

interface Ended {
  /** Paths that were named as not put back. */
  told: string[];
  why: string[];
  /** Whether the run says that something was out of scope. */
  refused: boolean;
}

async function inProcess(
  place: Place,
  git: string | null,
  isSandboxed: boolean,
  first: string,
  command: string,
  plan: ReturnType<typeof planOf>,
): Promise<Ended> {
  const sandbox = isSandboxed ? await sandboxFor(place) : NO_SANDBOX;
  const snapshots = createSnapshots({ workspace: place.workspace, dataDirectory: place.data, git, home: place.home });
  if (first !== "") await contain(place, first, { plan, snapshots, sandbox });
  const ended = await contain(place, command, { plan, snapshots, sandbox });
  if (ended.blocked !== null) throw new Error(ended.blocked);
  return {
    told: ended.unsettled.map(({ path }) => path),
    why: ended.unsettled.map(({ path, reason }) => `${path}: ${reason}`),
    refused: ended.rolledBack.length > 0 || ended.unsettled.length > 0,
  };
}

async function byProgram(place: Place, command: string): Promise<Ended> {
  const ticket = {
    id: "t1",
    title: "t",
    detail: "d",
    files: [{ path: "src/**", action: "modify" }],
    commands: [command],
    acceptance: ["a"],
    verify: [],
    depends_on: [],
    out_of_scope: ["o"],
  };
  let executed = false;
  const server = await startVendorServer({ replies: [] });
  try {
    server.setReplies((request) => {
      if (request.tools.includes("set_plan_artifact"))
        return { calls: [{ name: "set_plan_artifact", input: { title: "t", summary: "s", tickets: [ticket] } }] };
      const isFirst = !executed;
      executed = true;
      return isFirst ? { calls: [{ name: "bash", input: { command } }] } : { text: "done" };
    });
    mkdirSync(join(place.home, "bmo"), { recursive: true });
    writeFileSync(join(place.home, "bmo", "bmo.toml"), configuration(server.url, ["m"]));
    const ended = await runProgram({ workspace: place.workspace, home: place.home }, [
      "-p",
      "--json",
      "--approve",
      "--dangerously-skip-permissions",
      "do it",
    ]);
    const reasons = (JSON.parse(ended.stdout) as { denials: { reason: string }[] }).denials
      .map(({ reason }) => reason)
      .filter((reason) => reason.includes("could not be"));
    return {
      told: reasons.map((reason) => reason.slice(0, reason.indexOf(": "))),
      why: reasons,
      refused: ended.code === 4,
    };
  } finally {
    await server.close();
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , attacks = "5000", seed = "1", until] = process.argv;
  const tell = (text: string): void => console.error(text);
  const result = await runAttacks(
    Number(attacks),
    Number(seed),
    tell,
    40,
    until === "until-failure" ? "failure" : "end",
  );
  console.log(
    JSON.stringify({
      ...result,
      told: result.told.length,
      failures: result.failures.length,
      drawn: Object.keys(result.drawn).length,
    }),
  );
  for (const failure of result.failures.slice(0, 20)) console.log(`failure: ${failure}`);
  for (const told of result.told.slice(0, 10)) console.log(`told: ${told}`);
  process.exitCode = result.failures.length === 0 ? 0 : 1;
}
