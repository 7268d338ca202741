// A file system that is full while effects are put back: what has no room is named with its reason and comes back by
// /undo once there is room; nothing is half written. On small file systems of the test's own.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { bash, pathWithout } from "./containment-scene.ts";
import { BMO, type Finished } from "./harness.ts";
import { planInput, planThen, resultOf, scene, ticket } from "./scenario.ts";
import { needMounts } from "../support/need.ts";

const mounts = needMounts();
const KEPT = Buffer.alloc(12 << 20, 7);

interface Case {
  /** Options of the tmpfs. */
  disk: string;
  /** Whether bmo's own data is on the same file system. */
  holdsData?: boolean;
  /** Run in the workspace before bmo. */
  before?: string;
  command: string;
}

interface Ran {
  first: Finished;
  /** Exit code of `/undo all` after room was made. */
  undone: number;
  /** In the workspace at the end, by path. */
  left: string[];
  read(path: string): Buffer;
}

const ends: string[] = [];
afterEach(() => {
  for (const folder of ends.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs a plan that may write src/ in a workspace on a small file system, makes room there, and undoes all. */
async function runOn({ disk, holdsData = false, before = "true", command }: Case, git: boolean): Promise<Ran> {
  const { place } = await scene({
    replies: planThen(planInput([ticket("t1", { "src/**": "modify" }, { commands: [command] })]), [
      { calls: [bash(command)] },
      { text: "done" },
    ]),
  });
  for (const [path, bytes] of Object.entries({
    "src/a.txt": "a\n",
    ".gitignore": "dist/\n",
    "README.md": "readme\n",
    "keep.bin": KEPT,
  }))
    place.file(path, bytes);
  const root = dirname(place.workspace);
  const mounted = holdsData ? root : place.workspace;
  const end = join(dirname(root), `${basename(root)}-end`);
  mkdirSync(end);
  ends.push(end);
  const script = `set -e
    mkdir "${end}/seed"; cp -a "${mounted}/." "${end}/seed"
    mount -t tmpfs -o ${disk} none "${mounted}"; cp -a "${end}/seed/." "${mounted}"
    cd "${place.workspace}"; git init -q --template= .
    set +e
    { ${before}; } 2> /dev/null
    bmo() { PATH="$SEARCH" "${process.execPath}" "${BMO}" "$@"; }
    bmo -p --json --approve "do it" > "${end}/stdout" 2> "${end}/stderr"; echo $? > "${end}/code"
    find . > "${end}/found"
    rm -rf src/[0-9]* src/fill dist
    bmo -c -p "/undo all" > "${end}/undo" 2>&1; echo $? > "${end}/undone"
    cp -a . "${end}/workspace"`;
  const search = git ? (process.env["PATH"] ?? "") : pathWithout("git");
  await new Promise<void>((resolve, reject) => {
    const child = spawn("unshare", ["-m", "--propagation", "private", "/bin/bash", "-c", script], {
      env: { PATH: process.env["PATH"], SEARCH: search, HOME: place.home, BMO_HOME: join(place.home, "bmo") },
      stdio: "ignore",
    });
    child.on("error", reject).on("close", () => resolve());
  });
  const text = (name: string): string => readFileSync(join(end, name), "utf8");
  return {
    first: { code: Number(text("code")), signal: null, stdout: text("stdout"), stderr: text("stderr") },
    undone: Number(text("undone")),
    left: [...text("found").split("\n"), ...readdirSync(join(end, "workspace"), { recursive: true, encoding: "utf8" })],
    read: (path) => readFileSync(join(end, "workspace", path)),
  };
}

describe.skipIf(mounts.missing).each([
  ["git", true],
  ["own code", false],
] as const)(mounts.title("snapshots by %s"), (_name, git) => {
  const inTheWay: [string, Case][] = [
    [
      "a command that fills it with what it may write",
      { disk: "size=40m", command: "rm keep.bin; echo evil > README.md; head -c 60M /dev/zero > src/fill" },
    ],
    [
      "a disk that was full before",
      {
        disk: "size=40m",
        before: "mkdir dist; head -c 60M /dev/zero > dist/fill",
        command: "echo evil > README.md; echo evil | dd of=keep.bin conv=notrunc",
      },
    ],
    [
      "a command that makes as many files as there can be",
      {
        disk: "size=40m,nr_inodes=64",
        command: "rm keep.bin; echo evil > README.md; for i in $(seq 200); do echo > src/$i; done",
      },
    ],
  ];
  test.each(inTheWay)(
    "%s: what has no room is named, whole, and back by /undo once there is room",
    { timeout: 60_000 },
    async (_what, one) => {
      const ran = await runOn(one, git);
      const told = resultOf(ran.first).denials.map(({ reason }) => reason);
      for (const path of ["README.md", "keep.bin"]) {
        expect(told).toContainEqual(
          expect.stringMatching(
            new RegExp(
              `^${path}: could not be put back: the disk is full \\(ENOSPC\\); as it was: .*; \`/undo\` brings it back once there is room$`,
            ),
          ),
        );
      }
      expect(ran.first.code).toBe(4);
      expect(ran.left.filter((path) => path.includes(".bmo-"))).toEqual([]);
      expect(ran.undone).toBe(0);
      expect([ran.read("README.md"), ran.read("keep.bin").equals(KEPT)]).toEqual([Buffer.from("readme\n"), true]);
    },
  );

  test(
    "with bmo's data on the same full disk, what undo cannot keep is named with the place of its bytes",
    { timeout: 60_000 },
    async () => {
      const ran = await runOn(
        {
          disk: "size=80m",
          holdsData: true,
          command: "rm keep.bin; echo evil > README.md; head -c 90M /dev/zero > src/fill",
        },
        git,
      );
      const told = resultOf(ran.first).denials.map(({ reason }) => reason);
      expect(told).toContainEqual(
        expect.stringMatching(
          /^keep\.bin: could not be put back: the disk is full \(ENOSPC\); as it was: (git --git-dir=\S+ cat-file blob \w+|\/\S+)$/,
        ),
      );
      expect(told).toContainEqual(expect.stringMatching(/^keep\.bin: `\/undo` will not know it: /));
      expect(ran.left.filter((path) => path.includes(".bmo-"))).toEqual([]);
      // The room that is held for this moment is enough for it.
      expect(ran.read("README.md")).toEqual(Buffer.from("readme\n"));
    },
  );

  const roomByItself: [string, Case][] = [
    ["a file", { disk: "size=40m", command: "rm keep.bin; echo evil > README.md; head -c 60M /dev/zero > fill" }],
    [
      "a file, with bmo's data on the same disk",
      {
        disk: "size=80m",
        holdsData: true,
        command: "rm keep.bin; echo evil > README.md; head -c 90M /dev/zero > fill",
      },
    ],
    [
      "as many files as there can be, with bmo's data on the same disk",
      {
        disk: "size=80m,nr_inodes=300",
        holdsData: true,
        command: "rm keep.bin; echo evil > README.md; mkdir n; for i in $(seq 400); do echo > n/$i; done",
      },
    ],
  ];
  test.each(roomByItself)(
    "a command that fills it out of scope makes room by being put back: %s",
    { timeout: 60_000 },
    async (_what, one) => {
      const ran = await runOn(one, git);
      expect(resultOf(ran.first)).toMatchObject({ exit_code: 4, report: { unsettled: [] } });
      expect([ran.read("README.md"), ran.read("keep.bin").equals(KEPT)]).toEqual([Buffer.from("readme\n"), true]);
      expect(ran.left.filter((path) => /^(fill|n)(\/|$)/.test(path.replace(/^\.\//, "")))).toEqual([]);
    },
  );
});
