// Approval is a person's: what --approve covers, what it does not, `bmo approve` from another process, and every way in
// which an approval must fail without anything having happened.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  calledTimes,
  expectFailure,
  isPlanning,
  planInput,
  planThen,
  resultOf,
  scene,
  stepsOf,
  submit,
  ticket,
  type Scene,
} from "./scenario.ts";
import type { JsonObject } from "../../src/types/json.ts";
import type { ScriptedReply, SeenRequest } from "../support/vendor-server.ts";

const PLAN = planInput([ticket("t1", { "a.txt": "modify" })]);
const CHANGE: ScriptedReply[] = [
  { calls: [{ name: "view", input: { path: "a.txt" } }] },
  { calls: [{ name: "edit", input: { path: "a.txt", old: "one", new: "two" } }] },
  { text: "changed" },
];

async function waiting(plan: JsonObject = PLAN, execution = CHANGE): Promise<Scene & { id: string; hash: string }> {
  const one = await scene({ replies: planThen(plan, execution) });
  one.place.file("a.txt", "one\n");
  const result = resultOf(await one.place.run(["-p", "--json", "change it"]));
  expect(result.exit_code).toBe(3);
  return { ...one, id: result.plan?.id ?? "", hash: result.plan?.hash ?? "" };
}

test("where a plan is not found the hint names a command that prints id and hash", async () => {
  const { place, id, hash } = await waiting();
  for (const args of [["approve"], ["approve", "p_none"]]) {
    const { code, stderr } = await place.run(args);
    expect(code).toBe(2);
    expect(stderr).toContain("bmo sessions show prints");
  }
  const { stdout } = await place.run(["sessions", "show"]);
  expect(stdout).toContain(id);
  expect(stdout).toContain(hash);
});

