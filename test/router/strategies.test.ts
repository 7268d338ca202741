// The order of contract section 11 and every fallback rule, as decisions for given settings.

import { describe, expect, test } from "vitest";
import { createRouter } from "../../src/router/index.ts";
import { strategies } from "../../src/router/strategies.ts";
import type { Plan, Ticket } from "../../src/types/plan.ts";
import type { RouteContext, RouteDecision } from "../../src/types/route.ts";
import type { Settings } from "../../src/types/settings.ts";
import { BmoError } from "../../src/util/errors.ts";
import { answering, context, model, NEVER, partsOf, settings } from "./support.ts";

const NAMES = [
  "default",
  "user",
  "gate",
  "skill",
  "planner",
  "executor",
  "balanced",
  "coding",
  "smart",
  "deep",
  "tiny",
  "ranked",
];
const MODELS = NAMES.map((name) => model(`house/${name}`, { all: 70 }));
const parts = partsOf(MODELS);

async function decide(
  change: Partial<RouteContext>,
  configure: (value: Settings) => void = () => undefined,
  ask = answering().ask,
): Promise<RouteDecision> {
  return createRouter(parts).decide(context({ settings: settings(configure), ...change }), ask, NEVER);
}

function ticket(id: string, title: string, phase: Ticket["phase"] = null): Ticket {
  return {
    id,
    title,
    detail: "",
    phase,
    files: [],
    commands: [],
    acceptance: [],
    verify: [],
    depends_on: [],
    out_of_scope: [],
  };
}

function planOf(...tickets: Ticket[]): Plan {
  return {
    id: "p",
    revision: 1,
    hash: "sha256:0",
    content: { title: "t", summary: "", tickets, network: false, open_questions: [], decisions: [] },
    state: "executing",
    tickets: {},
    flags: [],
  };
}

describe("the order", () => {
  test("is the contract's", () => {
    expect(strategies.map((strategy) => strategy.name)).toEqual([
      "userModel",
      "userTier",
      "gateStay",
      "skillTier",
      "stageModel",
      "escalation",
      "phasePreference",
      "defaultTier",
      "defaultModel",
    ]);
  });

  /** Each step configures one layer more, from the lowest up; the newest layer must win over all below. */
  const layers: {
    name: string;
    source: string;
    model: string;
    add: (value: Settings, turn: Partial<RouteContext>) => void;
  }[] = [
    { name: "default model", source: "default", model: "house/default", add: () => undefined },
    {
      name: "default tier",
      source: "tier",
      model: "house/balanced",
      add: (value) => void (value.options.model_router.balanced_model = "house/balanced"),
    },
    {
      name: "phase preference",
      source: "phase",
      model: "house/ranked",
      add: (value) => {
        value.options.phase_router.enabled = true;
        value.options.phase_router.preferences.debug = ["house/ranked"];
      },
    },
    {
      name: "escalation",
      source: "escalation",
      model: "house/coding",
      add: (value) => void (value.options.model_router.coding_model = "house/coding"),
    },
    {
      name: "stage model",
      source: "stage",
      model: "house/planner",
      add: (value) => void (value.options.phase_model.planning_model = "house/planner"),
    },
    {
      name: "skill tier",
      source: "skill",
      model: "house/smart",
      add: (value, turn) => {
        value.options.model_router.smart_model = "house/smart";
        turn.skill = { name: "s", tier: "smart", activatedBy: "user", turn: 1 };
      },
    },
    {
      name: "gate stay",
      source: "gate",
      model: "house/gate",
      add: (value, turn) => {
        value.options.gate = { enabled: true, model: "house/gate" };
        turn.message = "hi";
      },
    },
    {
      name: "user tier",
      source: "user",
      model: "house/deep",
      add: (value, turn) => {
        value.options.model_router.deep_model = "house/deep";
        turn.overrides = { model: null, tier: { value: "deep", once: false, from: "command" } };
      },
    },
    {
      name: "user model",
      source: "user",
      model: "house/user",
      add: (_value, turn) => {
        turn.overrides = {
          model: { value: "house/user", once: false, from: "command" },
          tier: turn.overrides?.tier ?? null,
        };
      },
    },
  ];

  test.each(layers.map((layer, height) => ({ ...layer, height })))(
    "$name beats everything below",
    async ({ height, source, model: expected }) => {
      const value = settings();
      const turn: Partial<RouteContext> = {};
      for (const layer of layers.slice(0, height + 1)) layer.add(value, turn);
      const { route } = await createRouter(parts).decide(context({ ...turn, settings: value }), null, NEVER);
      expect([route.model, route.source]).toEqual([expected, source]);
      expect(
        route.candidates.filter((candidate) => candidate.rejected === null).map((candidate) => candidate.model),
      ).toEqual([expected]);
    },
  );
});

