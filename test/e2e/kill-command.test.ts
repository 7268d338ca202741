// bmo is killed while a command runs: the next bmo in the workspace settles what the command did, whatever it was
// started for, and undo takes back the rest. With the sandbox and without it.

import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import type { ChildProcess } from "node:child_process";
import { describe, expect, test } from "vitest";
import { need } from "../support/need.ts";
import { bash, commitAll, hasBubblewrap, isGit, pathWithout, treeOf } from "./containment-scene.ts";
import { appears, leftOver } from "./kill-scene.ts";
import {
  isPlanning,
  openServer,
  planInput,
  resultOf,
  scene,
  submit,
  ticket,
  userToml,
  type Scene,
} from "./scenario.ts";
import type { Finished } from "./harness.ts";
import type { ScriptedReply } from "../support/vendor-server.ts";

const skip = (path: string): boolean => isGit(path) || path === "marks" || path.startsWith("marks/");

interface Killed {
  one: Scene;
  /** The workspace as it was before bmo. */
  before: Record<string, string>;
  environment: Record<string, string>;
  left: Record<string, string>;
}

/** Runs a plan over src/** whose command does its work, says so in `marks/done` and waits; kills bmo then. */
async function killedIn(work: string, sandboxed: boolean, { repository = true, seconds = 60 } = {}): Promise<Killed> {
  const command = `${work}; echo done > marks/done; sleep ${seconds}`;
  const plan = planInput([ticket("t1", { "src/**": "modify", "src/gone.txt": "delete" }, { commands: [command] })]);
  const one = await scene({ replies: (request) => (isPlanning(request) ? submit(plan) : { calls: [bash(command)] }) });
  const { place } = one;
  for (const path of ["README.md", "src/a.txt", "src/gone.txt", "docs/x.md", "run.sh"])
    place.file(path, `${path} as it was\n`);
  place.file(".gitignore", "marks/\n");
  mkdirSync(join(place.workspace, "marks"));
  chmodSync(join(place.workspace, "run.sh"), 0o755);
  symlinkSync("README.md", join(place.workspace, "link"));
  if (repository) commitAll(place);
  place.file("notes.txt", "the only copy\n");
  const environment: Record<string, string> = sandboxed ? {} : { PATH: pathWithout("bwrap") };
  const before = treeOf(place.workspace, skip);
  let child: ChildProcess | null = null;
  void appears(join(place.workspace, "marks"), "done").then(() => child?.kill("SIGKILL"));
  const finished = await place.run(["-p", "--json", "--approve", "do it"], {
    environment,
    onStart: (started) => (child = started),
  });
  expect(finished.signal).toBe("SIGKILL");
  return { one, before, environment, left: treeOf(place.workspace, skip) };
}

/** Another bmo in the same workspace, whose model answers as told. */
async function start(
  { one, environment }: Killed,
  words: string[],
  replies: ScriptedReply[] = [{ text: "nothing to do" }],
): Promise<Finished> {
  const server = await openServer({
    replies: (request) => replies[Math.min(request.toolResults.length, replies.length - 1)] ?? { text: "nothing" },
  });
  one.place.configure(userToml(server.url));
  return one.place.run(words, { environment });
}

const DAMAGE =
  "echo evil > README.md; rm notes.txt docs/x.md; chmod 700 run.sh; rm link; ln -s /etc/passwd link; mkdir -p fresh/deep; echo x > fresh/deep/x; echo in > src/a.txt; echo new > src/new.txt; rm src/gone.txt";

/** What the workspace is after everything out of scope was put back. */
function inScope(before: Record<string, string>): Record<string, string> {
  const rest = Object.fromEntries(Object.entries(before).filter(([path]) => path !== "src/gone.txt"));
  return { ...rest, "src/a.txt": `644 in\n`, "src/new.txt": "644 new\n" };
}

