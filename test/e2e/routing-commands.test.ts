// Every form of /model and /tier, headless, and how long each choice holds; what a running session shows of its
// routing; edits of the configuration between turns; log lines; temperature; fallback policy and served models.

import { describe, expect, test } from "vitest";
import { createPlace } from "./harness.ts";
import { isPlanning, planInput, submit, ticket } from "./scenario.ts";
import { during, expectWireIds, house, logOf, modelsOf, routed, type House, type HouseModel } from "./routing-scene.ts";

const MODELS: HouseModel[] = [
  { id: "default-m", scores: 60 },
  { id: "balanced-m", scores: 61 },
  { id: "coding-m", scores: 62 },
  { id: "auto-m", scores: 95 },
  { id: "mine-m", aliases: ["my-alias"], scores: 63 },
];
const TABLES =
  '[options.model_router]\nbalanced_model = "p/balanced-m"\ncoding_model = "p/coding-m"\ndynamic_tier_enabled = false\n';

async function begun(tables = TABLES): Promise<
  House & {
    ask(...flags: string[]): Promise<string>;
    say(line: string): Promise<{ code: number | null; stdout: string; stderr: string }>;
  }
> {
  const scene = await house(MODELS, { top: 'model = "p/default-m"', tables });
  const { place, server } = scene;
  expect((await place.run(["-p", "a question"])).code).toBe(0);
  return {
    ...scene,
    async ask(...flags) {
      const { seen } = await during(server, () => place.run(["-c", "-p", ...flags, "another question"]));
      expectWireIds(
        seen,
        MODELS.map((one) => one.id),
      );
      return modelsOf(seen).join(" ");
    },
    async say(line) {
      const { result, seen } = await during(server, () => place.run(["-c", "-p", line]));
      expect(seen).toEqual([]);
      return result;
    },
  };
}