describe("stage models", () => {
  const both = (value: Settings): void => {
    value.options.phase_model.planning_model = "house/planner";
    value.options.phase_model.execution_model = "house/executor";
  };

  test.each([
    ["plan", 5, true, "house/planner"],
    ["execute", 5, true, "house/executor"],
    ["chat", 1, false, "house/planner"],
    ["chat", 2, false, "house/executor"],
  ] as const)("stage %s, turn %i", async (stage, turn, workflowEnabled, expected) => {
    const { route } = await decide({ stage, turn, workflowEnabled }, both);
    expect([route.model, route.source]).toEqual([expected, "stage"]);
  });

  test("planning_model unset: execution_model counts as unset too, with one warning", async () => {
    const router = createRouter(parts);
    const value = settings((one) => void (one.options.phase_model.execution_model = "house/executor"));
    const first = await router.decide(context({ settings: value, stage: "execute", turn: 2 }), null, NEVER);
    const second = await router.decide(context({ settings: value, stage: "execute", turn: 3 }), null, NEVER);
    expect(first.route.model).toBe("house/default");
    expect(first.notices).toEqual([expect.stringContaining("planning_model")]);
    expect(second.notices).toEqual([]);
  });

  test("execution_model unset: the default model executes", async () => {
    const { route } = await decide(
      { stage: "execute", turn: 2 },
      (value) => void (value.options.phase_model.planning_model = "house/planner"),
    );
    expect([route.model, route.source]).toEqual(["house/default", "default"]);
  });

  test("tier:balanced takes part in escalation, a concrete model does not", async () => {
    const tiers =
      (planning: string) =>
      (value: Settings): void => {
        value.options.phase_model.planning_model = planning;
        value.options.model_router.balanced_model = "house/balanced";
        value.options.model_router.coding_model = "house/coding";
      };
    expect((await decide({}, tiers("tier:balanced"))).route).toMatchObject({
      model: "house/coding",
      source: "escalation",
      tier: "coding",
      tier_source: "dynamic",
    });
    expect((await decide({}, tiers("house/planner"))).route).toMatchObject({
      model: "house/planner",
      source: "stage",
      tier: "balanced",
    });
    expect((await decide({ message: "thanks, that works" }, tiers("tier:balanced"))).route).toMatchObject({
      model: "house/balanced",
      source: "stage",
    });
  });

  test("roles are resolved, never sent", async () => {
    const own = await decide({ stage: "plan" }, (value) => {
      value.options.phase_model.planning_model = "role:capable";
      value.options.roles.capable = "house/smart";
    });
    expect(own.route.model).toBe("house/smart");
    const byProvider = await createRouter(partsOf(MODELS, { roles: () => ({ capable: "deep", fast: "tiny" }) })).decide(
      context({
        stage: "plan",
        settings: settings((value) => void (value.options.phase_model.planning_model = "role:fast")),
      }),
      null,
      NEVER,
    );
    expect(byProvider.route.model).toBe("house/tiny");
    const unknown = await decide(
      { stage: "plan" },
      (value) => void (value.options.phase_model.planning_model = "role:capable"),
    );
    expect(unknown.route.model).toBe("house/default");
    expect(unknown.notices).toEqual([expect.stringContaining("options.roles.capable")]);
  });

  test.each([
    ["tier:huge", "unknown tier"],
    ["role:big", "unknown role"],
    ["coding", undefined],
    ["house/absent", "unknown model"],
  ])("planning_model = %s", async (value, phrase) => {
    const deciding = decide({ stage: "plan" }, (one) => void (one.options.phase_model.planning_model = value));
    if (phrase === undefined) expect((await deciding).model.id).toBe("house/coding");
    else await expect(deciding).rejects.toThrow(phrase);
  });

  test("a tier's name where a model is wanted says how tiers are written", async () => {
    const without = createRouter(partsOf([model("house/default")]));
    const broken = settings((value) => void (value.options.phase_model.planning_model = "coding"));
    await expect(without.decide(context({ stage: "plan", settings: broken }), null, NEVER)).rejects.toMatchObject({
      code: "configuration",
      hint: expect.stringContaining("tier:coding") as unknown,
    });
  });
});