describe("in advance", () => {
  test("--approve executes: the plan on stderr, the answer on stdout, exit 0", async () => {
    const { place } = await scene({ replies: planThen(PLAN, CHANGE) });
    place.file("a.txt", "one\n");
    const finished = await place.run(["-p", "--approve", "change it"]);
    expect(finished).toMatchObject({ code: 0, stdout: "changed\n" });
    expect(finished.stderr).toContain("# The plan");
    expect(place.read("a.txt")).toBe("two\n");
  });

  test("--approve with a question that needs no change: answered, exit 0", async () => {
    const { place } = await scene({ replies: () => ({ text: "Blue." }) });
    expect(await place.run(["-p", "--approve", "which colour?"])).toMatchObject({ code: 0, stdout: "Blue.\n" });
  });

  test.each([
    [
      "open questions",
      planInput([ticket("t1", { "a.txt": "modify" })], { open_questions: ["Which one?"] }),
      ["--approve"],
      /Which one\?/,
    ],
    ["no files", planInput([ticket("t1", {})]), ["--approve"], /names no files/],
    [
      "open questions and --approve-unscoped",
      planInput([ticket("t1", {})], { open_questions: ["Which one?"] }),
      ["--approve-unscoped"],
      /Which one\?/,
    ],
  ])("%s: exit 3, the plan on stdout, nothing executed", async (_name, plan, flags, why) => {
    const { place, server } = await scene({ replies: planThen(plan, CHANGE) });
    place.file("a.txt", "one\n");
    const before = place.digest();
    const finished = await place.run(["-p", ...flags, "change it"]);
    expect(finished.code).toBe(3);
    expect(finished.stdout).toMatch(/^# The plan/);
    expect(finished.stderr).toMatch(why);
    expect(server.requests.every(isPlanning)).toBe(true);
    expect(place.digest()).toBe(before);
  });

  test.each(["/plan another way", "/init"])("--approve covers the plan that %s has made", async (command) => {
    const { place } = await scene({ replies: planThen(PLAN, CHANGE) });
    place.file("a.txt", "one\n");
    const finished = await place.run(["-p", "--json", "--approve", command]);
    expect(resultOf(finished)).toMatchObject({ exit_code: 0, result: "changed", plan: { state: "done" } });
    expect(place.read("a.txt")).toBe("two\n");
  });

  test("a command that makes no plan approves none that waits", async () => {
    const { place, server } = await waiting();
    const before = server.requests.length;
    for (const command of ["/status", "/plan"])
      expect((await place.run(["-c", "-p", "--approve", command])).code).toBe(0);
    expect(server.requests).toHaveLength(before);
  });

  test.each([
    ["bmo approve --approve-unscoped", (id: string) => ["approve", id, "--approve-unscoped"]],
    ["/approve beside --approve", () => ["-c", "-p", "--approve", "/approve"]],
  ])("%s does not approve a wider revision: exit 3", async (_name, words) => {
    const wider = planInput([ticket("t1", { "a.txt": "modify", "b.txt": "create" })]);
    const { place, server, id } = await waiting();
    server.setReplies((request) =>
      isPlanning(request) ? submit(wider) : { calls: [{ name: "request_replan", input: { reason: "needs b.txt" } }] },
    );
    const result = resultOf(await place.run([...words(id), "--json"]));
    expect(result).toMatchObject({ exit_code: 3, plan: { revision: 2, state: "awaiting_approval" } });
    expect(server.requests.filter((request) => !isPlanning(request))).toHaveLength(1);
  });

  test("--approve-unscoped executes a plan that names no files", async () => {
    const { place } = await scene({ replies: planThen(planInput([ticket("t1", {})]), CHANGE) });
    place.file("a.txt", "one\n");
    expect(await place.run(["-p", "--approve-unscoped", "change it"])).toMatchObject({ code: 0, stdout: "changed\n" });
    expect(place.read("a.txt")).toBe("two\n");
  });

  const replanning =
    (second: JsonObject) =>
    (request: SeenRequest): ScriptedReply => {
      if (isPlanning(request))
        return submit(
          calledTimes(request, "set_plan_artifact") === 0
            ? planInput([ticket("t1", { "a.txt": "modify", "src/**": "modify" })])
            : second,
        );
      if (request.userTexts.join("\n").includes("Revised"))
        return CHANGE[Math.min(stepsOf(request), 2)] ?? { text: "?" };
      return { calls: [{ name: "request_replan", input: { reason: "the plan is wrong" } }] };
    };

  test.each([
    ["another file", planInput([ticket("t1", { "a.txt": "modify", "b.txt": "create" })], { title: "Revised" })],
    ["another action", planInput([ticket("t1", { "a.txt": "delete" })], { title: "Revised" })],
    ["a glob over all", planInput([ticket("t1", { "**": "modify" })], { title: "Revised" })],
    [
      "another command",
      planInput([ticket("t1", { "a.txt": "modify" }, { commands: ["bash(make *)"] })], { title: "Revised" }),
    ],
    ["the network", planInput([ticket("t1", { "a.txt": "modify" })], { title: "Revised", network: true })],
    ["a question", planInput([ticket("t1", { "a.txt": "modify" })], { title: "Revised", open_questions: ["Really?"] })],
  ])("a revision that is wider (%s): exit 3", async (_name, second) => {
    const { place } = await scene({ replies: replanning(second) });
    place.file("a.txt", "one\n");
    const before = place.digest();
    const result = resultOf(await place.run(["-p", "--approve", "--json", "change it"]));
    expect(result).toMatchObject({
      exit_code: 3,
      status: "awaiting_approval",
      plan: { revision: 2, state: "awaiting_approval", title: "Revised" },
    });
    expect(result.result).toMatch(/^# Revised/);
    expect(place.digest()).toBe(before);
  });

  test.each([
    ["the same files", planInput([ticket("t1", { "a.txt": "modify", "src/**": "modify" })], { title: "Revised" })],
    ["fewer files", planInput([ticket("t1", { "a.txt": "modify" })], { title: "Revised" })],
    [
      "a file below an approved glob",
      planInput([ticket("t1", { "a.txt": "modify", "src/b.txt": "modify" })], { title: "Revised" }),
    ],
  ])("a revision that is not wider (%s) executes", async (_name, second) => {
    const { place } = await scene({ replies: replanning(second) });
    place.file("a.txt", "one\n");
    place.file("src/b.txt", "b\n");
    const result = resultOf(await place.run(["-p", "--approve", "--json", "change it"]));
    expect(result).toMatchObject({
      exit_code: 0,
      status: "done",
      result: "changed",
      plan: { revision: 2, state: "done" },
    });
    expect(place.read("a.txt")).toBe("two\n");
  });
});

describe("by configuration", () => {
  const WAIVED = "[options.staged_workflow]\nrequire_approval_before_execute = false\n";

  test("false in the user's file executes", async () => {
    const { place } = await scene({ replies: planThen(PLAN, CHANGE) }, { tables: WAIVED });
    place.file("a.txt", "one\n");
    const finished = await place.run(["-p", "change it"]);
    expect(finished).toMatchObject({ code: 0, stdout: "changed\n" });
    expect(finished.stderr).toContain("# The plan");
  });

  test.each([
    ["untrusted", []],
    ["trusted", ["--trust"]],
  ])("false in a project's file is ignored with a notice (%s)", async (_name, flags) => {
    const { place } = await scene({ replies: planThen(PLAN, CHANGE) });
    place.file("a.txt", "one\n");
    place.file(".bmorc.toml", WAIVED);
    const before = place.digest();
    const finished = await place.run(["-p", ...flags, "change it"]);
    expect(finished.code).toBe(3);
    expect(finished.stderr).toContain("require_approval_before_execute");
    expect(place.digest()).toBe(before);
  });
});

describe("bmo approve", () => {
  test.each([
    ["the id", (plan: { id: string; hash: string }) => plan.id],
    ["the whole hash", (plan: { id: string; hash: string }) => plan.hash],
    ["a prefix with its scheme", (plan: { id: string; hash: string }) => plan.hash.slice(0, 15)],
    ["a bare prefix", (plan: { id: string; hash: string }) => plan.hash.replace("sha256:", "").slice(0, 8)],
  ])("by %s: executes; once more: exit 0 with a message", async (_name, of) => {
    const one = await waiting();
    expect(await one.place.run(["approve", of(one)])).toMatchObject({ code: 0, stdout: "changed\n" });
    expect(one.place.read("a.txt")).toBe("two\n");
    const calls = one.server.requests.length;
    const again = await one.place.run(["approve", of(one)]);
    expect(again.code).toBe(0);
    expect(`${again.stdout}${again.stderr}`).toContain("already done");
    expect(one.server.requests).toHaveLength(calls);
  });

  test.each([
    ["nothing", []],
    ["two plans", ["p_1", "p_2"]],
    ["an unknown id", ["p_000000000000"]],
    ["an unknown hash", ["sha256:00000000"]],
    ["too short a prefix", ["ab"]],
    ["no hash at all", ["the plan"]],
  ])("%s: exit 2, nothing executed", async (_name, words) => {
    const { place, server } = await waiting();
    const before = place.digest();
    expectFailure(await place.run(["approve", ...words]), 2, /plan|hash/);
    expect(server.requests).toHaveLength(1);
    expect(place.digest()).toBe(before);
  });

  test("a stale hash, of an earlier revision: exit 2 says so", async () => {
    const one = await waiting();
    one.server.setReplies(() => submit(planInput([ticket("t1", { "a.txt": "modify" }, { detail: "another" })])));
    expect((await one.place.run(["-c", "-p", "do it otherwise"])).code).toBe(3);
    const before = one.place.digest();
    expectFailure(await one.place.run(["approve", one.hash]), 2, /stale/);
    expect(one.place.digest()).toBe(before);
  });

  test("one plan made in two sessions: its hash is ambiguous, its id is not", async () => {
    const one = await waiting();
    expect((await one.place.run(["-p", "change it"])).code).toBe(3);
    expectFailure(await one.place.run(["approve", one.hash]), 2, /ambiguous[\s\S]*give the id/);
    expect((await one.place.run(["approve", one.id])).code).toBe(0);
  });

  test("another workspace's plan: exit 2 names that workspace", async () => {
    const one = await waiting();
    const elsewhere = join(one.place.home, "elsewhere");
    mkdirSync(elsewhere);
    const finished = await one.place.run(["approve", one.id], { cwd: elsewhere });
    expectFailure(finished, 2, /belongs to/);
    expect(finished.stderr).toContain(one.place.workspace);
    expect((await one.place.run(["approve", one.id, "-C", one.place.workspace], { cwd: elsewhere })).code).toBe(0);
  });

  test("the session resumed in another workspace: its plan is not approved there", async () => {
    const one = await waiting();
    const elsewhere = join(one.place.home, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "a.txt"), "one\n");
    const { session_id } = resultOf(await one.place.run(["-c", "--json", "/status"]));
    const calls = one.server.requests.length;
    expectFailure(
      await one.place.run(["-r", session_id ?? "", "-p", "/approve"], { cwd: elsewhere }),
      2,
      /workspace|belongs to|approved for|made for/,
    );
    expect(readFileSync(join(elsewhere, "a.txt"), "utf8")).toBe("one\n");
    expect(one.server.requests).toHaveLength(calls);
  });

  test("an approved, unfinished plan does not go on in another workspace, by command or by text", async () => {
    const one = await scene({ replies: planThen(PLAN, CHANGE) });
    one.place.file("a.txt", "one\n");
    const stopped = resultOf(await one.place.run(["-p", "--json", "--approve", "--max-turns", "2", "change it"]));
    expect(stopped).toMatchObject({ exit_code: 5, plan: { state: "executing" } });
    const elsewhere = join(one.place.home, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "a.txt"), "one\n");
    for (const words of ["/approve", "just go on"]) {
      const finished = await one.place.run(["-r", stopped.session_id ?? "", "-p", words], { cwd: elsewhere });
      expect({ words, code: finished.code, stderr: finished.stderr }).toMatchObject({
        words,
        code: 2,
        stderr: expect.stringContaining(one.place.workspace) as unknown,
      });
    }
    expect(readFileSync(join(elsewhere, "a.txt"), "utf8")).toBe("one\n");
  });

  test("a rejected plan: exit 2", async () => {
    const one = await waiting();
    expect((await one.place.run(["-c", "-p", "/reject"])).code).toBe(0);
    expectFailure(await one.place.run(["approve", one.id]), 2, /reject|no plan/);
  });

  test("a session file whose plan was altered after its hash was made: exit 2, nothing executed", async () => {
    const one = await waiting();
    const name =
      readdirSync(one.place.home, { recursive: true, encoding: "utf8" }).find((path) => path.endsWith(".jsonl")) ?? "";
    const file = join(one.place.home, name);
    writeFileSync(file, readFileSync(file, "utf8").replaceAll('"path":"a.txt"', '"path":"**"'));
    const before = one.place.digest();
    const calls = one.server.requests.length;
    const finished = await one.place.run(["approve", one.id]);
    expect({ code: finished.code, stderr: finished.stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/hash|changed|altered/) as unknown,
    });
    expect(one.place.digest()).toBe(before);
    expect(one.server.requests).toHaveLength(calls);
  });

  test("no file of the project can approve: a record beside the workspace changes nothing", async () => {
    const one = await waiting();
    one.place.file(".bmo/approval.json", JSON.stringify({ plan_id: one.id, hash: one.hash }));
    one.place.file("preferences/model-router.json", JSON.stringify({ approve: true }));
    const status = resultOf(await one.place.run(["-c", "--json", "/status"]));
    expect(status.plan?.state).toBe("awaiting_approval");
  });
});

