// `bmo route` without network and without any key, and `bmo route replay` of sessions that the program itself wrote.

import { execFile } from "node:child_process";
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { BMO, cleanEnvironment, createPlace, type Place } from "./harness.ts";
import { isPlanning, planInput, submit, ticket } from "./scenario.ts";
import { house, routed, type HouseModel } from "./routing-scene.ts";
import { needNetworkNamespace } from "../support/need.ts";

const run = promisify(execFile);

interface DryRun {
  route: { model: string; source: string; reason: string; phase: string; candidates: { rejected: string | null }[] };
  message: { phase: string; tier: string; gate: string };
  notices: string[];
}

async function cutOff(place: Place, args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run("unshare", ["-rn", process.execPath, BMO, ...args], {
    cwd: place.workspace,
    env: cleanEnvironment({ HOME: place.home, BMO_HOME: `${place.home}/bmo` }),
  });
}

const cut = needNetworkNamespace();

describe.skipIf(cut.missing)(cut.title("with the network cut"), () => {
  test.each([
    ["fix the failing login test", "debug"],
    ["thanks a lot", null],
    ["Write unit tests for the parser", "test"],
  ])("a dry run of %j decides, without a key", async (message, phase) => {
    const place = createPlace();
    const { stdout } = await cutOff(place, ["route", message, "--json"]);
    const { route, message: reading, notices } = JSON.parse(stdout) as DryRun;
    expect(route.model).toMatch(/^\w+\/\S+$/);
    expect(notices.join()).toMatch(/No provider has credentials/);
    if (phase !== null) expect(reading.phase).toBe(phase);
    expect(route.candidates.filter((one) => one.rejected === null)).toHaveLength(1);
  });

  test("text, history, stage, eval and replay too", async () => {
    const { place } = await house(["m-1"], { top: 'model = "p/m-1"' });
    const { session_id: session } = routed(await place.run(["-p", "--json", "a question"]));
    place.file(
      "history.jsonl",
      '{"role":"user","text":"run the tests"}\n{"tool":"bash","command":"npm test","ok":false,"output_excerpt":"1 failed"}\n',
    );
    place.file("cases.jsonl", '{"id":"a","message":"fix the crash","label":"debug"}\n');
    expect((await cutOff(place, ["route", "go on", "--history", "history.jsonl", "--stage", "chat"])).stdout).toMatch(
      /phase debug .*\(history\)/,
    );
    expect((await cutOff(place, ["route", "eval", "cases.jsonl"])).stdout).toMatch(/phase: 1 cases/);
    expect((await cutOff(place, ["route", "replay", session ?? ""])).stdout).toMatch(/1 decision, no difference/);
  });
});

test("a dry run, an evaluation and a replay open no connection and look up no name, where the network cannot be cut too", async () => {
  const { place } = await house(["m-1"], { top: 'model = "p/m-1"' });
  const { session_id: session } = routed(await place.run(["-p", "--json", "a question"]));
  place.file("cases.jsonl", '{"id":"a","message":"fix the crash","label":"debug"}\n');
  place.file(
    "../cut.cjs",
    'const fail = () => { throw new Error("NETWORK USED"); };\nrequire("node:net").Socket.prototype.connect = fail;\nconst dns = require("node:dns");\nfor (const name of ["lookup", "resolve", "resolve4", "resolve6"]) { dns[name] = fail; dns.promises[name] = fail; }\nglobalThis.fetch = fail;\n',
  );
  const environment = { NODE_OPTIONS: `--require ${join(place.workspace, "../cut.cjs")}` };
  for (const args of [
    ["route", "fix the login"],
    ["route", "eval", "cases.jsonl"],
    ["route", "replay", session ?? ""],
  ]) {
    const finished = await place.run(args, { environment });
    expect({ args, code: finished.code, stderr: finished.stderr }).toEqual({ args, code: 0, stderr: "" });
  }
  // The proof that the cut works: a turn cannot be served.
  expect((await place.run(["-p", "a question"], { environment })).code).toBe(7);
});

const SCORED: HouseModel[] = [
  { id: "planner-m", scores: { plan: 95, implement: 52, test: 52, document: 62 } },
  { id: "builder-m", scores: { plan: 55, implement: 95, test: 95, document: 62 } },
  { id: "other-m", price: [1.2, 6], scores: { plan: 55, implement: 94, test: 94, document: 62 } },
  { id: "writer-m", scores: { plan: 55, implement: 55, test: 55, document: 95 } },
];
const TABLES = '[options.phase_model]\nplanning_model = "auto"\nexecution_model = "auto"\nunit = "ticket"\n';