describe("tiers", () => {
  test.each([
    ["deep", { smart: true, balanced: true }, "house/smart", ["Tier fallback: deep is unset -> smart"]],
    [
      "deep",
      { balanced: true },
      "house/balanced",
      ["Tier fallback: deep is unset -> smart", "Tier fallback: smart is unset -> balanced"],
    ],
    ["coding", { smart: true, balanced: true }, "house/balanced", ["Tier fallback: coding is unset -> balanced"]],
    [
      "coding",
      {},
      "house/default",
      ["Tier fallback: coding is unset -> balanced", "Tier fallback: balanced is unset -> default model"],
    ],
  ] as const)("unset %s falls and logs every hop", async (tier, bound, expected, hops) => {
    const decision = await decide(
      { overrides: { model: null, tier: { value: tier, once: false, from: "command" } } },
      (value) => {
        if ("smart" in bound) value.options.model_router.smart_model = "house/smart";
        if ("balanced" in bound) value.options.model_router.balanced_model = "house/balanced";
      },
    );
    expect(decision.route).toMatchObject({ model: expected, source: "user", tier, tier_source: "user" });
    expect(decision.log).toEqual([
      ...hops,
      `Tier assignment: tier=${tier} source=user model=${expected} by=user reasoning=none`,
    ]);
  });

  test("temperature goes only where the tier table bound a model that takes it", async () => {
    const fixed = createRouter(
      partsOf([model("house/default"), model("house/balanced", { extra: { temperature: false } })]),
    );
    const bound = settings((value) => void (value.options.model_router.balanced_model = "house/balanced"));
    expect(
      (await decide({}, (value) => void (value.options.model_router.balanced_model = "house/balanced"))).temperature,
    ).toBe(0.7);
    expect((await fixed.decide(context({ settings: bound }), null, NEVER)).temperature).toBeNull();
    expect((await decide({})).temperature).toBeNull();
  });

  test("/model auto hands over to the phase router and ignores a tier beside it, with a notice", async () => {
    const decision = await decide(
      {
        overrides: {
          model: { value: "auto", once: false, from: "command" },
          tier: { value: "deep", once: false, from: "command" },
        },
      },
      (value) => void (value.options.phase_router.preferences.debug = ["house/ranked"]),
    );
    expect([decision.route.model, decision.route.source, decision.route.tier]).toEqual([
      "house/ranked",
      "phase",
      "balanced",
    ]);
    expect(decision.notices).toEqual([expect.stringContaining("/tier is ignored")]);
  });
});

