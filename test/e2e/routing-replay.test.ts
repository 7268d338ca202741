// `bmo route replay` over 1,000 generated sessions, written by the real store and read back by the command: no
// difference with the same configuration, and with one price changed exactly those that arithmetic from the published
// formula says.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { routeServices } from "../../src/cli/route-services.ts";
import { createRouteCommand } from "../../src/cli/route-command.ts";
import { routerTables } from "../../src/cli/router-parts.ts";
import { createRegistry } from "../../src/providers/index.ts";
import { createRouter } from "../../src/router/index.ts";
import { createSession } from "../../src/session/store.ts";
import type { SubcommandIo } from "../../src/cli/subcommand.ts";
import { callSubcommand } from "../cli/io.ts";
import type { ModelRegistry, Phase } from "../../src/types/provider.ts";
import type { Route, RouteContext } from "../../src/types/route.ts";
import type { LoadedSettings, Settings } from "../../src/types/settings.ts";
import { readCaseFile } from "../router/cases.ts";
import { context, NEVER, settings } from "../router/support.ts";

type Figures = Record<string, { price: [input: number, output: number, read: number, write: number]; score: number }>;
const FIGURES: Figures = {
  "house/default": { price: [1, 4, 0.1, 1.25], score: 60 },
  "house/strong": { price: [4, 20, 0.4, 5], score: 92 },
  "house/mid": { price: [1.5, 6, 0.15, 1.9], score: 78 },
  "house/weak": { price: [1, 4, 0.1, 1.25], score: 30 },
  "house/small": { price: [0.2, 0.8, 0.02, 0.25], score: 55 },
};
const DEARER: Figures = { ...FIGURES, "house/mid": { price: [3.2, 13, 0.3, 4], score: 78 } };
const PHASES: Phase[] = ["plan", "implement", "debug", "test", "refactor", "document", "small_edit"];
/** Fresh input and output tokens of a step and smallest capability, per phase. */
const STEPS: Record<Phase, [input: number, output: number, floor: number]> = {
  plan: [3_000, 2_500, 50],
  implement: [2_500, 1_800, 50],
  debug: [3_500, 1_200, 50],
  test: [2_500, 1_600, 50],
  refactor: [3_000, 2_000, 50],
  document: [2_000, 1_000, 60],
  small_edit: [1_200, 300, 60],
};

function withFigures(value: Settings, figures: Figures): Settings {
  const models = Object.entries(figures).map(
    ([
      id,
      {
        price: [input, output, cache_read, cache_write],
        score,
      },
    ]) => ({
      id: id.slice("house/".length),
      context_window: 400_000,
      max_output: 8_000,
      price: { input, output, cache_read, cache_write },
      scores: Object.fromEntries(PHASES.map((phase) => [phase, score])),
    }),
  );
  return {
    ...value,
    model: "house/default",
    providers: { house: { type: "openai-compatible", base_url: "http://127.0.0.1:9/v1", models } },
    options: {
      ...value.options,
      phase_router: {
        ...value.options.phase_router,
        preferences: Object.fromEntries(PHASES.map((phase) => [phase, Object.keys(figures)])),
      },
    },
  };
}

function registryFor(value: Settings): ModelRegistry {
  return createRegistry({
    settings: value,
    environment: {},
    runKeyCommand: () => Promise.reject(new Error("no keys here")),
    onKey: () => undefined,
    baseDirectory: "/",
    now: () => new Date("2026-11-21T12:00:00Z"),
  });
}

function dice(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
}

const MESSAGES = ["implement", "debug", "plan", "document", "small_edit", "test"]
  .flatMap((name) => readCaseFile(`phase/${name}`).slice(0, 60))
  .concat(readCaseFile("gate/stay").slice(0, 40));

function someSettings(draw: (below: number) => number): Settings {
  const pick = (...choices: (string | null)[]): string | null => choices[draw(choices.length)] ?? null;
  return withFigures(
    settings((value) => {
      value.options.phase_model.planning_model = pick(null, "auto", "house/strong", "tier:smart", "tier:balanced");
      value.options.phase_model.execution_model = pick(null, "auto", "house/mid", "tier:coding");
      Object.assign(value.options.model_router, {
        balanced_model: pick(null, "house/small", "house/weak"),
        coding_model: pick(null, "house/mid"),
        smart_model: pick(null, "house/strong"),
        dynamic_tier_enabled: draw(4) > 0,
      });
      value.options.phase_router.enabled = draw(2) === 0;
      value.options.gate.enabled = draw(3) === 0;
    }),
    FIGURES,
  );
}