describe("/model", () => {
  test("without an argument: models by provider, every binding with its origin, the next model", async () => {
    const { say } = await begun(
      `${TABLES}[options.phase_model]\nplanning_model = "tier:balanced"\nexecution_model = "auto"\n`,
    );
    const { code, stdout } = await say("/model");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^p\n {2}p\/default-m\s+200k\s+\$1\/5 per million/m);
    for (const [label, value] of [
      ["default", "p/default-m"],
      ["plan stage", "tier:balanced"],
      ["execute stage", "auto"],
      ["tier balanced", "p/balanced-m"],
      ["tier coding", "p/coding-m"],
    ])
      expect(stdout).toMatch(new RegExp(`^${label}\\s+${value}\\s+.*bmo\\.toml`, "m"));
    expect(stdout).toMatch(/^tier deep\s+unset\s+default$/m);
    expect(stdout).toMatch(/^next request: p\/balanced-m \(planning_model = tier:balanced\)/m);
    expect(stdout).not.toMatch(/^anthropic$/m);
  });

  test("without an argument, of a provider that lists no models: it is not said to lack credentials", async () => {
    const place = createPlace();
    place.file("replies.json", '{"replies":[{"text":"An answer."}]}');
    place.configure('model = "replay/m"\n[providers.replay]\ntype = "script"\nfile = "replies.json"\n');
    const { stdout } = await place.run(["-p", "/model"]);
    expect(stdout).toMatch(/^No model of the providers set up is listed; any id of theirs is taken\./);
    expect(stdout).toMatch(/^next request: replay\/m/m);
  });

  test("<provider/model> pins from the next turn, over processes, until default; a flag holds for one run", async () => {
    const { ask, say, place } = await begun();
    expect(await ask()).toBe("balanced-m");
    expect(await say("/model p/mine-m")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("p/mine-m serves from the next turn on, until /model default") as unknown,
    });
    expect([await ask(), await ask("-m", "p/coding-m"), await ask("--tier", "coding"), await ask()]).toEqual([
      "mine-m",
      "coding-m",
      "mine-m",
      "mine-m",
    ]);
    expect((await place.run(["-c", "-p", "/status"])).stdout).toMatch(/routing\s+off: pinned by \/model to p\/mine-m/);
    expect((await say("/model default")).code).toBe(0);
    expect(await ask()).toBe("balanced-m");
  });

  test("once serves one turn", async () => {
    const { ask, say } = await begun();
    await say("/model my-alias once");
    expect([await ask(), await ask()]).toEqual(["mine-m", "balanced-m"]);
  });

  test.each([
    ["/model my-alias once", "mine-m"],
    ["/tier smart once", "auto-m"],
  ])("%s waits for the next turn of the user's own: /compact is none", async (choice, model) => {
    const { ask, say, server, place } = await begun(`${TABLES}smart_model = "p/auto-m"\n`);
    await ask();
    await say(choice);
    expect((await place.run(["-c", "-p", "/compact"])).code).toBe(0);
    expect(server.requests.at(-1)?.model).toBe("balanced-m");
    expect([await ask(), await ask()]).toEqual([model, "balanced-m"]);
  });

  test("auto hands over to the phase router and is a choice: a tier beside it is ignored, with a notice", async () => {
    const { ask, say, place } = await begun();
    await say("/model auto");
    expect(await ask()).toBe("auto-m");
    expect((await say("/tier coding")).stdout).toMatch(/auto.* goes before it/);
    const beside = await place.run(["-c", "-p", "another question"]);
    expect(beside.stderr).toMatch(/\/tier is ignored: \/model auto decides/);
    const status = (await say("/status")).stdout;
    expect(status).toMatch(/^tier\s+balanced \(source: default\)$/m);
    expect(status).toMatch(/^routing\s+on: handed to the phase router by \/model auto$/m);
    expect((await say("/tier")).stdout).toBe(
      "tier: balanced (source: default); the tier coding set with /tier is ignored: /model auto decides\n",
    );
    expect((await say("/model auto once")).stdout).toMatch(/chooses the model of the next turn\./);
    await say("/model auto");
    expect((await place.run(["-c", "-p", "/why"])).stdout).toMatch(
      /p\/auto-m[\s\S]*handed to the phase router by \/model auto[\s\S]*source: phase/,
    );
    await say("/model default");
    expect(await ask()).toBe("coding-m");
    await say("/tier auto");
    expect([await ask(), await ask("-m", "auto")]).toEqual(["balanced-m", "auto-m"]);
  });

  test("holds across /approve, which says so", async () => {
    const { place, server, say } = await begun(
      `${TABLES}[options.phase_model]\nplanning_model = "p/default-m"\nexecution_model = "p/coding-m"\n`,
    );
    place.file("a.txt", "one\n");
    server.setReplies((request) =>
      isPlanning(request) ? submit(planInput([ticket("t1", { "a.txt": "modify" })])) : { text: "done" },
    );
    await say("/model p/mine-m");
    const { seen } = await during(server, async () => {
      expect((await place.run(["-c", "-p", "do it"])).code).toBe(3);
      expect((await place.run(["-c", "-p", "/status"])).stdout).toMatch(
        /execution would take\s+p\/mine-m \(pinned by \/model/,
      );
      expect((await place.run(["-c", "-p", "/approve"])).code).toBe(0);
    });
    expect(modelsOf(seen)).toEqual(["mine-m", "mine-m"]);
  });

  test("<tier> <provider/model> binds in the user's file, reset unbinds; comments there stay", async () => {
    const { place, say, ask } = await begun(`# my own words\n${TABLES}`);
    expect((await say("/model balanced p/mine-m")).stdout).toMatch(
      /Tier balanced is bound to p\/mine-m in .*bmo\.toml/,
    );
    expect(await ask()).toBe("mine-m");
    expect(place.read("../home/bmo/bmo.toml")).toMatch(/# my own words[\s\S]*balanced_model = "p\/mine-m"/);
    await say("/model balanced reset");
    expect(await ask()).toBe("default-m");
    await say("/model deep p/mine-m");
    expect(await ask("--tier", "deep")).toBe("mine-m");
  });

  test.each([
    ["/model p/mine", /p\/mine-m/],
    ["/model nowhere/x", /nowhere/],
    ["/model coding", /needs a model/],
    ["/model Coding", /model coding needs a model/],
    ["/model coding p/none", /p has no model/],
    ["/model p/mine-m twice", /twice/],
    ["/model p/mine-m once more", /does not understand/],
  ])("%s: exit 2, nothing changes", async (line, cause) => {
    const { say, ask, place } = await begun();
    const before = place.read("../home/bmo/bmo.toml");
    expect(await say(line)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(cause) as unknown });
    expect(place.read("../home/bmo/bmo.toml")).toBe(before);
    expect(await ask()).toBe("balanced-m");
  });

  test("an ambiguous id lists those it fits", async () => {
    const { place, server, say } = await begun();
    place.configure(
      `${place.read("../home/bmo/bmo.toml")}\n[providers.q]\ntype = "openai-compatible"\nbase_url = "${server.url}/v1"\n[[providers.q.models]]\nid = "mine-m"\n`,
    );
    expect(await say("/model mine-m")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/ambiguous[\s\S]*p\/mine-m[\s\S]*q\/mine-m/) as unknown,
    });
  });
});