describe("skills", () => {
  const skill = (activatedBy: "user" | "model", turn: number): RouteContext["skill"] => ({
    name: "s",
    tier: "smart",
    activatedBy,
    turn,
  });
  const pinned = (value: Settings): void => {
    value.options.model_router.smart_model = "house/smart";
    value.options.phase_model.planning_model = "house/planner";
    value.options.phase_model.execution_model = "tier:balanced";
  };

  test("activated by the user beats the stage model at once", async () => {
    expect((await decide({ stage: "plan", turn: 1, skill: skill("user", 1) }, pinned)).route.source).toBe("skill");
  });
  test("activated by the model never beats a concrete stage model", async () => {
    expect((await decide({ stage: "plan", turn: 3, skill: skill("model", 1) }, pinned)).route.model).toBe(
      "house/planner",
    );
  });
  test("activated by the model acts from the next turn", async () => {
    expect(
      (await decide({ stage: "execute", turn: 2, skill: skill("model", 2), message: "thanks" }, pinned)).route.source,
    ).toBe("stage");
    expect(
      (await decide({ stage: "execute", turn: 3, skill: skill("model", 2), message: "thanks" }, pinned)).route,
    ).toMatchObject({ model: "house/smart", source: "skill", tier_source: "skill" });
  });
});

describe("the small model", () => {
  const tiers = (value: Settings): void => {
    Object.assign(value.options.model_router, {
      balanced_model: "house/balanced",
      coding_model: "house/coding",
      smart_model: "house/smart",
      routing_model: "house/tiny",
    });
  };
  const unclear = "hmm the thing with the two of them";

  test("is asked once, only where rules are unsure, and may only promote", async () => {
    const unsure = answering("debug coding");
    expect((await decide({ message: unclear }, tiers, unsure.ask)).route).toMatchObject({
      model: "house/coding",
      source: "escalation",
    });
    expect(unsure.asked).toEqual([{ model: "house/tiny", system: "classify", user: unclear }]);
    const clear = answering();
    await decide({ message: "why does the login crash with a TypeError" }, tiers, clear.ask);
    expect(clear.asked).toEqual([]);
  });

  test("is not asked when the user or a skill chose", async () => {
    const never = answering();
    await decide(
      { message: unclear, overrides: { model: null, tier: { value: "smart", once: false, from: "command" } } },
      tiers,
      never.ask,
    );
    await decide(
      { message: unclear, skill: { name: "s", tier: "smart", activatedBy: "user", turn: 1 } },
      tiers,
      never.ask,
    );
    expect(never.asked).toEqual([]);
  });

  test.each([
    ["prose", "I would say that this is clearly a coding task for a smart model, since it needs a plan"],
    ["both words", "coding smart"],
    ["nothing", ""],
    ["a failure", new Error("500")],
  ])("%s never fails the turn", async (_name, answer) => {
    const reply = answering(answer);
    const decision = await decide({ message: unclear }, tiers, reply.ask);
    expect(reply.asked).toHaveLength(1);
    expect(decision.log.some((line) => line.startsWith("Small model"))).toBe(true);
  });

  test("one that never answers is given up, also when it ignores its signal", async () => {
    const router = createRouter(partsOf(MODELS, { smallModelTimeoutMs: 20 }));
    const decision = await router.decide(
      context({ message: unclear, settings: settings(tiers) }),
      () => new Promise<string>(() => undefined),
      NEVER,
    );
    expect(decision.log).toContain(
      "Small model house/tiny failed (the small model took too long); the turn continues without it",
    );
  });

  test("an unknown routing model is a notice, and rules decide", async () => {
    const decision = await decide({ message: unclear }, (value) => {
      tiers(value);
      value.options.model_router.routing_model = "house/absent";
    });
    expect(decision.notices).toEqual([expect.stringContaining("options.model_router.routing_model")]);
  });

  test("an aborted turn is aborted", async () => {
    const abort = new AbortController();
    const asking = createRouter(parts).decide(
      context({ message: unclear, settings: settings(tiers) }),
      () => new Promise<string>(() => abort.abort(new Error("stop"))),
      abort.signal,
    );
    await expect(asking).rejects.toThrow("stop");
  });
});

