// What a user may get wrong about routing: names that nobody serves, lists and prices that say nothing, messages of odd
// shapes. Each ends with a clear sentence before any call, or serves with a notice; none crashes and none is silently
// replaced.

import { describe, expect, test } from "vitest";
import { during, expectWireIds, house, modelsOf, routed, type HouseModel } from "./routing-scene.ts";

const MODELS: HouseModel[] = [
  { id: "default-m", scores: 60 },
  { id: "other-m", scores: 90, price: [1.1, 5.5] },
];
const TOP = 'model = "p/default-m"';

describe("names that nobody serves: exit 2 before any call, naming the key and the nearest", () => {
  test.each([
    [
      "a tier's model",
      '[options.model_router]\nbalanced_model = "p/othr-m"\n',
      [],
      /options\.model_router\.balanced_model[\s\S]*p\/other-m/,
    ],
    [
      "a tier's provider",
      '[options.model_router]\nsmart_model = "nowhere/m"\n',
      ["--tier", "smart"],
      /options\.model_router\.smart_model[\s\S]*nowhere/,
    ],
    [
      "the tier of a stage that comes later",
      '[options.model_router]\ncoding_model = "p/nothing"\n[options.phase_model]\nplanning_model = "p/default-m"\nexecution_model = "tier:coding"\n',
      [],
      /options\.model_router\.coding_model/,
    ],
    [
      "a stage model",
      '[options.phase_model]\nplanning_model = "p/othr-m"\nexecution_model = "p/other-m"\n',
      [],
      /options\.phase_model\.planning_model[\s\S]*p\/other-m/,
    ],
    [
      "the other stage's model",
      '[options.phase_model]\nplanning_model = "p/other-m"\nexecution_model = "p/othr-m"\n',
      [],
      /options\.phase_model\.execution_model[\s\S]*p\/other-m/,
    ],
    [
      "a tier that is none",
      '[options.phase_model]\nplanning_model = "tier:smrt"\nexecution_model = "p/other-m"\n',
      [],
      /planning_model[\s\S]*unknown tier[\s\S]*tier:smart/,
    ],
    [
      "a role that is none",
      '[options.phase_model]\nplanning_model = "role:quick"\nexecution_model = "p/other-m"\n',
      [],
      /planning_model[\s\S]*unknown role[\s\S]*role:capable, role:fast/,
    ],
    [
      "a tier where a model is meant",
      '[options.model_router]\nbalanced_model = "tier:smart"\n',
      [],
      /balanced_model[\s\S]*does not name a model/,
    ],
    [
      "a bare tier name as a model",
      '[options.phase_model]\nplanning_model = "smart"\nexecution_model = "p/other-m"\n',
      [],
      /planning_model[\s\S]*names a tier[\s\S]*tier:smart/,
    ],
    ["a role's model", '[options.roles]\nfast = "p/none"\n', ["--preset", "fast-plan"], /options\.roles\.fast/],
    ["a flag's model", "", ["-m", "p/othr-m"], /--model[\s\S]*p\/other-m/],
    ["an unknown preset", "", ["--preset", "teired"], /preset[\s\S]*tiered/],
  ])("%s", async (_name, tables, flags, cause) => {
    const { place, server } = await house(MODELS, { top: TOP, tables });
    const finished = await place.run(["-p", ...flags, "a question"]);
    expect({ code: finished.code, stdout: finished.stdout, stderr: finished.stderr }).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(cause) as unknown,
    });
    expect(finished.stderr).not.toMatch(/^\s+at /m);
    expect(server.requests).toEqual([]);
  });
});

