// What routing cost and saved, as every place shows it: negative savings where switching to and fro paid for cold
// caches, unknown where a price is missing, `~` where it is an estimate.

import { describe, expect, test } from "vitest";
import { isPlanning, planInput, submit, ticket } from "./scenario.ts";
import { house, logOf, modelsOf, routed, type House, type HouseModel } from "./routing-scene.ts";
import type { SeenRequest } from "../support/vendor-server.ts";

const PREFIX = 50_000;

/** Each model reads from its cache only what it was itself sent in the call before, as vendors do. */
function pingPongUsage(): (request: SeenRequest) => {
  text: string;
  usage: { input: number; output: number; cache_read: number; cache_write: number };
} {
  let last = "";
  return (request) => {
    const warm = request.model === last;
    last = request.model;
    return {
      text: "ok",
      usage: { input: 100, output: 10, cache_read: warm ? PREFIX : 0, cache_write: warm ? 1_000 : PREFIX },
    };
  };
}

const PAIR: HouseModel[] = [
  { id: "ping-m", price: [3, 15, 0.3, 3.75] },
  { id: "pong-m", price: [2.9, 14.5, 0.29, 3.6] },
];

async function pingPong(): Promise<House> {
  const scene = await house(PAIR, { top: 'model = "p/ping-m"' }, { replies: pingPongUsage() });
  for (const [index, model] of ["ping-m", "pong-m", "ping-m", "pong-m"].entries())
    expect((await scene.place.run([...(index === 0 ? [] : ["-c"]), "-p", "-m", `p/${model}`, "a question"])).code).toBe(
      0,
    );
  return scene;
}

describe("negative savings", () => {
  test("a session that switches to and fro cost more than the baseline would have, and everything says so", async () => {
    const { place, server } = await pingPong();
    expect(modelsOf(server.requests)).toEqual(["ping-m", "pong-m", "ping-m", "pong-m"]);
    const cost = await place.run(["-c", "-p", "--json", "/cost"]);
    const result = routed(cost);
    // Exactly: every call writes the prefix again.
    const call = (input: number, output: number, cacheWrite: number): number =>
      (100 * input + 10 * output + PREFIX * cacheWrite) / 1e6;
    expect(result.cost_usd).toBeCloseTo(2 * call(3, 15, 3.75) + 2 * call(2.9, 14.5, 3.6), 9);
    expect(result.baseline.model).toBe("p/ping-m");
    expect(result.baseline.cost_usd ?? 0).toBeLessThan(result.cost_usd ?? 0);
    expect(result.savings_pct ?? 0).toBeLessThan(-50);
    expect(result.result).toMatch(/saved -\d+\.\d %/);
    expect(result.result).toMatch(/because switching models made a cache cold \(3 calls\)/);
    expect((await place.run(["-c", "-p", "/status"])).stdout).toMatch(/savings -\d+/);
    expect((await place.run(["stats"])).stdout).toMatch(/-\d+\.\d %/);
    const stats = JSON.parse((await place.run(["stats", "--json", "--by", "session"])).stdout) as {
      totals: { savings_pct: number; cost_usd: number };
    };
    expect(stats.totals).toMatchObject({ cost_usd: result.cost_usd, savings_pct: result.savings_pct });
    expect((await place.run(["-c", "-p", "/why"])).stdout).toMatch(/savings -\d+\.\d %/);
  });

  test("the baseline is the model that the configuration names, where it names one", async () => {
    const { place, configure } = await house([], { top: 'model = "p/ping-m"' });
    configure([...PAIR, { id: "grand-m", price: [29, 145] }], {
      top: 'model = "p/ping-m"',
      tables: '[options.phase_router]\nbaseline_model = "p/pong-m"\n',
    });
    expect(routed(await place.run(["-p", "--json", "a question"])).baseline.model).toBe("p/pong-m");
    configure([...PAIR, { id: "grand-m", price: [29, 145] }], { top: 'model = "p/ping-m"' });
    const dearest = routed(await place.run(["-p", "--json", "a question"]));
    expect(dearest.baseline.model).toBe("p/grand-m");
    expect(dearest.savings_pct).toBeCloseTo(89.66, 1);
    expect(dearest.routes.map((route) => route.savings_pct)).toEqual([dearest.savings_pct]);
  });
});

