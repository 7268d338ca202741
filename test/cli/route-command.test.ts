// `bmo route`: dry run, replay and evaluation as a user runs them, with real files and no network.

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createRouteCommand, type RecordedSession, type RouteServices } from "../../src/cli/route-command.ts";
import type { SubcommandIo } from "../../src/cli/subcommand.ts";
import { BmoError } from "../../src/util/errors.ts";
import { callSubcommand } from "./io.ts";
import { model, partsOf, settings } from "../router/support.ts";

const MODELS = [model("house/default", { all: 60 }), model("house/strong", { price: [4, 20], all: 92 })];
const folder = mkdtempSync(join(tmpdir(), "bmo-route-"));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function run(
  args: string[],
  more: { json?: boolean; services?: Partial<RouteServices> } = {},
): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const io: SubcommandIo = {
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    environment: {},
    workspace: folder,
    home: folder,
    isTerminal: false,
    json: more.json ?? false,
    question: () => Promise.reject(new Error("asked")),
  };
  const services: RouteServices = {
    settings: settings((value) => void (value.options.staged_workflow.enabled = false)),
    parts: partsOf(MODELS),
    readSession: (name) => Promise.reject(new BmoError("usage", `no session ${name}`)),
    readText: (path) => Promise.resolve(readFileSync(path, "utf8")),
    writeText: (path, text) => Promise.resolve(writeFileSync(path, text)),
    ...more.services,
  };
  const code = await callSubcommand(
    createRouteCommand(() => Promise.resolve(services)),
    args,
    { io },
  );
  return { code, out, err };
}

describe("dry run", () => {
  test("says model, reason, phase, tier and candidates", async () => {
    const named = settings((value) => {
      value.options.staged_workflow.enabled = false;
      value.options.roles.capable = "house/strong";
    });
    const { code, out, err } = await run(["why", "does", "the", "login", "crash"], { services: { settings: named } });
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("house/default");
    expect(out).toContain("phase debug");
    expect(out).toMatch(/house\/strong {2}capability 92, about \$0\.\d+ a step: not asked for/);
  });
  test("is the same object twice, but for the time taken", async () => {
    const strip = (text: string): unknown => {
      const value = JSON.parse(text) as { route: { decide_ms: number } };
      value.route.decide_ms = 0;
      return value;
    };
    const [first, second] = [
      await run(["fix the crash"], { json: true }),
      await run(["fix the crash"], { json: true }),
    ];
    expect(strip(first.out)).toEqual(strip(second.out));
    expect(strip(first.out)).toMatchObject({
      route: { model: "house/default", phase: "debug", source: "default", turn: 1 },
      message: { gate: "escalate" },
    });
  });
  test("reads a history as JSON lines or as an array", async () => {
    const event = { tool: "bash", command: "npm test", ok: false, output_excerpt: "1 failed" };
    for (const path of [file("h.jsonl", `${JSON.stringify(event)}\n`), file("h.json", JSON.stringify([event]))]) {
      const { out } = await run(["go on", "--history", path], { json: true });
      expect(JSON.parse(out)).toMatchObject({ message: { phase: "debug", phase_layer: "history" } });
    }
  });
  test("works without any key or configuration, and says what it supposed", async () => {
    const parts = partsOf(MODELS, {
      defaultModel: (providers) => (providers.includes("house") ? "house/strong" : null),
    });
    const bare = { ...parts, registry: { ...parts.registry, providers: () => [] } };
    const { code, out, err } = await run(["hello"], {
      services: { parts: bare, settings: settings((value) => void (value.model = null)) },
    });
    expect([code, out.includes("house/strong")]).toEqual([0, true]);
    expect(err).toContain("No provider has credentials");
  });
  test.each([
    [[], "needs a message"],
    [["--histroy", "x", "hi"], "does not take --histroy"],
    [["hi", "--history"], "needs a value"],
    [["hi", "--stage", "gate"], "--stage cannot be gate; allowed: plan, execute, chat"],
    [["hi", "--history", "broken"], "broken:1: not JSON"],
  ])("%j is wrong usage", async (args, phrase) => {
    const read: Partial<RouteServices> = { readText: () => Promise.resolve("{broken") };
    await expect(run(args, { services: read })).rejects.toThrow(phrase);
  });
});