describe("the gate in the pipeline", () => {
  const gated = (value: Settings): void => {
    value.options.gate = { enabled: true, model: "house/gate" };
    value.options.phase_model.planning_model = "house/planner";
  };

  test("hi goes to the gate's model although a planning model is set", async () => {
    expect((await decide({ message: "hi", stage: "plan" }, gated)).route).toMatchObject({
      stage: "gate",
      gate: "stay",
      model: "house/gate",
      source: "gate",
      phase: null,
    });
  });
  test("without a gate model the default model answers", async () => {
    expect(
      (
        await decide({ message: "hi", stage: "plan" }, (value) => {
          gated(value);
          value.options.gate.model = null;
        })
      ).route,
    ).toMatchObject({ stage: "gate", model: "house/default" });
  });
  test("is skipped while something is pending", async () => {
    expect((await decide({ message: "hi", stage: "plan", pending: true }, gated)).route).toMatchObject({
      stage: "plan",
      gate: null,
      model: "house/planner",
    });
  });
  test("asks its model only where rules are unsure; any answer but the one word escalates", async () => {
    const unsure = "how do ducks sleep while they float";
    expect((await decide({ message: unsure, stage: "plan" }, gated, answering("stay").ask)).route.gate).toBe("stay");
    for (const answer of ["escalate", "stay escalate", "I would stay here", "", new Error("500")]) {
      expect((await decide({ message: unsure, stage: "plan" }, gated, answering(answer).ask)).route.gate).toBe(
        "escalate",
      );
    }
    for (const message of ["delete everything in src", "rm -rf build", "fix the login bug", "go ahead", "/approve"]) {
      const never = answering("stay");
      expect((await decide({ message, stage: "plan" }, gated, never.ask)).route.gate).toBe("escalate");
      expect(never.asked).toEqual([]);
    }
  });
  test("uses up the turn's one small-model call", async () => {
    const once = answering("escalate", "debug coding");
    await decide(
      { message: "how do ducks sleep while they float" },
      (value) => {
        value.options.gate.enabled = true;
        Object.assign(value.options.model_router, {
          routing_model: "house/tiny",
          balanced_model: "house/balanced",
          coding_model: "house/coding",
        });
      },
      once.ask,
    );
    expect(once.asked.map((question) => question.system)).toEqual(["gate"]);
  });
});