describe("unknown prices", () => {
  test("are unknown everywhere, null in JSON, never 0", async () => {
    const { place } = await house([{ id: "dark-m", price: null }, { id: "lit-m" }], { top: 'model = "p/dark-m"' });
    const first = await place.run(["-p", "--json", "a question"]);
    expect(routed(first)).toMatchObject({
      cost_usd: null,
      savings_pct: null,
      routes: [{ cost_usd: null, savings_pct: null }],
    });
    const mixed = routed(await place.run(["-c", "-p", "--json", "-m", "p/lit-m", "another"]));
    expect(mixed).toMatchObject({ cost_usd: null, savings_pct: null });
    expect(mixed.routes[1]?.cost_usd).toBeGreaterThan(0);
    const cost = (await place.run(["-c", "-p", "/cost"])).stdout;
    expect(cost).toMatch(/p\/dark-m.*unknown/);
    expect(cost).toMatch(/total.*unknown/);
    expect(cost).toContain("No price is known for p/dark-m");
    expect((await place.run(["-c", "-p", "/status"])).stdout).toMatch(/total\s+unknown/);
    expect((await place.run(["stats"])).stdout).toMatch(/p\/dark-m.*unknown/);
    expect(JSON.parse((await place.run(["stats", "--json"])).stdout)).toMatchObject({
      totals: { cost_usd: null, savings_pct: null },
      rows: [{ key: "p/dark-m", cost_usd: null }, { key: "p/lit-m" }],
    });
    expect((await place.run(["-c", "-p", "/why"])).stdout).toMatch(
      /p\/dark-m {2}capability unknown, about unknown a step/,
    );
    expect((await place.run(["sessions", "show", mixed.session_id ?? ""])).stdout).toMatch(/^1\s.*unknown/m);
  });

  test("the session's log still says tier and model", async () => {
    const { place } = await house([{ id: "dark-m", price: null }], { top: 'model = "p/dark-m"' });
    const { session_id: session } = routed(await place.run(["-p", "--json", "a question"]));
    expect(logOf(place, session).join("\n")).toMatch(/Tier assignment: tier=balanced source=default model=p\/dark-m/);
  });
});

describe("estimated prices", () => {
  test("are marked with ~ wherever money is shown, and named in JSON", async () => {
    const { place, server, configure } = await house([]);
    // A model whose price the catalogue has at second hand.
    configure([], {
      top: 'model = "minimax/MiniMax-M3.1-Flash"',
      tables: `[providers.minimax]\nbase_url = "${server.url}/v1"\napi_key = "test-key-mm-0123456789"\n`,
    });
    const result = routed(await place.run(["-p", "--json", "a question"]));
    expect(result.exit_code).toBe(0);
    expect(result).toMatchObject({
      cost_is_estimate: true,
      baseline: { cost_is_estimate: true },
      routes: [{ cost_is_estimate: true, baseline_is_estimate: true, candidates: [{ price_is_estimate: true }] }],
    });
    expect(result.cost_usd).toBeGreaterThan(0);
    const cost = (await place.run(["-c", "-p", "/cost"])).stdout;
    expect(cost).toMatch(/minimax\/MiniMax-M3\.1-Flash.*~\$0\.0/);
    expect(cost).toContain("~ marks an estimated price.");
    expect((await place.run(["-c", "-p", "/status"])).stdout).toMatch(
      /tokens and cost\s+.*~\$0\.0[\s\S]*total\s+~\$0\.0/,
    );
    expect((await place.run(["stats"])).stdout).toMatch(/~\$0\.0/);
    expect((await place.run(["stats", "--by", "day"])).stdout).toMatch(/~\$0\.0/);
    expect((await place.run(["sessions", "show", result.session_id ?? ""])).stdout).toMatch(/~\$0\.0/);
    // With this one model every figure is an estimate: the call's, the baseline's, what a step would cost.
    const shown = [
      ["-c", "-p", "/cost"],
      ["-c", "-p", "/status"],
      ["-c", "-p", "/why"],
      ["-c", "-p", "/sessions"],
      ["sessions"],
      ["sessions", "show"],
      ["stats"],
      ["route", "a question"],
    ];
    for (const args of shown) {
      const { stdout } = await place.run(args);
      expect({ args, unmarked: stdout.match(/(?<!~)\$0\.\d+/g), marked: /~\$0\.0/.test(stdout) }).toEqual({
        args,
        unmarked: null,
        marked: true,
      });
    }
  });

  test("so is what a ticket cost", async () => {
    const { place, server, configure } = await house(
      [],
      {},
      {
        replies: (request) =>
          isPlanning(request) ? submit(planInput([ticket("t1", { "a.txt": "modify" })])) : { text: "done" },
      },
    );
    const top = 'model = "minimax/MiniMax-M3.1-Flash"';
    configure([], {
      top,
      tables: `[providers.minimax]\nbase_url = "${server.url}/v1"\napi_key = "test-key-mm-0123456789"\n[options.phase_model]\nunit = "ticket"\n`,
    });
    place.file("a.txt", "one\n");
    const finished = await place.run(["-p", "--approve", "--output-format", "stream-json", "change it"]);
    expect(finished.code).toBe(0);
    expect(
      finished.stdout
        .split("\n")
        .filter((line) => line.startsWith('{"type":"ticket_end"'))
        .map((line) => JSON.parse(line) as object),
    ).toMatchObject([{ ticket: "t1", cost_is_estimate: true }]);
    expect(finished.stderr).toMatch(/cost by ticket: t1 ~\$0\.0/);
  });
});