/** Talk, a plan, its tickets, a pinned turn: all in one session file. */
async function lived(): Promise<{
  place: Place;
  session: string;
  path: string;
  configure: Awaited<ReturnType<typeof house>>["configure"];
}> {
  const plan = planInput([
    ticket("t1", { "a.txt": "modify" }, { phase: "implement" }),
    ticket("t2", { "b.md": "modify" }, { phase: "document" }),
  ]);
  const { place, server, configure } = await house(SCORED, { top: 'model = "p/planner-m"', tables: TABLES });
  place.file("a.txt", "one\n");
  place.file("b.md", "one\n");
  server.setReplies((request) =>
    isPlanning(request) && (request.userTexts.at(-1) ?? "").includes("retry") ? submit(plan) : { text: "ok" },
  );
  const first = routed(await place.run(["-p", "--json", "a question"]));
  expect((await place.run(["-c", "-p", "add the retry logic"])).code).toBe(3);
  expect((await place.run(["-c", "-p", "/approve"])).code).toBe(0);
  expect((await place.run(["-c", "-p", "--model", "p/writer-m", "another question"])).code).toBe(0);
  const session = first.session_id ?? "";
  const name =
    readdirSync(`${place.home}/bmo`, { recursive: true, encoding: "utf8" }).find((one) =>
      one.endsWith(`${session}.jsonl`),
    ) ?? "";
  return { place, session, path: join(place.home, "bmo", name), configure };
}

describe("replay of a session that was lived", () => {
  test("the same configuration: no difference; by id and by path", async () => {
    const { place, session, path } = await lived();
    for (const name of [session, path])
      expect(await place.run(["route", "replay", name])).toMatchObject({
        code: 0,
        stdout: `${session}: 5 decisions, no difference\n`,
      });
  });

  test("a dearer builder: the ticket it served goes elsewhere, with both costs; nothing else changes; nothing is written", async () => {
    const { place, session, path, configure } = await lived();
    configure(
      SCORED.map((one) => (one.id === "builder-m" ? { ...one, price: [3, 15] } : one)),
      { top: 'model = "p/planner-m"', tables: TABLES },
    );
    const before = readFileSync(path);
    const finished = await place.run(["route", "replay", session, "--json"]);
    const { differences } = JSON.parse(finished.stdout) as {
      differences: { ticket: string; before: string; after: string; cost_before: number; cost_after: number }[];
    };
    expect(differences).toMatchObject([{ ticket: "t1", before: "p/builder-m", after: "p/other-m" }]);
    expect(differences[0]?.cost_before).toBeGreaterThan(0);
    expect(differences[0]?.cost_after).toBeGreaterThan(0);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect((await place.run(["route", "replay", session])).stdout).toMatch(
      /5 decisions, 1 different\n {2}turn 3 ticket t1: p\/builder-m -> p\/other-m \(.*\); cost \$\S+ -> \$\S+/,
    );
  });

  test("what it would have cost is priced as the ledger prices: exactly, and dearer above a length", async () => {
    const { place, session, configure } = await lived();
    const pinned = 'model = "p/planner-m"\n';
    const stages = '[options.phase_model]\nplanning_model = "p/writer-m"\nexecution_model = "p/writer-m"\n';
    const costs = async (more: string): Promise<number[]> => {
      configure(
        SCORED.map((one) => (one.id === "writer-m" ? { ...one, price: [0.1, 0.3], more } : one)),
        { top: pinned, tables: stages },
      );
      return (
        JSON.parse((await place.run(["route", "replay", session, "--json"])).stdout) as {
          differences: { cost_after: number }[];
        }
      ).differences.map((one) => one.cost_after);
    };
    const usual = await costs("");
    const long = await costs("long_context = { above = 10, input = 1, output = 3 }");
    expect(usual.length).toBeGreaterThan(1);
    expect(long.map((cost) => cost.toFixed(12))).toEqual(usual.map((cost) => (10 * cost).toFixed(12)));
    expect(usual.filter((cost) => String(cost).length > 12)).toEqual([]);
  });

  test("--config: another file takes the project's place", async () => {
    const { place, session } = await lived();
    place.file(
      "../other.toml",
      '[options.phase_model]\nplanning_model = "p/writer-m"\nexecution_model = "p/writer-m"\n',
    );
    const { stdout } = await place.run(["route", "replay", session, "--config", "../other.toml", "--json"]);
    expect((JSON.parse(stdout) as { differences: { after: string }[] }).differences.map((one) => one.after)).toEqual([
      "p/writer-m",
      "p/writer-m",
      "p/writer-m",
    ]);
  });

  test("a torn last line and a line of another program: a notice, the rest is replayed", async () => {
    const { place, session, path } = await lived();
    appendFileSync(path, '{"type":"rou');
    expect(await place.run(["route", "replay", session])).toMatchObject({
      code: 0,
      stdout: `${session}: 5 decisions, no difference\n`,
      stderr: expect.stringMatching(/line/) as unknown,
    });
  });

  test.each([
    ["another kind of file", "hello, world\n"],
    ["an empty file", ""],
    ["JSON of something else", '{"a":1}\n{"b":2}\n'],
    ["bytes", "\0\u0001\u0002"],
  ])("%s is exit 2 that names it", async (_name, text) => {
    const place = createPlace();
    writeFileSync(join(place.workspace, "odd.jsonl"), text);
    const finished = await place.run(["route", "replay", "odd.jsonl"]);
    expect({ code: finished.code, stdout: finished.stdout, stderr: finished.stderr }).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/odd\.jsonl/) as unknown,
    });
    expect(finished.stderr).not.toMatch(/^\s+at /m);
  });

  test("an unknown id is exit 2", async () => {
    const place = createPlace();
    expect(await place.run(["route", "replay", "20260101-000000000-abcdef"])).toMatchObject({ code: 2, stdout: "" });
  });
});