describe("/tier", () => {
  test("shows tier and source; sets until auto, over processes; once for one turn", async () => {
    const { ask, say } = await begun();
    expect((await say("/tier")).stdout).toBe("tier: balanced (source: default)\n");
    expect((await say("/tier CODING")).code).toBe(0);
    expect((await say("/tier")).stdout).toBe("tier: coding (source: user)\n");
    expect([await ask(), await ask()]).toEqual(["coding-m", "coding-m"]);
    await say("/tier auto");
    expect(await ask()).toBe("balanced-m");
    await say("/tier coding once");
    expect([await ask(), await ask()]).toEqual(["coding-m", "balanced-m"]);
  });

  test.each([
    ["/tier bogus", /no tier "bogus"[\s\S]*balanced, coding, smart, deep/],
    ["/tier coding force", /does not understand/],
    ["/tier auto once", /./],
  ])("%s", async (line, cause) => {
    const { say } = await begun();
    const finished = await say(line);
    if (line.endsWith("auto once")) expect(finished.code).toBe(0);
    else expect(finished).toMatchObject({ code: 2, stderr: expect.stringMatching(cause) as unknown });
  });

  test("a flag that names none is exit 2 before any call", async () => {
    const { place, server } = await house(MODELS, { top: 'model = "p/default-m"' });
    expect(await place.run(["-p", "--tier", "huge", "hi"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/huge[\s\S]*balanced, coding, smart, deep/) as unknown,
    });
    expect(server.requests).toEqual([]);
  });
});

