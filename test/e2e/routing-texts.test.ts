// The configuration blocks of the published texts, pasted as they stand, drive a run.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { createPlace, type Place } from "./harness.ts";
import { isPlanning, openServer, planInput, submit, ticket } from "./scenario.ts";
import { during, house, modelsOf, routed } from "./routing-scene.ts";
import type { VendorServer } from "../support/vendor-server.ts";

const ROUTER = {
  routingModel: "openai/gpt-5.2-codex",
  balancedModel: "openai/gpt-5.1",
  smartModel: "anthropic/claude-sonnet-4-20250514",
  codingModel: "openai/gpt-5.2",
  deepModel: "anthropic/claude-opus-4-20250514",
  dynamicTierEnabled: true,
  temperature: 0.7,
};

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Keys and addresses of two real vendors' names; models come from the catalogue. */
async function vendors(
  replies: Parameters<VendorServer["setReplies"]>[0] = () => ({ text: "ok" }),
  more = "",
): Promise<{ server: VendorServer; place: Place }> {
  const server = await openServer({ replies });
  const place = createPlace();
  place.configure(
    `${more}\n[providers.openai]\napi_key = "test-key-openai-0123456789"\nbase_url = "${server.url}/v1"\n[providers.anthropic]\napi_key = "test-key-anthropic-0123456789"\nbase_url = "${server.url}"\n`,
  );
  return { server, place };
}

describe("the model router's JSON", () => {
  const SHAPES: [string, (place: Place) => string, string][] = [
    [
      "wrapped, in the workspace",
      (place) => join(place.workspace, "preferences/model-router.json"),
      JSON.stringify({ modelRouter: ROUTER }, null, 2),
    ],
    [
      "bare, in the workspace",
      (place) => join(place.workspace, "preferences/model-router.json"),
      JSON.stringify(ROUTER),
    ],
    [
      "wrapped, beside the user's file",
      (place) => join(place.home, "bmo/preferences/model-router.json"),
      JSON.stringify({ modelRouter: ROUTER }),
    ],
    [
      "bare, beside the user's file",
      (place) => join(place.home, "bmo/preferences/model-router.json"),
      `\uFEFF${JSON.stringify(ROUTER, null, "\t")}`,
    ],
  ];
  test.each(SHAPES)("%s: every tier serves what it names, over its own vendor's wire", async (_name, path, text) => {
    const { server, place } = await vendors();
    write(path(place), text);
    const served: Record<string, unknown> = {};
    for (const [tier, flags] of [
      ["balanced", []],
      ["smart", ["--tier", "smart"]],
      ["coding", ["--tier", "CODING"]],
      ["deep", ["--tier", "deep"]],
    ] as const) {
      const { result, seen } = await during(server, () => place.run(["-p", "--json", ...flags, "what is a mutex"]));
      expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 });
      served[tier] = seen.map((request) => [request.wire, request.model, request.body["temperature"] ?? null]);
    }
    expect(served).toEqual({
      balanced: [["responses", "gpt-5.1", null]],
      smart: [["anthropic", "claude-sonnet-4-20250514", 0.7]],
      coding: [["responses", "gpt-5.2", null]],
      deep: [["anthropic", "claude-opus-4-20250514", 0.7]],
    });
  });

  test("a retired model is named once with its successor and still asked for as written", async () => {
    const { place } = await vendors();
    write(join(place.workspace, "preferences/model-router.json"), JSON.stringify({ modelRouter: ROUTER }));
    const finished = await place.run(["-p", "--tier", "deep", "what is a mutex"]);
    expect(finished.stderr.match(/claude-opus-5-5/g)).toHaveLength(1);
  });

  test("the workspace's file beats the one beside the user's; TOML of the same layer beats it", async () => {
    const { server, place } = await vendors();
    const only = (model: string): string => JSON.stringify({ modelRouter: { balancedModel: model } });
    write(join(place.home, "bmo/preferences/model-router.json"), only("openai/gpt-5.1"));
    await place.run(["-p", "one"]);
    write(join(place.workspace, "preferences/model-router.json"), only("openai/gpt-5.2"));
    await place.run(["-p", "two"]);
    place.file("bmo.toml", '[options.model_router]\nbalanced_model = "openai/gpt-5.4"\n');
    await place.run(["-p", "three"]);
    expect(modelsOf(server.requests)).toEqual(["gpt-5.1", "gpt-5.2", "gpt-5.4"]);
  });

  test.each([
    ["broken", '{ "modelRouter": { ', /model-router\.json/],
    ["a list", "[1, 2]", /model-router\.json/],
    ["a number for a model", '{"modelRouter":{"balancedModel":5}}', /model-router\.json[\s\S]*balanced_model/],
    [
      "text for a switch",
      '{"modelRouter":{"dynamicTierEnabled":"yes"}}',
      /model-router\.json[\s\S]*dynamic_tier_enabled[\s\S]*true or false/,
    ],
    ["a temperature of 9", '{"modelRouter":{"temperature":9}}', /model-router\.json[\s\S]*temperature[\s\S]*0 to 2/],
  ])("%s: exit 2 with the file's name, nothing asked", async (_name, text, cause) => {
    const { server, place } = await vendors();
    write(join(place.workspace, "preferences/model-router.json"), text);
    const finished = await place.run(["-p", "one"]);
    expect({ code: finished.code, stdout: finished.stdout, stderr: finished.stderr }).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(cause) as unknown,
    });
    expect(server.requests).toEqual([]);
  });

  test("an unknown key is named with the nearest known one, the rest serves", async () => {
    const { server, place } = await vendors();
    write(
      join(place.workspace, "preferences/model-router.json"),
      JSON.stringify({ modelRouter: { balancedModel: "openai/gpt-5.1", smrtModel: "x" } }),
    );
    const finished = await place.run(["-p", "one"]);
    expect(finished.stderr).toMatch(/smrt_?[mM]odel[\s\S]*smart_model/);
    expect(modelsOf(server.requests)).toEqual(["gpt-5.1"]);
  });
});