describe("auto", () => {
  const models = [
    model("house/default", { all: 60 }),
    model("house/strong", { price: [4, 20], all: 90 }),
    model("house/tester", { price: [0.3, 1], scores: { test: 90, implement: 55, document: 55 } }),
    model("house/writer", { price: [0.1, 0.4], scores: { document: 92, test: 40, implement: 35 } }),
  ];
  const auto = settings((value) => {
    value.options.phase_model = {
      ...value.options.phase_model,
      planning_model: "auto",
      execution_model: "auto",
      unit: "ticket",
    };
    value.options.phase_router.preferences = {
      implement: ["house/strong", "house/tester"],
      test: ["house/strong", "house/tester", "house/writer"],
      document: ["house/strong", "house/writer"],
      debug: ["house/strong"],
    };
    value.options.phase_router.floor = { implement: 80, test: 80, document: 80 };
  });
  const titled = [
    ticket("t1", "Implement the csv export endpoint"),
    ticket("t2", "Write unit tests for the csv export"),
    ticket("t3", "Document the export in the README"),
  ];
  const phased = [ticket("t1", "one", "implement"), ticket("t2", "two", "test"), ticket("t3", "three", "document")];

  test.each([
    ["given", phased],
    ["detected", titled],
  ])("each ticket goes to its own model, phase %s", async (_name, tickets) => {
    const router = createRouter(partsOf(models));
    const routes = [];
    for (const one of tickets)
      routes.push(
        (
          await router.decide(
            context({ settings: auto, stage: "execute", plan: planOf(...tickets), ticket: one.id, pending: true }),
            null,
            NEVER,
          )
        ).route,
      );
    expect(routes.map((route) => [route.ticket, route.phase, route.model, route.source])).toEqual([
      ["t1", "implement", "house/strong", "phase"],
      ["t2", "test", "house/tester", "phase"],
      ["t3", "document", "house/writer", "phase"],
    ]);
    expect(routes.every((route) => route.reason.includes("execution_model = auto"))).toBe(true);
  });

  test("unit plan decides by the hardest open ticket, never plan", async () => {
    const plan = planOf(ticket("t1", "a", "document"), ticket("t2", "b", "plan"), ticket("t3", "c", "test"));
    expect(
      (await createRouter(partsOf(models)).decide(context({ settings: auto, stage: "execute", plan }), null, NEVER))
        .route.phase,
    ).not.toBe("plan");
    plan.content.tickets[1] = ticket("t2", "Fix the crash in the parser", "debug");
    expect(
      (await createRouter(partsOf(models)).decide(context({ settings: auto, stage: "execute", plan }), null, NEVER))
        .route.phase,
    ).toBe("debug");
    plan.tickets = { t2: "done" };
    expect(
      (await createRouter(partsOf(models)).decide(context({ settings: auto, stage: "execute", plan }), null, NEVER))
        .route.phase,
    ).toBe("test");
  });

  test("does not switch where the cold cache costs more, and says so", async () => {
    const previous = { model: "house/strong", prefixTokens: 150_000, tier: "balanced" as const, warm: true };
    const near = [
      model("house/strong", { price: [2, 8], all: 90 }),
      model("house/tester", { price: [1.5, 6], scores: { test: 90 } }),
      model("house/default"),
    ];
    const turn = { settings: auto, stage: "execute" as const, plan: planOf(...phased), ticket: "t2" };
    const warm = (await createRouter(partsOf(near)).decide(context({ ...turn, previous }), null, NEVER)).route;
    const cold = (
      await createRouter(partsOf(near)).decide(
        context({ ...turn, previous: { ...previous, warm: false } }),
        null,
        NEVER,
      )
    ).route;
    expect(cold.model).toBe("house/tester");
    expect(warm.model).toBe("house/strong");
    expect(warm.reason).toContain("not switched to house/tester, since a cold cache would cost more");
    expect(warm.candidates.find((candidate) => candidate.model === "house/tester")?.rejected).toContain(
      "150000 cached tokens cold",
    );
  });

  test("a list of unknown models only leaves the default model, said so", async () => {
    const lost = settings((value) => {
      value.options.phase_router.enabled = true;
      value.options.phase_router.preferences.debug = ["nope/a", "nope/b"];
    });
    const decision = await createRouter(partsOf(models)).decide(context({ settings: lost }), null, NEVER);
    expect(decision.route).toMatchObject({ model: "house/default", source: "default" });
    expect(decision.notices).toEqual([expect.stringContaining("No candidate for debug")]);
    expect(decision.route.candidates.map((candidate) => [candidate.model, candidate.rejected])).toEqual([
      ["nope/a", "not configured"],
      ["nope/b", "not configured"],
    ]);
  });
});

describe("default model", () => {
  test("comes from the credentials when none is set", async () => {
    const router = createRouter(
      partsOf(MODELS, { defaultModel: (providers) => (providers.includes("house") ? "house/smart" : null) }),
    );
    expect(
      (await router.decide(context({ settings: settings((value) => void (value.model = null)) }), null, NEVER)).route,
    ).toMatchObject({ model: "house/smart", source: "default" });
  });
  test("none at all is a credentials error that says what to do", async () => {
    const router = createRouter(partsOf([]));
    await expect(
      router.decide(context({ settings: settings((value) => void (value.model = null)) }), null, NEVER),
    ).rejects.toBeInstanceOf(BmoError);
    await expect(
      router.decide(context({ settings: settings((value) => void (value.model = null)) }), null, NEVER),
    ).rejects.toMatchObject({ code: "credentials" });
  });
});

test("messages of any kind are decided", async () => {
  for (const message of [
    "",
    "🎉🎉🎉",
    "x".repeat(1_000_000),
    "a b ".repeat(250_000),
    "\u0000\ud800",
    "((((((".repeat(500),
  ]) {
    expect(
      (
        await decide(
          { message },
          (value) =>
            void Object.assign(value.options.model_router, {
              balanced_model: "house/balanced",
              coding_model: "house/coding",
            }),
        )
      ).route.model,
    ).toMatch(/^house\//);
  }
});