describe("phase router", () => {
  const preferences = (list: string): string =>
    `[options.phase_router]\nenabled = true\n[options.phase_router.preferences]\nplan = ${list}\n`;

  test("a list with only unknown models: the default model, and it is said", async () => {
    const { place, server } = await house(MODELS, { top: TOP, tables: preferences('["p/none", "nowhere/m"]') });
    const finished = await place.run(["-p", "--json", "a question"]);
    expect(modelsOf(server.requests)).toEqual(["default-m"]);
    expect(finished.stderr).toMatch(
      /No candidate for plan can serve this request; the default model p\/default-m takes it/,
    );
    expect(routed(finished).routes[0]).toMatchObject({
      source: "default",
      candidates: [
        { model: "p/none", rejected: "not configured" },
        { model: "nowhere/m", rejected: "not configured" },
      ],
    });
  });

  test.each([
    ["one without tools", { id: "bare-m", scores: 99, price: [0.01, 0.05], more: "tools = false" }, /takes no tools/],
    [
      "one whose window is too small",
      { id: "bare-m", scores: 99, price: [0.01, 0.05] },
      /context window of 2000 tokens/,
    ],
    ["one below the floor", { id: "bare-m", scores: 20, price: [0.01, 0.05] }, /below the floor of 50/],
  ] as [string, HouseModel, RegExp][])("never takes %s, and says why", async (name, model, why) => {
    const { place, server } = await house([...MODELS, model], {
      top: TOP,
      tables: preferences('["p/bare-m", "p/other-m"]'),
    });
    if (name.includes("window"))
      place.configure(
        place
          .read("../home/bmo/bmo.toml")
          .replace(
            /id = "bare-m"\ncontext_window = 200000\nmax_output = 8000/,
            'id = "bare-m"\ncontext_window = 2000\nmax_output = 1000',
          ),
      );
    const result = routed(await place.run(["-p", "--json", "a question"]));
    expect(modelsOf(server.requests)).toEqual(["other-m"]);
    expect(result.routes[0]?.candidates.find((one) => one.model === "p/bare-m")?.rejected).toMatch(why);
  });

  test("what this very message needs counts: its image, its length", async () => {
    const models: HouseModel[] = [
      { id: "default-m", scores: 60 },
      { id: "blind-m", scores: 95, more: "vision = false" },
      { id: "seeing-m", scores: 90, more: "vision = true" },
    ];
    const { place, server } = await house(models, { top: TOP, tables: preferences('["p/blind-m", "p/seeing-m"]') });
    place.file(
      "dot.png",
      Buffer.from(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "base64",
      ),
    );
    await place.run(["-p", "what could be better here"]);
    const seeing = routed(await place.run(["-p", "--json", "what is wrong in @dot.png"]));
    expect(seeing.routes[0]?.candidates.find((one) => one.model === "p/blind-m")?.rejected).toBe("takes no images");
    place.configure(
      place
        .read("../home/bmo/bmo.toml")
        .replace(/id = "blind-m"\ncontext_window = 200000/, 'id = "blind-m"\ncontext_window = 30000'),
    );
    await place.run(["-p"], { stdin: `what could be better here\n${"word ".repeat(40_000)}` });
    expect(modelsOf(server.requests)).toEqual(["blind-m", "seeing-m", "seeing-m"]);
  });

  test('rank = "ratio" is plain capability per cost; a user\'s score and floor count', async () => {
    const cheap: HouseModel[] = [
      { id: "default-m", scores: 60 },
      { id: "other-m", scores: 90, price: [2, 10] },
    ];
    const { place, server, configure } = await house(cheap, { top: 'model = "auto"' });
    const list = '[options.phase_router.preferences]\nplan = ["p/default-m", "p/other-m"]\n';
    for (const router of [
      'rank = "ratio"\n',
      "",
      'rank = "ratio"\n[options.phase_router.floor]\nplan = 70\n',
      '[options.phase_router.capability]\n"p/default-m" = { plan = 89 }\n',
    ]) {
      configure(cheap, { top: 'model = "auto"', tables: `[options.phase_router]\n${router}${list}` });
      expect((await place.run(["-p", "a question"])).code).toBe(0);
    }
    expect(modelsOf(server.requests)).toEqual(["default-m", "other-m", "other-m", "default-m"]);
  });

  test("auto with nothing to choose from but a provider without scores: the first, and it is said", async () => {
    const { place, server } = await house(["only-m"], { top: 'model = "auto"' });
    const result = routed(await place.run(["-p", "--json", "a question"]));
    expect(modelsOf(server.requests)).toEqual(["only-m"]);
    expect(result.routes[0]?.reason).toMatch(/no candidate has both a known price and a known capability|first/);
  });
});