describe("replay", () => {
  const recorded = async (): Promise<RecordedSession> => {
    const { out } = await run(["why does it crash"], { json: true });
    const { route } = JSON.parse(out) as { route: RecordedSession["routes"][number] };
    return {
      id: "s1",
      routes: [{ ...route, cost_usd: 0.5 }],
      texts: new Map([[1, "why does it crash"]]),
      usage: new Map([[route.id, { input: 1_000_000, output: 100_000, cache_read: 0, cache_write: 0 }]]),
      notices: ["a torn last line was skipped"],
    };
  };
  test("of the same configuration shows no difference", async () => {
    const session = await recorded();
    const { code, out, err } = await run(["replay", "s1"], {
      services: { readSession: () => Promise.resolve(session) },
    });
    expect([code, out]).toEqual([0, "s1: 1 decision, no difference\n"]);
    expect(err).toContain("torn last line");
  });
  test("with another configuration prints choice and cost", async () => {
    const session = await recorded();
    const other = settings((value) => {
      value.model = "house/strong";
    });
    const { out } = await run(["replay", "s1"], {
      json: true,
      services: { readSession: () => Promise.resolve(session), settings: other },
    });
    expect(JSON.parse(out)).toMatchObject({
      session: "s1",
      routes: 1,
      skipped: 0,
      differences: [{ turn: 1, before: "house/default", after: "house/strong", cost_before: 0.5, cost_after: 6 }],
    });
  });
  test("of an unknown session is wrong usage", async () => {
    await expect(run(["replay", "nope"])).rejects.toMatchObject({ code: "usage" });
  });
});

describe("eval", () => {
  const phases = [
    { id: "a", message: "fix the crash on start", label: "debug", also_ok: [], kind: "keyword", why: "" },
    { id: "b", message: "write unit tests for the parser", label: "test", also_ok: [], kind: "keyword", why: "" },
    {
      id: "c",
      message: "rename the variable x to y",
      label: "plan",
      also_ok: [],
      kind: "adversarial",
      why: "wrong on purpose",
    },
  ];
  const lines = (rows: object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

  test("scores, and writes predictions that name every case once", async () => {
    const path = file("phase.jsonl", lines(phases));
    const target = join(folder, "out.jsonl");
    const { code, out } = await run(["eval", path, "--predictions", target], { json: true });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      what: "phase",
      cases: 3,
      accuracy: 2 / 3,
      per_kind: { keyword: { cases: 2, accuracy: 1 }, adversarial: { cases: 1, accuracy: 0 } },
      confusion: { debug: { debug: 1 }, test: { test: 1 }, plan: { small_edit: 1 } },
      cost: { cases: 3 },
    });
    const predictions = readFileSync(target, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(
      predictions.map((one) => [
        one["id"],
        one["label"],
        typeof one["confidence"],
        typeof one["layer"],
        typeof one["ms"],
      ]),
    ).toEqual([
      ["a", "debug", "number", "string", "number"],
      ["b", "test", "number", "string", "number"],
      ["c", "small_edit", "number", "string", "number"],
    ]);
  });
  test("knows gate and tier cases by their labels; a tier in effect is kept", async () => {
    const gate = await run(
      [
        "eval",
        file(
          "gate.jsonl",
          lines([
            { id: "g", message: "hi", label: "stay", also_ok: [] },
            { id: "h", message: "rm -rf x", label: "escalate", also_ok: [] },
          ]),
        ),
      ],
      { json: true },
    );
    expect(JSON.parse(gate.out)).toMatchObject({
      what: "gate",
      accuracy: 1,
      gate: { wrongly_kept: [0, 1], wrongly_escalated: [0, 1] },
    });
    const tier = await run(
      [
        "eval",
        file(
          "tier.jsonl",
          lines([
            {
              id: "t",
              message: "implement a tree",
              label: "balanced",
              also_ok: [],
              current: { tier: "balanced", source: "user" },
            },
          ]),
        ),
      ],
      { json: true },
    );
    expect(JSON.parse(tier.out)).toMatchObject({ what: "tier", accuracy: 1 });
  });
  test("prints a readable report", async () => {
    const { out } = await run(["eval", file("p.jsonl", lines(phases))]);
    expect(out).toContain("accuracy            66.7 %");
    expect(out).toMatch(/always the dearest \$\d/);
  });
  test.each([
    ["", "holds no cases"],
    ['{"id":1}', ':1: "id" must be a text'],
    ["nonsense", ":1: not JSON"],
    [lines([phases[0] ?? {}, phases[0] ?? {}]), "occurs twice"],
  ])("bad cases %j name file and line", async (text, phrase) => {
    await expect(run(["eval", file("bad.jsonl", text)])).rejects.toThrow(phrase);
  });
});