describe("phase models with bare ids", () => {
  test("plan and execution go to the two models of the text", async () => {
    const plan = planInput([ticket("t1", { "a.txt": "modify" })]);
    const { server, place } = await vendors((request) => (isPlanning(request) ? submit(plan) : { text: "done" }));
    place.file("a.txt", "one\n");
    place.file(
      ".bmorc.toml",
      '[options.phase_model]\nplanning_model = "claude-haiku-4-20250514"\nexecution_model = "claude-sonnet-4-20250514"\n',
    );
    const planned = await place.run(["-p", "do something"]);
    expect({ code: planned.code, stderr: planned.stderr }).toMatchObject({ code: 3 });
    expect((await place.run(["-c", "-p", "/approve"])).code).toBe(0);
    // The planning id never existed at the vendor: it is an alias, and the wire carries the id that does.
    expect(server.requests.map((request) => [request.wire, request.model])).toEqual([
      ["anthropic", "claude-haiku-4-5-20251001"],
      ["anthropic", "claude-sonnet-4-20250514"],
    ]);
  });

  test.each([
    [
      "a stage model",
      '[options.phase_model]\nplanning_model = "claude-sonnet-4-20250514"\nexecution_model = "claude-sonnet-5-5"\n',
      [],
    ],
    ["the default model", 'model = "claude-sonnet-4-20250514"\n', []],
    ["a flag's", "", ["-m", "claude-sonnet-4-20250514"]],
  ])("a retired model warns once, with its successor, and is asked for as written: %s", async (_name, toml, flags) => {
    const { server, place } = await vendors();
    place.file("bmo.toml", toml);
    const finished = await place.run(["-p", ...flags, "a question"]);
    expect(finished.stderr.match(/retired on[^\n]*claude-sonnet-5-5/g)).toHaveLength(1);
    expect(modelsOf(server.requests)).toEqual(["claude-sonnet-4-20250514"]);
  });

  test("an id that several providers have must be written in full", async () => {
    const { server, place, configure } = await house(["one-m"]);
    configure(["one-m"], {
      top: 'model = "p/one-m"',
      tables: `[providers.q]\ntype = "openai-compatible"\nbase_url = "${server.url}/v1"\n[[providers.q.models]]\nid = "one-m"\n[options.phase_model]\nplanning_model = "one-m"\nexecution_model = "q/one-m"\n`,
    });
    const finished = await place.run(["-p", "do something"]);
    expect(finished).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(
        /planning_model[\s\S]*one-m[\s\S]*ambiguous[\s\S]*p\/one-m[\s\S]*q\/one-m/,
      ) as unknown,
    });
    expect(server.requests).toEqual([]);
  });
});

describe("agents.defaults.routing", () => {
  test.each([
    ["TOML", "bmo.toml", '[agents.defaults.routing]\nenabled = true\nclassifierModel = "openai/gpt-5-mini"\n'],
    [
      "JSON",
      ".bmorc.json",
      JSON.stringify({ agents: { defaults: { routing: { enabled: true, classifierModel: "openai/gpt-5-mini" } } } }),
    ],
    [
      "YAML",
      ".bmorc.yaml",
      "agents:\n  defaults:\n    routing:\n      enabled: true\n      classifierModel: openai/gpt-5-mini\n",
    ],
  ])("%s: talk goes to the classifier's model without tools, work to the default model", async (_name, file, text) => {
    const { server, place } = await vendors(undefined, 'model = "anthropic/claude-sonnet-5-5"');
    place.file(file, text);
    const talk = routed(await place.run(["-p", "--json", "hello"]));
    const work = routed(await place.run(["-p", "--json", "fix the failing test in src/a.ts"]));
    expect([talk.routes[0]?.gate, work.routes[0]?.gate]).toEqual(["stay", "escalate"]);
    expect(server.requests.map((request) => [request.model, request.tools.length > 0])).toEqual([
      ["gpt-5-mini", false],
      ["claude-sonnet-5-5", true],
    ]);
  });

  test("enabled = false: nothing is gated", async () => {
    const { server, place } = await vendors(undefined, 'model = "anthropic/claude-sonnet-5-5"');
    place.file("bmo.toml", '[agents.defaults.routing]\nenabled = false\nclassifierModel = "openai/gpt-5-mini"\n');
    expect(routed(await place.run(["-p", "--json", "hello"])).routes[0]).toMatchObject({
      gate: null,
      model: "anthropic/claude-sonnet-5-5",
    });
    expect(modelsOf(server.requests)).toEqual(["claude-sonnet-5-5"]);
  });
});