describe("facts of models", () => {
  test.each([
    ["a negative price", "price = { input = -1, output = 5 }", /price[\s\S]*0 or more/],
    ["a price as text", 'price = { input = "1", output = 5 }', /price[\s\S]*number/],
    ["a price that is a number", "price = 5", /price/],
    ["a window of 0", "context_window = 0", /context_window/],
    ["a score of 101", "scores = { plan = 101 }", /scores[\s\S]*0 to 100/],
    ["a score of an unknown phase", "scores = { planning = 50 }", /planning/],
  ])("%s is said with file and key", async (_name, line, cause) => {
    const { place, server } = await house([]);
    place.configure(
      `${TOP}\n[providers.p]\ntype = "anthropic"\nbase_url = "${server.url}"\napi_key = "k-0123456789"\n[[providers.p.models]]\nid = "default-m"\n${line}\n`,
    );
    const finished = await place.run(["-p", "a question"]);
    expect(finished.stderr).toMatch(/bmo\.toml/);
    expect(finished.stderr).toMatch(cause);
    if (!line.includes("planning")) expect([finished.code, server.requests.length]).toEqual([2, 0]);
  });

  test("an entry with nothing but an id serves; its price and window are unknown, never 0", async () => {
    const { place, server } = await house([]);
    place.configure(
      `model = "auto"\n[providers.p]\ntype = "anthropic"\nbase_url = "${server.url}"\napi_key = "k-0123456789"\n[[providers.p.models]]\nid = "plain-m"\n`,
    );
    const result = routed(await place.run(["-p", "--json", "a question"]));
    expect(result).toMatchObject({ exit_code: 0, cost_usd: null, savings_pct: null });
    expect(modelsOf(server.requests)).toEqual(["plain-m"]);
    expect((await place.run(["models"])).stdout).toMatch(/p\/plain-m.*unknown/);
  });
});

describe("messages of odd shapes", () => {
  const ROUTED =
    '[options.gate]\nenabled = true\n[options.phase_router]\nenabled = true\n[options.model_router]\nsmart_model = "p/other-m"\n';
  const SHAPES: [string, string][] = [
    ["of 1 MB", `fix this\n${"lorem ipsum dolor sit amet ".repeat(40_000)}`],
    ["of 1 MB without a blank", "x".repeat(1_000_000)],
    ["of emoji only", "🙂🙃👩‍👩‍👧‍👦🇩🇪"],
    ["of one character", "?"],
    ["of control characters", "\u0007\u001b[31mred\u001b[0m"],
    ["in half a surrogate", "broken \ud83d end"],
    ["of right-to-left text", "تصحيح الخطأ في تسجيل الدخول"],
    ["with regular-expression bait", `${"a".repeat(5_000)}!${" (".repeat(5_000)}`],
  ];

  test.each(SHAPES)("%s is routed and served", async (_name, message) => {
    const { place, server } = await house(MODELS, { top: TOP, tables: ROUTED });
    const finished = await place.run(["-p", "--json"], { stdin: message });
    const result = routed(finished);
    expect({ code: result.exit_code, stderr: finished.stderr }).toMatchObject({ code: 0 });
    expect(server.requests).toHaveLength(1);
    expectWireIds(
      server.requests,
      MODELS.map((one) => one.id),
    );
    expect(result.routes).toHaveLength(1);
  });

  test.each(SHAPES.filter(([, message]) => message.length < 100_000))("%s: a dry run", async (_name, message) => {
    const { place, server } = await house(MODELS, { top: TOP, tables: ROUTED });
    const { result, seen } = await during(server, () => place.run(["route", "--json", "--", message]));
    expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 });
    expect((JSON.parse(result.stdout) as { route: { model: string } }).route.model).toMatch(/^p\//);
    expect(seen).toEqual([]);
  });

  test.each([
    ["empty", ""],
    ["of blanks", "  \n\t "],
  ])("%s: exit 2, also as a dry run", async (_name, message) => {
    const { place, server } = await house(MODELS, { top: TOP, tables: ROUTED });
    expect((await place.run(["-p", message])).code).toBe(2);
    expect((await place.run(["route", message])).code).toBe(2);
    expect(server.requests).toEqual([]);
  });
});

describe("a vendor's own variable for its address", () => {
  test("is taken without the blanks around it; what is no address is exit 2 that names the variable", async () => {
    const { place, server } = await house([]);
    place.configure('model = "anthropic/claude-haiku-5-5"\n');
    const asked = (url: string): ReturnType<typeof place.run> =>
      place.run(["-p", "a question"], {
        environment: { ANTHROPIC_API_KEY: "key-of-the-vendor-0123", ANTHROPIC_BASE_URL: url },
      });
    expect((await asked(` ${server.url}/ `)).code).toBe(0);
    const wrong = await asked("notaurl");
    expect({
      code: wrong.code,
      said: /ANTHROPIC_BASE_URL = "notaurl" is not an http or https address/.test(wrong.stderr),
    }).toEqual({ code: 2, said: true });
    expect(server.requests).toHaveLength(1);
  });
});
