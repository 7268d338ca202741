// What bmo keeps is the user's alone, under any umask: files 0600, folders 0700. What it copied for the user keeps the
// user's own modes, below a folder that nobody else may enter; objects that are a second name of the user's own are
// theirs.

import { execFileSync, spawnSync } from "node:child_process";
import { lstatSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BMO, cleanEnvironment, createPlace } from "./harness.ts";

const PLAN = {
  title: "Plan",
  summary: "s",
  tickets: [
    {
      id: "t1",
      title: "T",
      detail: "d",
      files: [{ path: "a.txt", action: "modify" }],
      commands: ["bash(sh *)"],
      acceptance: ["x"],
      verify: [],
      depends_on: [],
      out_of_scope: ["y"],
    },
  ],
};
const SCRIPT = {
  scenes: [
    {
      when: { tools_include: "set_plan_artifact" },
      replies: [{ calls: [{ name: "set_plan_artifact", input: PLAN }] }],
    },
    {
      replies: [
        {
          calls: [
            { name: "write", input: { path: "a.txt", content: "b\n" } },
            { name: "bash", input: { command: "sh -c 'echo c >> a.txt; echo d > other.txt'" } },
          ],
        },
        { text: "done" },
        { text: "done" },
      ],
    },
  ],
};

/** Every path below the folder that others could read, write or enter, with its mode. */
function openPaths(root: string, folder = ""): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = join(folder, name);
    const facts = lstatSync(join(root, path));
    const isOpen = (facts.mode & 0o077) !== 0 && !facts.isSymbolicLink() && !(facts.isFile() && facts.nlink > 1);
    const found = isOpen ? [`${(facts.mode & 0o777).toString(8)} ${path}`] : [];
    return facts.isDirectory() ? [...found, ...openPaths(root, path)] : found;
  });
}

test.each([
  ["000", true],
  ["077", true],
  ["022", false],
  ["000", false],
])(
  "umask %s, with git: %s: after a plan, an execution, an undo and an export nobody else may read a file or enter a folder",
  (umask, git) => {
    const place = createPlace();
    const script = join(place.home, "script.json");
    writeFileSync(script, JSON.stringify(SCRIPT));
    place.configure(
      `model = "s/x"\n[providers.s]\ntype = "script"\nfile = ${JSON.stringify(script)}\n[[providers.s.models]]\nid = "x"\n`,
    );
    place.file("a.txt", "a\n");
    if (git)
      for (const words of [
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "x"],
      ])
        execFileSync("git", words, { cwd: place.workspace, stdio: "ignore" });
    const run = (...words: string[]): number | null =>
      spawnSync("sh", ["-c", 'umask "$0"; exec "$@"', umask, process.execPath, BMO, ...words], {
        cwd: place.workspace,
        env: cleanEnvironment({ HOME: place.home, BMO_HOME: join(place.home, "bmo") }),
        stdio: ["ignore", "ignore", "ignore"],
      }).status;
    expect(
      [
        run("-p", "plan"),
        run("-c", "-p", "/approve"),
        run("-c", "-p", "/undo all"),
        run("sessions", "export"),
        run("doctor"),
      ].slice(0, 4),
    ).toEqual([3, 4, 0, 0]);
    expect(place.read("a.txt")).toBe("a\n");
    const open = openPaths(join(place.home, "bmo")).filter((line) => !/^\d+ (bmo\.toml$|copies\/)/.test(line));
    expect(open).toEqual([]);
    expect(lstatSync(join(place.home, "bmo/copies")).mode & 0o777).toBe(0o700);
  },
);
