// PATH may name anything: a folder of another user, a file, a loop. Each such entry is passed over; bmo starts all the
// same.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findProgram } from "../../src/cli/wire-containment.ts";
import { findBubblewrap } from "../../src/containment/bubblewrap.ts";
import { BMO } from "../e2e/harness.ts";

const ORDINARY = 65_534;
const isRoot = process.getuid?.() === 0;
let root: string;
beforeEach(() => {
  // Not in the folder of the test run, which is closed to others.
  root = realpathSync(mkdtempSync("/tmp/bmo-path-"));
  chmodSync(root, 0o755);
  for (const folder of ["closed", "home", "workspace", "good", "folder/bwrap", "folder/git"])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, "file"), "");
  symlinkSync("loop", join(root, "loop"));
  symlinkSync("missing", join(root, "dangling"));
  for (const name of ["bwrap", "git"]) {
    writeFileSync(join(root, "good", name), "#!/bin/sh\nexit 1\n");
    chmodSync(join(root, "good", name), 0o755);
    symlinkSync(name, join(root, name));
  }
  chmodSync(join(root, "closed"), 0o000);
  if (isRoot) for (const folder of ["home", "workspace"]) chownSync(join(root, folder), ORDINARY, ORDINARY);
});
afterEach(() => {
  chmodSync(join(root, "closed"), 0o755);
  rmSync(root, { recursive: true, force: true });
});

const ENTRIES: Record<string, () => string> = {
  "a folder that may not be entered": () => join(root, "closed"),
  "below a folder that may not be entered": () => join(root, "closed", "bin"),
  "a file": () => join(root, "file"),
  "below a file": () => join(root, "file", "bin"),
  "a loop of links": () => join(root, "loop"),
  "a link to nothing": () => join(root, "dangling"),
  "a name longer than allowed": () => `/${"n".repeat(300)}`,
  "a path longer than allowed": () => "/n".repeat(5_000),
  "a folder that holds folders of the programs' names": () => join(root, "folder"),
  "a folder where each name is a loop": () => root,
  "a relative folder": () => "good",
  nothing: () => "",
  "a folder that is missing": () => join(root, "missing"),
};

describe.each(Object.entries(ENTRIES))("PATH with %s", (_name, entry) => {
  test("the programs behind it are found", () => {
    const searchPath = `${entry()}:${join(root, "good")}`;
    const workspace = join(root, "workspace");
    expect(findBubblewrap(searchPath, workspace)).toBe(join(root, "good", "bwrap"));
    expect(findProgram("git", { environment: { PATH: searchPath }, workspace })).toBe(join(root, "good", "git"));
    expect(findBubblewrap(entry(), workspace)).toBeNull();
    expect(findProgram("git", { environment: { PATH: entry() }, workspace })).toBeNull();
  });

  test("bmo runs as an ordinary user and says what it found", () => {
    const environment = {
      PATH: `${entry()}:/usr/bin:/bin`,
      HOME: join(root, "home"),
      BMO_HOME: join(root, "home", "bmo"),
    };
    const ended = spawnSync(process.execPath, [BMO, "doctor", "--json"], {
      cwd: join(root, "workspace"),
      env: environment,
      encoding: "utf8",
      ...(isRoot ? { uid: ORDINARY, gid: ORDINARY } : {}),
    });
    expect(ended.stderr).toBe("");
    const { checks } = JSON.parse(ended.stdout) as { checks: { name: string; state: string }[] };
    expect(checks.find(({ name }) => name === "git")).toMatchObject({ state: "ok" });
    expect(checks.map(({ name }) => name)).toContain("sandbox");
  });
});

test.each([[undefined], [""], [":"], ["::"]])("PATH %j finds nothing and throws nothing", (searchPath) => {
  const workspace = join(root, "workspace");
  expect(findBubblewrap(searchPath ?? "", workspace)).toBeNull();
  expect(findProgram("git", { environment: { PATH: searchPath }, workspace })).toBeNull();
});
