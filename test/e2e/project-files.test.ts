// Every file of a project that bmo reads by itself, put there as every kind of trap: nothing from outside reaches the
// request, nothing hangs, and what was not read is said.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { bash, commitAll, pathWithout, SANDBOXES } from "./containment-scene.ts";
import type { Place } from "./harness.ts";
import { resultOf, scene } from "./scenario.ts";
import { needBubblewrap } from "../support/need.ts";

const SECRET = "SECRET-5b1e77";

/** Read unasked at the start of a conversation. */
const TEXTS = [
  "AGENTS.md",
  "CLAUDE.md",
  "package.json",
  ".claude/skills/one/SKILL.md",
  ".agents/skills/two/SKILL.md",
  "shot.png",
];
/** What is broken or too large here ends the start with 2, and says where. */
const SETTINGS = [
  ".bmorc.toml",
  ".bmorc",
  ".bmorc.json",
  ".bmorc.yaml",
  "bmo.toml",
  ".bmo.toml",
  "preferences/model-router.json",
];
/** Read on the way into a repository. */
const POINTERS = [
  ".git/HEAD",
  ".git/commondir",
  ".git/gitdir",
  ".git/config",
  ".git/config.worktree",
  ".git/index",
  ".git/info/exclude",
  ".git/info/attributes",
];
const WHOLE = [".git"];

const KINDS: readonly (readonly [kind: string, make: (path: string, outside: string) => void])[] = [
  ["an absolute link to a secret", (path, outside) => symlinkSync(join(outside, "key"), path)],
  ["a relative link to a secret", (path, outside) => symlinkSync(`${"../".repeat(40)}${outside.slice(1)}/key`, path)],
  [
    "a chain of links",
    (path, outside) => (symlinkSync(join(outside, "key"), `${path}.next`), symlinkSync(`${basename(path)}.next`, path)),
  ],
  ["a link to the environment", (path) => symlinkSync("/proc/self/environ", path)],
  ["a link to what never ends", (path) => symlinkSync("/dev/zero", path)],
  ["a dangling link", (path, outside) => symlinkSync(join(outside, "missing"), path)],
  [
    "a link to a credential of the repository",
    (path) => symlinkSync(join(path.slice(0, path.indexOf("/workspace/")), "workspace/.env"), path),
  ],
  ["a link to a folder outside", (path, outside) => symlinkSync(outside, path)],
  ["a pipe", (path) => execFileSync("mkfifo", [path])],
  ["a folder", (path) => mkdirSync(path)],
  ["a file of ten gigabytes", (path) => (writeFileSync(path, ""), truncateSync(path, 10 * 2 ** 30))],
];

function lay(place: Place, names: readonly string[], make: (path: string, outside: string) => void): void {
  const outside = join(place.home, "private");
  mkdirSync(outside, { recursive: true });
  writeFileSync(join(outside, "key"), `${SECRET}\n`);
  writeFileSync(join(outside, "SKILL.md"), `---\nname: one\ndescription: ${SECRET}\n---\n${SECRET}\n`);
  place.file(".env", `${SECRET}\n`);
  for (const name of names) {
    const path = join(place.workspace, name);
    mkdirSync(dirname(path), { recursive: true });
    if (existsSync(path)) rmSync(path, { recursive: true });
    make(path, outside);
  }
}

async function requestsAfter(
  names: readonly string[],
  make: (path: string, outside: string) => void,
  flags: string[],
): Promise<{ sent: string; code: number | null; notices: string }> {
  const { place, server } = await scene({ replies: () => ({ text: "done" }) });
  commitAll(place);
  lay(place, names, make);
  const finished = await place.run(["-p", "--trust", ...flags, "look at @shot.png and say what you know"], {
    environment: { LEAK: SECRET },
  });
  expect(finished.stdout + finished.stderr).not.toContain(SECRET);
  return {
    sent: JSON.stringify(server.requests.map(({ body }) => body)),
    code: finished.code,
    notices: finished.stderr,
  };
}

describe.each(["--plan", "--no-plan"])("with %s", (flag) => {
  test.each(KINDS)("texts that are %s send nothing of it", async (_kind, make) => {
    const { sent, code, notices } = await requestsAfter(TEXTS, make, [flag]);
    expect({ code, leaked: sent.includes(SECRET), told: /AGENTS\.md is not read: /.test(notices) }).toEqual({
      code: 0,
      leaked: false,
      told: true,
    });
    expect(sent).toContain("say what you know");
  });

  test.each(KINDS)("settings that are %s send and show nothing of it", async (kind, make) => {
    const { sent, code, notices } = await requestsAfter(SETTINGS, make, [flag]);
    const expected = /credential|gigabytes/.test(kind) ? 2 : 0;
    expect({ code, leaked: sent.includes(SECRET), told: /\.bmorc\.toml( is not read)?:/.test(notices) }).toEqual({
      code: expected,
      leaked: false,
      told: true,
    });
  });

  test.each(KINDS)("pointers of git that are %s send nothing of it", async (_kind, make) => {
    for (const names of [POINTERS, WHOLE]) {
      const { sent, code } = await requestsAfter(names, make, [flag]);
      expect({ code, leaked: sent.includes(SECRET) }).toEqual({ code: 0, leaked: false });
    }
  });

  test("AGENTS.md that is a link to a file of the repository is read", async () => {
    const { place, server } = await scene({ replies: () => ({ text: "done" }) });
    place.file("docs/rules.md", "RULE-77 holds here\n");
    symlinkSync("docs/rules.md", join(place.workspace, "AGENTS.md"));
    symlinkSync("AGENTS.md", join(place.workspace, "CLAUDE.md"));
    commitAll(place);
    const finished = await place.run(["-p", flag, "hello"]);
    expect({
      code: finished.code,
      stderr: finished.stderr.includes("not read"),
      sent: JSON.stringify(server.requests[0]?.body).split("RULE-77").length,
    }).toEqual({ code: 0, stderr: false, sent: 2 });
  });
});

test("a workspace below the top reads the AGENTS.md above through a link that stays in the repository", async () => {
  const { place, server } = await scene({ replies: () => ({ text: "done" }) });
  place.file("AGENTS.md", "RULE-78\n");
  place.file("packages/one/a.txt", "a\n");
  symlinkSync("../../AGENTS.md", join(place.workspace, "packages/one/CLAUDE.md"));
  commitAll(place);
  await place.run(["-p", "hello"], { cwd: join(place.workspace, "packages/one") });
  expect(JSON.stringify(server.requests[0]?.body).split("RULE-78").length).toBe(3);
});

for (const [name, sandboxed] of SANDBOXES) {
  const sandbox = needBubblewrap(sandboxed);
  test.skipIf(sandbox.missing)(
    sandbox.title(`rules of git that are pipes do not hold up a command, ${name}`),
    async () => {
      let asked = false;
      const { place } = await scene({
        replies: () => (asked ? { text: "done" } : ((asked = true), { calls: [bash("git status --short")] })),
      });
      place.file("a.txt", "a\n");
      commitAll(place);
      for (const path of [".git/info/exclude", ".git/info/attributes"]) {
        rmSync(join(place.workspace, path), { force: true });
        execFileSync("mkfifo", [join(place.workspace, path)]);
      }
      const finished = await place.run(["-p", "--json", "--no-plan", "--timeout", "20s", "look"], {
        environment: sandboxed ? {} : { PATH: pathWithout("bwrap") },
      });
      expect(resultOf(finished).status).not.toBe("internal");
    },
  );
}
