// A plan that waits while something else is asked: what switches the workflow off, and what the hint to approve it
// says.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { calledTimes, isPlanning, planInput, resultOf, scene, submit, ticket, type Scene } from "./scenario.ts";
import type { JsonObject } from "../../src/types/json.ts";
import type { ScriptedReply, SeenRequest } from "../support/vendor-server.ts";

const PLAN = planInput([ticket("t1", { "a.txt": "modify" })]);
const WRITES: ScriptedReply = { calls: [{ name: "write", input: { path: "q.txt", content: "now\n" } }] };

/** The first request is planned; every later one that may write does so. */
function replies(plan: JsonObject): (request: SeenRequest) => ScriptedReply {
  return (request) => {
    if (isPlanning(request)) return submit(plan);
    return calledTimes(request, "write") === 0 ? WRITES : { text: "written" };
  };
}

async function waiting(plan: JsonObject = PLAN, args: string[] = []): Promise<Scene & { id: string; stderr: string }> {
  const one = await scene({ replies: replies(plan) });
  one.place.file("a.txt", "one\n");
  const finished = await one.place.run(["-p", "--json", ...args, "change it"]);
  const result = resultOf(finished);
  expect(result.exit_code).toBe(3);
  return { ...one, id: result.plan?.id ?? "", stderr: finished.stderr };
}

describe("the workflow is switched off while a plan waits", () => {
  const expectWritten = async ({ place, id }: Scene & { id: string }, args: string[]): Promise<void> => {
    const finished = await place.run([
      "-c",
      "-p",
      "--json",
      "--permission-mode",
      "acceptEdits",
      ...args,
      "just write q.txt",
    ]);
    expect(resultOf(finished)).toMatchObject({ exit_code: 0, plan: { id, state: "awaiting_approval" } });
    expect(finished.stderr).toContain(
      `the staged workflow is off: this request is carried out directly; plan ${id} still waits`,
    );
    expect(place.read("q.txt")).toBe("now\n");
    expect(place.read("a.txt")).toBe("one\n");
  };

  test("by --no-plan: the request is carried out, and the plan still waits", async () => {
    await expectWritten(await waiting(), ["--no-plan"]);
  });

  test("by enabled = false in the user's file: the same", async () => {
    const one = await waiting();
    const file = join(one.place.home, "bmo", "bmo.toml");
    writeFileSync(file, `${readFileSync(file, "utf8")}\n[options.staged_workflow]\nenabled = false\n`);
    await expectWritten(one, []);
  });

  test("the next run without the flag takes text as feedback on the plan again", async () => {
    const one = await waiting();
    await expectWritten(one, ["--no-plan"]);
    const revised = resultOf(await one.place.run(["-c", "-p", "--json", "smaller, please"]));
    expect(revised).toMatchObject({ exit_code: 3, plan: { id: one.id, revision: 2, state: "awaiting_approval" } });
  });
});

describe("the hint names commands that execute in the same way", () => {
  test("options that decide how the plan is executed are repeated, quoted for a shell", async () => {
    const { id, stderr } = await waiting(PLAN, ["--tier", "coding", "--allowedTools", "bash(echo 'x'),view"]);
    const options = "--tier coding --allowedTools 'bash(echo '\\''x'\\'')' --allowedTools view";
    expect(stderr).toContain(`run  bmo approve ${id} ${options}  or  bmo ${options} -c -p /approve`);
  });

  test("a flagged plan under strict tickets: the hint asks for what is missing first", async () => {
    const flagged = planInput([ticket("t1", { "a.txt": "modify" }, { acceptance: [] })]);
    const { stderr } = await waiting(flagged, ["--preset", "reasoning-plan"]);
    expect(stderr).toMatch(
      /cannot be approved yet, because tickets are strict \(.*acceptance.*\): bmo -c -p "<what is missing>"; then run/,
    );
  });
});

test.each([
  [["--plan", "--no-plan"], "--plan and --no-plan exclude each other"],
  [["--approve", "--no-plan"], "--approve approves a plan, and --no-plan makes none"],
  [["--approve-unscoped", "--no-plan"], "--approve-unscoped approves a plan, and --no-plan makes none"],
])("%j contradict each other: exit 2 and no request", async (flags, message) => {
  const { place, server } = await scene({ replies: () => ({ text: "hello" }) });
  const finished = await place.run(["-p", ...flags, "hi"]);
  expect(finished).toMatchObject({ code: 2, stdout: "" });
  expect(finished.stderr).toContain(message);
  expect(server.requests).toEqual([]);
});

test("a choice made in a session that holds commands only is said not to be taken up by -c", async () => {
  const { place } = await scene({ replies: () => ({ text: "hello" }) });
  const chosen = await place.run(["-p", "/tier coding"]);
  expect(chosen.code).toBe(0);
  expect(chosen.stderr).toContain("this session holds commands only and -c will not take it");
  expect((await place.run(["-p", "/status"])).stderr).toBe("");
});

test("a word after -r that does not have the form of an id is named", async () => {
  const { place } = await scene({ replies: () => ({ text: "hello" }) });
  const finished = await place.run(["-p", "-r", "nope-nope"]);
  expect(finished.code).toBe(2);
  expect(finished.stderr).toContain(
    '-r needs the id of a session; "nope-nope" does not have the form of one and was taken as the prompt',
  );
});