describe.each([
  ["with the sandbox", true],
  ["without a sandbox", false],
] as const)("%s", (_name, sandboxed) => {
  const sandbox = need(!sandboxed || hasBubblewrap, "bubblewrap is not installed");

  const starts: [string, string[]][] = [
    ["the next turn of the session", ["-c", "-p", "go on please"]],
    ["a new session", ["-p", "look around"]],
    ["a list of checkpoints", ["checkpoint", "list"]],
  ];
  test.skipIf(sandbox.missing).each(starts)(
    sandbox.title("%s puts back what was out of scope, says so, and undo takes back the rest"),
    async (_what, words) => {
      const killed = await killedIn(DAMAGE, sandboxed);
      const { one, before } = killed;
      expect(killed.left).not.toEqual(before);
      const finished = await start(killed, words);
      expect(finished.code).toBe(0);
      expect(finished.stderr).toMatch(/bmo was ended while the command .* ran/);
      expect(finished.stderr).toMatch(
        /put back, because outside the approved scope .* kept in \S+; to bring it back: cp -a/,
      );
      expect(treeOf(one.place.workspace, skip)).toEqual(inScope(before));
      expect(await leftOver(one.place)).toEqual([]);
      const again = await start(killed, words);
      expect(again.stderr).not.toContain("bmo was ended");
    },
  );

  test.skipIf(sandbox.missing).each([
    ["git", true],
    ["own code", false],
  ] as const)(
    sandbox.title("undo all brings back every byte, mode and link, with snapshots by %s"),
    async (_how, repository) => {
      const killed = await killedIn(DAMAGE, sandboxed, { repository });
      const finished = await start(killed, ["-c", "-p", "--json", "/undo all"]);
      expect(resultOf(finished)).toMatchObject({
        exit_code: 0,
        result: expect.stringContaining("src/a.txt") as string,
      });
      expect(treeOf(killed.one.place.workspace, skip)).toEqual(killed.before);
    },
  );

  test.skipIf(sandbox.missing)(
    sandbox.title("what the user changed afterwards stays, is named with its earlier version, and ends the run with 4"),
    async () => {
      const killed = await killedIn("echo evil > README.md; echo evil > docs/x.md; echo in > src/a.txt", sandboxed, {
        seconds: 2,
      });
      const { one } = killed;
      // Without a sandbox the command lives on for a while; what it may still do is not told from what the user does.
      expect(await leftOver(one.place)).toEqual([]);
      one.place.file("README.md", "an hour of work\n");
      one.place.file("src/own.txt", "mine\n");
      backdate(one);
      const finished = await start(killed, ["-c", "-p", "--json", "go on please"]);
      expect(resultOf(finished).exit_code).toBe(4);
      expect([one.place.read("README.md"), one.place.read("src/own.txt")]).toEqual(["an hour of work\n", "mine\n"]);
      const [, copy = ""] =
        /README\.md: changed after bmo was ended, .*?; the earlier version is in (\S+\/README\.md)/.exec(
          finished.stderr,
        ) ?? [];
      expect(readFileSync(copy, "utf8")).toBe("README.md as it was\n");
    },
  );

  test.skipIf(sandbox.missing)(
    sandbox.title("a second command does not take the damage of the first for its beginning"),
    async () => {
      const killed = await killedIn(DAMAGE, sandboxed);
      const replies: ScriptedReply[] = [{ calls: [bash("echo chat > src/chat.txt")] }, { text: "done" }];
      const finished = await start(
        killed,
        ["-p", "--json", "--no-plan", "--dangerously-skip-permissions", "write"],
        replies,
      );
      expect(resultOf(finished)).toMatchObject({ exit_code: 0 });
      expect(treeOf(killed.one.place.workspace, skip)).toEqual({
        ...inScope(killed.before),
        "src/chat.txt": "644 chat\n",
      });
    },
  );
});

/** The clock cannot be moved on: instead the last sign of life of the dead command is made a minute older. */
function backdate({ place }: Scene): void {
  const folder = join(place.home, "bmo", "commands");
  const old = new Date(Date.now() - 60_000);
  for (const path of Object.keys(treeOf(folder))) utimesSync(join(folder, path), old, old);
}

test("a workspace that is gone, and a snapshot that is gone, end nothing", async () => {
  const killed = await killedIn("echo evil > README.md", hasBubblewrap);
  rmSync(join(killed.one.place.home, "bmo", "snapshots"), { recursive: true });
  const finished = await start(killed, ["-c", "-p", "--json", "go on please"]);
  expect(resultOf(finished)).toMatchObject({
    exit_code: 4,
    denials: [{ reason: expect.stringContaining("the state before the command is not kept any more") as string }],
  });
});