describe("log and records", () => {
  test("Tier assignment for every turn, Dynamic tier upgrade on promotion: in the log file, and on stderr with --verbose", async () => {
    const { place } = await house(MODELS, {
      top: 'model = "p/default-m"',
      tables: TABLES.replace("dynamic_tier_enabled = false\n", ""),
    });
    const quiet = await place.run(["-p", "--no-plan", "--json", "what is a mutex"]);
    const loud = await place.run(["-c", "-p", "--verbose", "Write unit tests for the parser"]);
    const session = routed(quiet).session_id;
    expect(quiet.stderr).not.toMatch(/Tier assignment/);
    expect(loud.stderr).toMatch(
      /Dynamic tier upgrade: balanced -> coding[\s\S]*Tier assignment: tier=coding source=dynamic model=p\/coding-m/,
    );
    expect(logOf(place, session).map((line) => line.replace(/^\S+ /, "").replace(/ \(by .*$/, ""))).toEqual([
      "Tier assignment: tier=balanced source=default model=p/balanced-m by=tier reasoning=none",
      "Dynamic tier upgrade: balanced -> coding",
      "Tier assignment: tier=coding source=dynamic model=p/coding-m by=escalation reasoning=none",
    ]);
    const shown = await place.run(["sessions", "show", session ?? ""]);
    expect(shown.stdout).toMatch(/^1\s+chat\s+balanced \(default\)\s+p\/balanced-m/m);
    expect(shown.stdout).toMatch(
      /^2\s+plan\s+coding \(dynamic\)\s+p\/coding-m|^2\s+chat\s+coding \(dynamic\)\s+p\/coding-m/m,
    );
  });

  test("an edited configuration serves the next turn", async () => {
    const { place, ask } = await begun();
    place.file("../home/bmo/preferences/model-router.json", '{"balancedModel":"p/coding-m"}');
    expect(await ask()).toBe("balanced-m");
    place.configure(place.read("../home/bmo/bmo.toml").replace('balanced_model = "p/balanced-m"\n', ""));
    expect(await ask()).toBe("coding-m");
    place.file("../home/bmo/preferences/model-router.json", '{"balancedModel":"p/mine-m"}');
    expect(await ask()).toBe("mine-m");
  });

  test("temperature goes only to a model that takes it, and only where a tier bound it", async () => {
    const { place, server } = await house(
      [
        { id: "warm-m", more: "temperature = true" },
        { id: "cold-m", more: "temperature = false" },
      ],
      {
        top: 'model = "p/warm-m"',
        tables: '[options.model_router]\nbalanced_model = "p/warm-m"\ncoding_model = "p/cold-m"\ntemperature = 0.3\n',
      },
    );
    for (const flags of [[], ["--tier", "coding"], ["-m", "p/warm-m"]]) await place.run(["-p", ...flags, "a question"]);
    expect(server.requests.map((request) => [request.model, request.body["temperature"] ?? null])).toEqual([
      ["warm-m", 0.3],
      ["cold-m", null],
      ["warm-m", null],
    ]);
  });
});

describe("/status says whether the router chooses", () => {
  const stages = (planning: string, execution: string): string =>
    `[options.phase_model]\nplanning_model = "${planning}"\nexecution_model = "${execution}"\n`;
  test.each([
    ["nothing set", "", "on"],
    ["a concrete planning model", stages("p/mine-m", "auto"), "off: pinned by planning_model to p/mine-m"],
    ["auto", stages("auto", "p/mine-m"), "on"],
    ["a tier", stages("tier:coding", "p/mine-m"), "on"],
  ])("%s", async (_name, tables, line) => {
    const { say } = await begun(`${TABLES}${tables}`);
    expect((await say("/status")).stdout).toContain(`\nrouting               ${line}\n`);
    await say("/tier coding");
    expect((await say("/status")).stdout).toMatch(/^routing\s+tier fixed by \/tier$/m);
    await say("/model p/coding-m");
    expect((await say("/status")).stdout).toMatch(/^routing\s+off: pinned by \/model to p\/coding-m$/m);
  });

  test("phase, gate, models and money of the last request, and what comes next", async () => {
    const { say } = await begun(`${TABLES}[options.gate]\nenabled = true\n`);
    const { stdout } = await say("/status");
    for (const row of [
      /^last model\s+p\/balanced-m$/m,
      /^next model\s+p\/balanced-m \(balanced_model, the default tier\)$/m,
      /^phase\s+plan \(confidence 0\.95, layer stage\)$/m,
      /^gate\s+on, last: escalate$/m,
      /^tokens and cost\s+p\/balanced-m: 1 calls, \d+ in, \d+ out, \$0\.0/m,
      /^total\s+\$0\.0\d+, baseline p\/\S+ \$0\.0\d+, savings -?\d/m,
    ])
      expect(stdout).toMatch(row);
  });
});

describe("fallback and served models", () => {
  const LIST =
    '[options.phase_router.preferences]\nplan = ["p/bare-m", "p/default-m", "p/auto-m", "p/mine-m"]\n[options.fallback]\n';
  // Cheapest of all, but it takes no tools: never a substitute.
  const CANDIDATES: HouseModel[] = [
    ...MODELS,
    { id: "bare-m", scores: 94, price: [0.01, 0.05], more: "tools = false" },
  ];

  test.each([
    ["fail", 'policy = "fail"', 7, ["auto-m"]],
    ["ask, which headless means fail", 'policy = "ask"', 7, ["auto-m"]],
    ["allow", 'policy = "allow"', 0, ["auto-m", "mine-m"]],
  ])("policy %s", async (_name, policy, code, models) => {
    const { place, server } = await house(
      CANDIDATES,
      { top: 'model = "auto"', tables: `${LIST}${policy}\n` },
      { faults: [{ kind: "status", status: 529, times: 1 }] },
    );
    const finished = await place.run(["-p", "--json", "plan the rollout of the new cache"]);
    expect(routed(finished).exit_code).toBe(code);
    expect(modelsOf(server.requests)).toEqual(models);
    if (code !== 0) return;
    expect(routed(finished).routes.map((route) => [route.model, route.source])).toEqual([
      ["p/auto-m", "phase"],
      ["p/mine-m", "fallback"],
    ]);
    expect(finished.stderr).toMatch(/p\/auto-m failed .*continuing with p\/mine-m/);
  });

  test.each([
    ["another model", "other-m", "other-m", /p\/default-m was asked for, but the provider answered with other-m/],
    ["the same with a date", "default-m-20261101", null, null],
    ["the same with a dashed date", "default-m-2026-11-01", null, null],
  ])("served: %s", async (_name, served, recorded, notice) => {
    const { place } = await house(
      MODELS,
      { top: 'model = "p/default-m"' },
      { replies: () => ({ text: "ok", servedModel: served }) },
    );
    const finished = await place.run(["-p", "--json", "a question"]);
    expect(routed(finished)).toMatchObject({
      exit_code: 0,
      routes: [{ model: "p/default-m", served_model: recorded }],
    });
    if (notice === null) expect(finished.stderr).not.toMatch(/was asked for/);
    else {
      expect(finished.stderr).toMatch(notice);
      expect((await place.run(["-c", "-p", "/why"])).stdout).toMatch(/served by: other-m/);
    }
  });
});
