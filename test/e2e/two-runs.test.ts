// Two bmo in one workspace: what may write waits its turn and is told for whom, what only reads or plans never waits,
// and nothing that one wrote is taken away by the other.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { appears } from "./kill-scene.ts";
import { bash, commitAll } from "./containment-scene.ts";
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

const HOLD = "echo started > marks/held; while [ ! -e marks/go ]; do sleep 0.02; done; echo made > src/by-plan.txt";

/** A run that executes a plan and holds until `marks/go` is there. */
async function holding(): Promise<{ one: Scene; first: Promise<Finished>; go(): void }> {
  const plan = planInput([ticket("t1", { "src/**": "modify" }, { commands: [HOLD] })]);
  const one = await scene({
    replies: (request) =>
      isPlanning(request)
        ? submit(plan)
        : request.toolResults.length === 0
          ? { calls: [bash(HOLD)] }
          : { text: "done" },
  });
  one.place.file("src/a.txt", "a\n");
  one.place.file("marks/.keep", "");
  one.place.file(".gitignore", "marks/\n");
  commitAll(one.place);
  const first = one.place.run(["-p", "--json", "--approve", "do it"]);
  await appears(join(one.place.workspace, "marks"), "held");
  return { one, first, go: () => one.place.file("marks/go", "") };
}

/** A second program of the same user, whose model answers as told. */
async function second(
  { place }: Scene,
  replies: ScriptedReply[],
  words: string[],
  onError: (text: string) => void = () => undefined,
): Promise<Finished> {
  const server = await openServer({
    replies: (request) =>
      replies[Math.min(request.toolResults.length === 0 ? 0 : 1, replies.length - 1)] ?? { text: "nothing" },
  });
  place.configure(userToml(server.url));
  return place.run(words, {
    onStart: (child) => child.stderr?.on("data", (chunk: Buffer) => onError(chunk.toString())),
  });
}

const OFF = ["-p", "--json", "--no-plan", "--dangerously-skip-permissions", "write it"];
const writing: [string, ScriptedReply][] = [
  ["a file tool", { calls: [{ name: "write", input: { path: "src/second.txt", content: "second\n" } }] }],
  ["a command", { calls: [bash("echo second > src/second.txt")] }],
];

describe("beside a run that executes", () => {
  test.each(writing)(
    "with the workflow off, %s waits until the other has ended, and both results stay",
    async (_what, call) => {
      const { one, first, go } = await holding();
      let released = false;
      const other = second(one, [call, { text: "written" }], OFF, (text) => {
        if (!text.includes("waiting for another run") || released) return;
        released = true;
        expect(existsSync(join(one.place.workspace, "src/second.txt"))).toBe(false);
        go();
      });
      expect([(await first).code, (await other).code, released]).toEqual([0, 0, true]);
      expect([one.place.read("src/by-plan.txt"), one.place.read("src/second.txt")]).toEqual(["made\n", "second\n"]);
    },
  );

  test("what waits longer than ten seconds ends with 1, names the holder and has written nothing", async () => {
    const { one, first, go } = await holding();
    // Both wait at the same time: one in the workspace with a file tool, one in a folder of it with a command.
    const server = await openServer({
      replies: ({ toolResults, userTexts }) => {
        if (toolResults.length > 0) return { text: "written" };
        const nested = userTexts.some((text) => text.includes("nested"));
        return {
          calls: [
            nested
              ? bash("echo second > nested.txt")
              : { name: "write", input: { path: "outside.txt", content: "second\n" } },
          ],
        };
      },
    });
    one.place.configure(userToml(server.url));
    const waiting = await Promise.all([
      one.place.run(OFF),
      one.place.run([...OFF, "nested"], { cwd: join(one.place.workspace, "src") }),
    ]);
    for (const finished of waiting)
      expect(resultOf(finished)).toMatchObject({
        exit_code: 1,
        error: { code: "locked", message: expect.stringMatching(/process \d+, session/) as string },
        files: [],
      });
    expect([
      existsSync(join(one.place.workspace, "outside.txt")),
      existsSync(join(one.place.workspace, "src/nested.txt")),
    ]).toEqual([false, false]);
    go();
    expect((await first).code).toBe(0);
  });

  test("reading and planning do not wait", async () => {
    const { one, first, go } = await holding();
    const reading = await second(
      one,
      [{ calls: [{ name: "view", input: { path: "src/a.txt" } }, bash("cat src/a.txt")] }, { text: "read" }],
      OFF,
    );
    expect(resultOf(reading)).toMatchObject({ exit_code: 0, result: "read" });
    const planning = await second(
      one,
      [submit(planInput([ticket("t1", { "src/b.txt": "create" })]))],
      ["-p", "--json", "plan it"],
    );
    expect(resultOf(planning)).toMatchObject({ exit_code: 3 });
    expect(reading.stderr + planning.stderr).not.toContain("waiting for another run");
    go();
    expect((await first).code).toBe(0);
  });

  test("undo and checkpoint restore wait too", async () => {
    const { one, first, go } = await holding();
    const written = second(
      one,
      [{ calls: [{ name: "write", input: { path: "src/second.txt", content: "second\n" } }] }, { text: "written" }],
      OFF,
    );
    go();
    expect([(await first).code, (await written).code]).toEqual([0, 0]);
    expect((await one.place.run(["-c", "-p", "/undo all"])).code).toBe(0);
    expect(existsSync(join(one.place.workspace, "src/second.txt"))).toBe(false);
    expect(one.place.read("src/by-plan.txt")).toBe("made\n");
  });
});
