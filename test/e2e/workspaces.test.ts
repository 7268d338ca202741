// Places that are unusual but legal: odd names, a home that is the workspace, data inside it, a link to it, several
// runs at once.

import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isPlanning, planInput, planThen, resultOf, scene, submit, ticket, userToml, type Scene } from "./scenario.ts";
import type { ScriptedReply } from "../support/vendor-server.ts";

const PLAN = planInput([
  ticket(
    "t1",
    { "a.txt": "modify", "made.txt": "create" },
    { commands: ["bash(sh make.sh)"], verify: ["grep -q made made.txt"] },
  ),
]);
const WORK: ScriptedReply[] = [
  { calls: [{ name: "view", input: { path: "a.txt" } }] },
  {
    calls: [
      { name: "edit", input: { path: "a.txt", old: "one", new: "two" } },
      { name: "bash", input: { command: "sh make.sh" } },
    ],
  },
  { text: "worked" },
];

async function expectWorks(
  { place, server }: Scene,
  folder: string,
  environment: Record<string, string | undefined> = {},
): Promise<void> {
  writeFileSync(join(folder, "a.txt"), "one\n");
  writeFileSync(join(folder, "make.sh"), "echo made > made.txt\n");
  const options = { cwd: folder, environment };
  const planned = resultOf(await place.run(["-p", "--json", "do it"], options));
  expect({ code: planned.exit_code, error: planned.error }).toEqual({ code: 3, error: null });
  const result = resultOf(await place.run(["-c", "-p", "--json", "/approve"], options));
  expect({ code: result.exit_code, error: result.error, denials: result.denials }).toEqual({
    code: 0,
    error: null,
    denials: [],
  });
  expect(result.files.map(({ path, in_scope }) => [path, in_scope]).sort()).toEqual([
    ["a.txt", true],
    ["made.txt", true],
  ]);
  expect([readFileSync(join(folder, "a.txt"), "utf8"), readFileSync(join(folder, "made.txt"), "utf8")]).toEqual([
    "two\n",
    "made\n",
  ]);
  expect(server.requests.flatMap((request) => request.violations)).toEqual([]);
}

describe("a workspace", () => {
  test.each([
    ["blanks and quotes", 'it\'s a "place" $HOME `x`'],
    ["other scripts", "größe-日本語-ñ"],
    ["a dash in front", "-rf"],
    ["a newline", "two\nlines"],
    ["glob characters", "a[b]*{c}?"],
    ["percent and hash", "100%25#x"],
  ])("whose name holds %s", async (_name, folder) => {
    const one = await scene({ replies: planThen(PLAN, WORK) });
    const path = join(one.place.workspace, folder);
    mkdirSync(path);
    await expectWorks(one, path);
  });

  test("reached through a link is the same workspace", async () => {
    const one = await scene({ replies: () => ({ text: "hi" }) });
    const link = join(one.place.home, "link");
    symlinkSync(one.place.workspace, link);
    const first = resultOf(await one.place.run(["-p", "--json", "hello"], { cwd: link }));
    expect(resultOf(await one.place.run(["-c", "-p", "--json", "again"])).session_id).toBe(first.session_id);
    expect(
      resultOf(await one.place.run(["-c", "-p", "--json", "again", "-C", link], { cwd: one.place.home })).session_id,
    ).toBe(first.session_id);
  });

  test("that is the home directory, with the data below it", async () => {
    const one = await scene({ replies: planThen(PLAN, WORK) });
    const home = one.place.workspace;
    mkdirSync(join(home, ".config", "bmo"), { recursive: true });
    writeFileSync(join(home, ".config", "bmo", "bmo.toml"), userToml(one.server.url));
    await expectWorks(one, home, { HOME: home, BMO_HOME: undefined });
  });

  test("that holds BMO_HOME", async () => {
    const one = await scene({ replies: planThen(PLAN, WORK) });
    const data = join(one.place.workspace, "data");
    renameSync(join(one.place.home, "bmo"), data);
    await expectWorks(one, one.place.workspace, { BMO_HOME: data });
  });

  test("that was deleted under the run's feet: a clear message", async () => {
    const one = await scene({ replies: () => ({ text: "hi" }) });
    const finished = await one.place.run(["-p", "hello", "-C", "gone"]);
    expect(finished).toMatchObject({ code: 2, stdout: "" });
    expect(finished.stderr).toContain("gone");
  });
});