interface Stored {
  path: string;
  value: Settings;
  routes: Route[];
}

let folder = "";
const stored: Stored[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bmo-replay-"));
  for (let seed = 1; seed <= 1_000; seed++) stored.push(await store(seed));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A session of one to four turns, decided by the real router and written by the real store. */
async function store(seed: number): Promise<Stored> {
  const draw = dice(seed);
  const value = someSettings(draw);
  const router = createRouter({ registry: registryFor(value), ...routerTables });
  const log = createSession({
    dataDirectory: folder,
    workspace: "/w",
    // Ids of sessions of the same millisecond differ in three bytes only, which a thousand would meet now and then.
    now: () => new Date(Date.UTC(2026, 10, 21, 12, 0, 0, seed)),
    redact: (text: string) => text,
  });
  const routes: Route[] = [];
  let previous: RouteContext["previous"] = null;
  for (let turn = 1; turn <= 1 + draw(4); turn++) {
    const message = MESSAGES[draw(MESSAGES.length)] ?? "";
    const turnContext = context({
      settings: value,
      message,
      turn,
      previous,
      stage: (["plan", "execute", "chat"] as const)[draw(3)] ?? "chat",
      workflowEnabled: draw(2) === 0,
      pending: draw(3) === 0,
      overrides: {
        model: draw(6) === 0 ? { value: draw(2) === 0 ? "auto" : "house/mid", once: false, from: "command" } : null,
        tier: draw(6) === 0 ? { value: "deep", once: false, from: "command" } : null,
      },
      skill:
        draw(5) === 0 ? { name: "s", tier: "smart", activatedBy: draw(2) === 0 ? "user" : "model", turn: 1 } : null,
      needs: { tools: true, vision: false, contextTokens: draw(draw(2) === 0 ? 2_000 : 60_000) },
    });
    log.append({ type: "turn_start", turn, stage: turnContext.stage, ticket: null, text: message });
    const decision = await router.decide(turnContext, null, NEVER);
    const keep = (route: typeof decision.route): void => {
      const whole: Route = {
        ...route,
        id: `${route.id}_${turn}`,
        turn,
        served_model: null,
        cost_usd: null,
        baseline_cost_usd: null,
        savings_pct: null,
      };
      routes.push(whole);
      log.append({ type: "route", route: whole });
    };
    keep(decision.route);
    const again = router.reconsider(turnContext, decision, [
      {
        role: "tool",
        callId: "c",
        toolName: "bash",
        content: [{ type: "text", text: "1 test FAILED" }],
        isError: true,
      },
    ]);
    if (again !== null) keep(again.route);
    log.append({ type: "turn_end", turn, reason: "done", error: null });
    previous = {
      model: (again ?? decision).model.id,
      prefixTokens: draw(draw(2) === 0 ? 2_000 : 80_000),
      tier: decision.route.tier,
      warm: draw(2) === 0,
    };
  }
  log.close();
  return { path: log.path, value, routes };
}

interface Difference {
  route: string;
  before: string;
  after: string | null;
}

async function replay(
  path: string,
  value: Settings,
): Promise<{ routes: number; skipped: number; differences: Difference[] }> {
  let out = "";
  const loaded: LoadedSettings = { settings: value, origins: {}, files: [], notices: [], untrusted: [] };
  const io: SubcommandIo = {
    stdout: (text) => void (out += text),
    stderr: () => undefined,
    environment: {},
    workspace: folder,
    home: folder,
    isTerminal: false,
    json: true,
    question: () => Promise.reject(new Error("asked")),
  };
  const registry = registryFor(value);
  const services = routeServices({ loaded: () => loaded, registry: () => registry, dataDirectory: folder });
  const command = createRouteCommand(() => Promise.resolve(services));
  expect(await callSubcommand(command, ["replay", path], { io })).toBe(0);
  return JSON.parse(out) as { routes: number; skipped: number; differences: Difference[] };
}

function stepCost(
  model: string,
  phase: Phase,
  inputs: NonNullable<Route["inputs"]>,
  figures: Figures,
  warm: "found" | "warm" | "cold",
): number {
  const [input = 0, output = 0, read = 0, write = 0] = figures[model]?.price ?? [];
  const { previous, needs } = inputs;
  const prefix = Math.max(needs.contextTokens, previous?.prefixTokens ?? 0);
  const held =
    warm === "warm"
      ? prefix
      : warm === "found" && previous !== null && previous.warm && previous.model === model
        ? previous.prefixTokens
        : 0;
  return (held * read + (prefix - held) * write + STEPS[phase][0] * input + STEPS[phase][1] * output) / 1e6;
}

/**
 * The cheapest finished step: the step and, as often as it fails, three steps of the strongest that write the prefix
 * once.
 */
function cheapest(route: Route, figures: Figures): string {
  const { inputs, phase } = route;
  if (inputs === undefined || phase === null) throw new Error("a route without inputs");
  const ids = Object.keys(figures);
  const score = (id: string): number => figures[id]?.score ?? 0;
  const strongest = ids.reduce((best, id) => (score(id) > score(best) ? id : best));
  const repair =
    stepCost(strongest, phase, inputs, figures, "found") + 2 * stepCost(strongest, phase, inputs, figures, "warm");
  const total = (id: string): number => stepCost(id, phase, inputs, figures, "found") + (1 - score(id) / 100) * repair;
  return ids.filter((id) => score(id) >= STEPS[phase][2]).reduce((best, id) => (total(id) < total(best) ? id : best));
}

/** Six steps ahead: staying on a warm cache with its failures, or one cold step and the better model's. */
function promoted(now: string, coding: string, inputs: NonNullable<Route["inputs"]>, figures: Figures): string {
  const cost = (id: string, warm: "warm" | "cold"): number => stepCost(id, "implement", inputs, figures, warm);
  const fails = (id: string): number => 1 - (figures[id]?.score ?? 0) / 100;
  const repair = 3 * Math.max(cost(now, "warm"), cost(coding, "warm"));
  const stay = 6 * (cost(now, "warm") + fails(now) * repair);
  const move = cost(coding, "cold") + 5 * cost(coding, "warm") + 6 * fails(coding) * repair;
  return now !== coding && move < stay ? coding : now;
}

describe("1,000 sessions", () => {
  test("replayed with their own configuration show no difference", async () => {
    const sources = new Set<string>();
    let inRun = 0;
    for (const { path, value, routes } of stored) {
      expect(await replay(path, value)).toEqual({
        session: expect.any(String) as unknown,
        routes: routes.length,
        skipped: 0,
        differences: [],
      });
      for (const route of routes) sources.add(route.source);
      inRun += routes.filter((route) => route.inputs?.run_signal !== null).length;
    }
    expect([...sources].sort()).toEqual(["default", "escalation", "gate", "phase", "skill", "stage", "tier", "user"]);
    expect(inRun).toBeGreaterThan(5);
  });

  test("with one price changed differ exactly where the oracle says", async () => {
    let different = 0;
    let unpromoted = 0;
    for (const { path, value, routes } of stored) {
      const expected: Difference[] = [];
      let opening = "";
      for (const route of routes) {
        const inRun = route.inputs?.run_signal !== null && route.inputs !== undefined;
        if (!inRun) opening = route.source === "phase" ? cheapest(route, DEARER) : route.model;
        const after =
          inRun && route.inputs !== undefined ? promoted(opening, "house/mid", route.inputs, DEARER) : opening;
        if (after !== route.model) expected.push({ route: route.id, before: route.model, after });
        if (inRun && after !== route.model) unpromoted++;
      }
      const { differences } = await replay(path, withFigures(value, DEARER));
      expect(differences.map(({ route, before, after }) => ({ route, before, after }))).toEqual(expected);
      different += expected.length;
    }
    expect(different).toBeGreaterThan(100);
    expect(unpromoted).toBeGreaterThan(0);
  });
});