test("a copy of a session executes after its own approval, the original still waits", async () => {
  const one = await waiting();
  const copy = resultOf(await one.place.run(["-c", "--fork-session", "--json", "/approve"]));
  expect(copy).toMatchObject({ exit_code: 0, result: "changed", plan: { state: "done" } });
  const { session_id } = resultOf(await one.place.run(["-c", "--json", "/status"]));
  expect(session_id).toBe(copy.session_id);
});

describe("parts of a plan", () => {
  const TWO = planInput([
    ticket("t1", { "a.txt": "modify" }),
    ticket("t2", { "b.txt": "create" }, { depends_on: ["t1"] }),
    ticket("t3", { "c.txt": "create" }),
  ]);

  test("an unselected dependency refuses; an unknown ticket too", async () => {
    const { place, server } = await waiting(TWO);
    const before = place.digest();
    expectFailure(await place.run(["-c", "-p", "/approve t2"]), 2, /t2 depends on t1/);
    expectFailure(await place.run(["-c", "-p", "/approve t9"]), 2, /no ticket t9/);
    expect(server.requests).toHaveLength(1);
    expect(place.digest()).toBe(before);
  });

  test("a selection with a note: the rest is skipped and out of scope", async () => {
    const { place, server } = await waiting(TWO, [
      ...CHANGE.slice(0, 2),
      { calls: [{ name: "write", input: { path: "c.txt", content: "c" } }] },
      { text: "changed a only" },
    ]);
    const result = resultOf(await place.run(["-c", "--json", "/approve t1 mind the spelling"]));
    expect(result).toMatchObject({ exit_code: 4, status: "denied", result: "changed a only" });
    expect(result.plan?.tickets.map(({ id, state }) => [id, state])).toEqual([
      ["t1", "done"],
      ["t2", "skipped"],
      ["t3", "skipped"],
    ]);
    expect(result.denials.map(({ tool }) => tool)).toEqual(["write"]);
    const told = server.requests.find((request) => !isPlanning(request))?.userTexts.join("\n") ?? "";
    expect(told).toContain("mind the spelling");
    expect(told).not.toContain("What t3 does");
  });

  test("two with one list", async () => {
    const { place } = await waiting(TWO, [
      ...CHANGE.slice(0, 2),
      { calls: [{ name: "write", input: { path: "b.txt", content: "b" } }] },
      { text: "changed" },
    ]);
    const result = resultOf(await place.run(["-c", "--json", "/approve t1,t2"]));
    expect(result).toMatchObject({ exit_code: 0 });
    expect(result.plan?.tickets.map(({ state }) => state)).toEqual(["done", "done", "skipped"]);
  });
});

test("the hash is that of the content alone: the same content, the same hash", async () => {
  const first = await waiting();
  const second = await waiting();
  expect(first.hash).toBe(second.hash);
  expect(first.id).not.toBe(second.id);
  expect(createHash("sha256").update("").digest("hex")).not.toBe(first.hash.replace("sha256:", ""));
});