describe("several runs at once", () => {
  test("six plans in one workspace: six sessions, none harmed", async () => {
    const one = await scene({ replies: () => submit(PLAN) });
    const results = (
      await Promise.all(Array.from({ length: 6 }, (_, index) => one.place.run(["-p", "--json", `request ${index}`])))
    ).map(resultOf);
    expect(results.map((result) => result.exit_code)).toEqual([3, 3, 3, 3, 3, 3]);
    expect(new Set(results.map((result) => result.session_id)).size).toBe(6);
    for (const result of results) {
      const status = resultOf(await one.place.run(["-r", result.session_id ?? "", "--json", "/status"]));
      expect(status.plan).toMatchObject({ id: result.plan?.id, state: "awaiting_approval" });
    }
  });
});

describe("questions without a person", () => {
  test("ask_question is answered at once: put it into open_questions", async () => {
    const one = await scene({
      replies: (request) =>
        request.toolResults.length === 0
          ? { calls: [{ name: "ask_question", input: { question: "Red or blue?", options: ["red", "blue"] } }] }
          : submit(planInput([ticket("t1", { "a.txt": "modify" })], { open_questions: ["Red or blue?"] })),
    });
    const planned = await one.place.run(["-p", "paint it"]);
    expect(planned.code).toBe(3);
    expect(planned.stdout).toContain("Red or blue?");
    expect(one.server.requests[1]?.toolResults[0]?.text).toMatch(/nobody is here[\s\S]*open_questions/);
    const approved = await one.place.run(["-c", "-p", "/approve"]);
    expect(approved).toMatchObject({ code: 2, stdout: "" });
    expect(approved.stderr).toContain("Red or blue?");
    expect(one.server.requests.every(isPlanning)).toBe(true);
  });

  test("strict tickets refuse approval: exit 2 by command, exit 3 in advance", async () => {
    const loose = planInput([ticket("t1", { "a.txt": "modify" }, { acceptance: [], out_of_scope: [] })]);
    const one = await scene({ replies: () => submit(loose) }, { tables: "[options.phase_model]\nstrict = true" });
    expect((await one.place.run(["-p", "--approve", "do it"])).code).toBe(3);
    const refused = await one.place.run(["-c", "-p", "/approve"]);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toMatch(/t1[\s\S]*acceptance/);
    expect(one.server.requests.every(isPlanning)).toBe(true);
  });

  test("an executor that asks for a new plan again and again: twice the planner, then exit 1", async () => {
    const one = await scene({
      replies: (request) =>
        isPlanning(request) ? submit(PLAN) : { calls: [{ name: "request_replan", input: { reason: "still wrong" } }] },
    });
    writeFileSync(join(one.place.workspace, "a.txt"), "one\n");
    const result = resultOf(await one.place.run(["-p", "--json", "--approve", "do it"]));
    expect(result).toMatchObject({
      exit_code: 1,
      plan: { state: "failed" },
      error: { message: expect.stringContaining("still wrong") as unknown },
    });
    expect(one.server.requests.filter(isPlanning)).toHaveLength(3);
  });

  test("an approved, unfinished plan goes on by its id", async () => {
    const one = await scene({
      replies: planThen(planInput([ticket("t1", { "a.txt": "modify" })]), [
        { calls: [{ name: "view", input: { path: "a.txt" } }] },
        { text: "looked" },
      ]),
    });
    writeFileSync(join(one.place.workspace, "a.txt"), "one\n");
    const stopped = resultOf(await one.place.run(["-p", "--json", "--approve", "--max-turns", "2", "do it"]));
    expect(stopped).toMatchObject({ exit_code: 5, plan: { state: "executing" } });
    expect(await one.place.run(["approve", stopped.plan?.id ?? ""])).toMatchObject({ code: 0, stdout: "looked\n" });
  });
});