describe("where the books are kept apart", () => {
  test("bmo stats by each key agrees with the calls that were made", async () => {
    const { place, server } = await house(
      [{ id: "a-m" }, { id: "coding-m" }],
      { top: 'model = "p/a-m"', tables: '[options.model_router]\ncoding_model = "p/coding-m"\n' },
      { replies: () => ({ text: "ok", usage: { input: 1_000, output: 100, cache_read: 500, cache_write: 200 } }) },
    );
    await place.run(["-p", "what is a mutex"]);
    await place.run(["-p", "--no-plan", "--tier", "coding", "Write unit tests for the parser"]);
    expect(modelsOf(server.requests)).toEqual(["a-m", "coding-m"]);
    const by = async (key: string): Promise<unknown> =>
      (
        JSON.parse((await place.run(["stats", "--json", "--by", key])).stdout) as {
          rows: { key: string; calls: number; cost_usd: number }[];
        }
      ).rows.map((row) => [row.key, row.calls, row.cost_usd]);
    const cost = (1_000 * 1 + 100 * 5 + 500 * 0.1 + 200 * 1.25) / 1e6;
    expect(await by("model")).toEqual([
      ["p/a-m", 1, cost],
      ["p/coding-m", 1, cost],
    ]);
    expect(await by("stage")).toEqual([
      ["chat", 1, cost],
      ["plan", 1, cost],
    ]);
    expect(await by("tier")).toEqual([
      ["balanced", 1, cost],
      ["coding", 1, cost],
    ]);
    expect(await by("phase")).toEqual([
      ["plan", 1, cost],
      ["test", 1, cost],
    ]);
    expect(await by("day")).toEqual([[expect.stringMatching(/^\d{4}-\d\d-\d\d$/), 2, 2 * cost]]);
    expect(await by("session")).toHaveLength(2);
    expect(await place.run(["stats", "--by", "modle"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Did you mean model/) as unknown,
    });
  });

  test("the gate's and the classifier's calls are in the books of their turn", async () => {
    const { place } = await house(
      [{ id: "a-m" }, { id: "small-m" }],
      { top: 'model = "p/a-m"', tables: '[options.gate]\nenabled = true\nmodel = "p/small-m"\n' },
      {
        replies: (request) => ({
          text: request.model === "small-m" ? "escalate" : "ok",
          usage: { input: 100, output: 10, cache_read: 0, cache_write: 0 },
        }),
      },
    );
    const result = routed(await place.run(["-p", "--json", "how do ducks sleep while they float"]));
    expect(result.cost_usd).toBeCloseTo((2 * (100 * 1 + 10 * 5)) / 1e6, 12);
    const shown = (await place.run(["-c", "-p", "/cost"])).stdout;
    expect(shown).toMatch(/p\/small-m\s+1\s/);
  });
});
