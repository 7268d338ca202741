// Options before and after a subcommand's name, and each subcommand's own --help, as a user types them without a
// terminal.

import { expect, test } from "vitest";
import { createPlace } from "../e2e/harness.ts";
import { planInput, scene, submit, ticket } from "../e2e/scenario.ts";

const NAMES = [
  "demo",
  "init",
  "doctor",
  "models",
  "route",
  "approve",
  "sessions",
  "stats",
  "config",
  "checkpoint",
  "completion",
];

test("the value of an option before a subcommand does not hide the subcommand", async () => {
  const place = createPlace();
  place.configure('model = "anthropic/claude-sonnet-5-5"\n');
  const listed = await place.run(["-C", place.workspace, "sessions", "--json"]);
  expect({ code: listed.code, sessions: JSON.parse(listed.stdout) as unknown, stderr: listed.stderr }).toEqual({
    code: 0,
    sessions: [],
    stderr: "",
  });
  const shown = await place.run(["--preset", "fast-plan", "config", "show", "options.phase_model.planning_model"]);
  expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(/"role:fast".*preset/) as unknown });
});

test("a prompt after an option's value is still a prompt", async () => {
  const { place, server } = await scene({ replies: [{ text: "An answer." }] });
  expect(await place.run(["--tier", "balanced", "explain", "sessions"])).toMatchObject({
    code: 0,
    stdout: "An answer.\n",
  });
  expect(server.requests[0]?.userTexts.at(-1)).toContain("explain sessions");
});

test.each(NAMES)("bmo %s --help says how it is called and does nothing", async (name) => {
  const place = createPlace();
  const before = place.digest();
  const finished = await place.run([name, "--help"]);
  expect(finished).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(new RegExp(`^Usage: bmo ${name}`)) as unknown,
  });
  expect(place.digest()).toBe(before);
});

test("route takes model, tier and preset after its name", async () => {
  const place = createPlace();
  const environment = { ANTHROPIC_API_KEY: "no-key-0123456789" };
  const pinned = await place.run(["route", "--model", "anthropic/claude-haiku-5-5", "rename a variable", "--json"], {
    environment,
  });
  expect(JSON.parse(pinned.stdout)).toMatchObject({
    route: { model: "anthropic/claude-haiku-5-5", source: "user", reason: "pinned by --model for this run" },
  });
  const preset = await place.run(["route", "rename a variable", "--preset", "fast-plan", "--json"], { environment });
  expect(JSON.parse(preset.stdout)).toMatchObject({
    route: { source: "stage", reason: expect.stringContaining("role:fast") as unknown },
  });
});

test("approve takes the options of a run after the plan's id", async () => {
  const plan = planInput([ticket("t1", {})]);
  const { place } = await scene({ replies: [submit(plan), { text: "Nothing had to change." }] });
  const planned = await place.run(["-p", "look around"]);
  const id = /bmo approve (p_[0-9a-f]+) --approve-unscoped/.exec(planned.stderr)?.[1] ?? "";
  expect({ code: planned.code, id }).toEqual({ code: 3, id: expect.stringMatching(/^p_/) as unknown });
  const approved = await place.run([
    "approve",
    id,
    "--approve-unscoped",
    "--output-format",
    "stream-json",
    "--max-turns",
    "5",
  ]);
  const last = JSON.parse(approved.stdout.trimEnd().split("\n").at(-1) ?? "") as unknown;
  expect(approved.code).toBe(0);
  expect(last).toMatchObject({ type: "result", status: "done", result: "Nothing had to change." });
});
