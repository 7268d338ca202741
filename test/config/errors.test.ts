// Mistakes in configuration: file, place, key, value and what is allowed; unknown keys warn; secrets stay out of
// messages.

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createPlace, failure, load } from "./home.ts";

const ALLOWED_MODEL = 'a model such as "anthropic/claude-sonnet-5-5", or "" for none';

describe("wrong values", () => {
  test.each([
    ["model = 5\n", `model is 5; allowed: ${ALLOWED_MODEL}`],
    ["[options.gate]\nenabled = 'yes'\n", 'options.gate.enabled is "yes"; allowed: true or false'],
    [
      "[options.containment]\nmode = 'strict'\n",
      'options.containment.mode is "strict"; allowed: "off", "warn", "enforce"',
    ],
    ["[options.budget]\nturn_usd = -1\n", "options.budget.turn_usd is -1; allowed: a number of US dollars, 0 or more"],
    [
      "[options.budget]\nturn_usd = nan\n",
      "options.budget.turn_usd is NaN; allowed: a number of US dollars, 0 or more",
    ],
    ["options = 3\n", "options is 3; allowed: a table"],
    ["[[options]]\ngate = {}\n", "options is a list; allowed: a table"],
    ["model = 2026-11-21\n", `model is a date; allowed: ${ALLOWED_MODEL}`],
    ["[permissions]\nallow = 'view'\n", 'permissions.allow is "view"; allowed: a list of texts'],
    ["[permissions]\nallow = ['view', 3]\n", "permissions.allow.1 is 3; allowed: a text"],
    ["[options.reasoning]\nplan = 'max'\n", 'options.reasoning.plan is "max"; allowed: "off", "low", "medium", "high"'],
    [
      "[providers.x]\nbase_url = 'ftp://h'\n",
      'providers.x.base_url is "ftp://h"; allowed: an http:// or https:// address',
    ],
    ["[providers.x]\napi_key = 123456\n", "providers.x.api_key is a number; allowed: a text"],
    [
      "[providers.x.headers]\nauthorization = 123456\n",
      "providers.x.headers.authorization is a number; allowed: a text",
    ],
    ["[[providers.x.models]]\ncontext_window = 1\n", "providers.x.models.0.id is missing"],
    [
      "[[providers.x.models]]\nid = 'm'\nprice = { input = -1 }\n",
      "providers.x.models.0.price.input is -1; allowed: a number of US dollars, 0 or more",
    ],
    [
      "[[providers.x.models]]\nid = 'm'\nprice = { input = 'cheap' }\n",
      'providers.x.models.0.price.input is "cheap"; allowed: a number of US dollars, 0 or more',
    ],
    ["preset = 'nope'\n", 'preset is "nope"; allowed: fast-plan, reasoning-plan, tiered, phase-aware, gated'],
  ])("%j", async (text, message) => {
    const place = createPlace();
    place.write(place.userFile, text);
    expect(await failure(load(place))).toMatchObject({
      code: "configuration",
      message: `${place.userFile}: ${message}`,
    });
  });
});

describe("wrong values in another spelling", () => {
  test.each([
    [
      ".bmorc.json",
      '{"modelRouter": {"balancedModel": 7}}',
      "options.model_router.balanced_model",
      "modelRouter.balancedModel",
    ],
    [
      ".bmorc.yaml",
      "options:\n  modelRouter:\n    dynamicTierEnabled: 3\n",
      "options.model_router.dynamic_tier_enabled",
      "options.modelRouter.dynamicTierEnabled",
    ],
    ["preferences/model-router.json", '{"temperature": "hot"}', "options.model_router.temperature", "temperature"],
    [
      "preferences/model-router.json",
      '{"modelRouter": {"smartModel": []}}',
      "options.model_router.smart_model",
      "modelRouter.smartModel",
    ],
    ["bmo.toml", "[agents.defaults.routing]\nenabled = 1\n", "options.gate.enabled", "agents.defaults.routing.enabled"],
    [
      "bmo.toml",
      "[agents.defaults.routing]\nclassifierModel = 1\n",
      "options.gate.model",
      "agents.defaults.routing.classifierModel",
    ],
  ])("%s %j: the key as it is documented, and as it is written", async (name, text, key, written) => {
    const place = createPlace();
    place.write(join(place.workspace, name), text);
    const error = await failure(load(place));
    expect(error.message.startsWith(`${join(place.workspace, name)}: ${key} is `)).toBe(true);
    expect(error.hint).toBe(`There it is written as ${written}.`);
  });
});

describe("broken files", () => {
  test.each([
    ["bmo.toml", 'model = "a/b"\nmodel = "c/d"\n', /bmo\.toml:2:\d+: broken TOML/],
    ["bmo.toml", 'model = "a/b\n', /bmo\.toml:1:\d+: broken TOML/],
    [".bmorc.json", '{\n  "model": "a/b",\n}', /\.bmorc\.json:3:1: broken JSON: something else was expected here$/],
    [".bmorc.json", '{"model": ', /\.bmorc\.json:1:11: broken JSON: it ends too early$/],
    [".bmorc.json", '// models\n{"model": "a/b"}', /\.bmorc\.json:1:1: broken JSON: something else was expected here$/],
    [".bmorc.json", '{\n  "model": }\n', /\.bmorc\.json:2:12: broken JSON: something else was expected here$/],
    [".bmorc.json", '{"model": True}', /\.bmorc\.json:1:11: broken JSON: something else was expected here$/],
    [".bmorc.json", '{"model": "a/b"}\n}', /\.bmorc\.json:2:1: broken JSON: something else was expected here$/],
    [".bmorc.json", '{"model": "a/b\n"}', /\.bmorc\.json:1:15: broken JSON: something else was expected here$/],
    [".bmorc.json", "[1]", /\.bmorc\.json: holds a list, not a table of keys$/],
    [".bmorc.yaml", "model: [a\nb: c\n", /\.bmorc\.yaml:\d+:\d+: broken YAML/],
    [
      "preferences/model-router.json",
      '{"balancedModel": "sk-123456" "x"}',
      /model-router\.json:1:\d+: broken JSON: something else was expected here$/,
    ],
    [
      "preferences/model-router.json",
      '{"balancedModel": 7}',
      /options\.model_router\.balanced_model is 7; allowed: a model/,
    ],
  ])("%s %j", async (name, text, message) => {
    const place = createPlace();
    place.write(join(place.workspace, name), text);
    const error = await failure(load(place));
    expect(error.code).toBe("configuration");
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("sk-123456");
  });

  test("bytes that are no text", async () => {
    const place = createPlace();
    place.write(place.userFile, Buffer.from([0x6d, 0xff, 0xfe, 0x00]));
    expect((await failure(load(place))).message).toBe(`${place.userFile}:1:2: not UTF-8 text`);
    place.write(place.userFile, 'a = 1\nb = "\0"\n');
    expect((await failure(load(place))).message).toBe(`${place.userFile}:2:6: holds a NUL byte`);
  });

  test("a byte order mark and CRLF are fine; an empty file is empty", async () => {
    const place = createPlace();
    place.write(place.userFile, '\uFEFFmodel = "a/b"\r\n');
    place.write(join(place.workspace, ".bmorc.json"), "");
    expect((await load(place)).settings.model).toBe("a/b");
  });

  test("YAML aliases do not explode", async () => {
    const place = createPlace();
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x]",
      ..."bcdefgh".split("").map(
        (letter, index) =>
          `${letter}: &${letter} [${Array(9)
            .fill(`*${"abcdefgh"[index] ?? "a"}`)
            .join(",")}]`,
      ),
    ].join("\n");
    place.write(join(place.workspace, ".bmorc.yaml"), bomb);
    expect((await failure(load(place))).message).toContain("broken YAML");
  });
});

describe("unknown keys", () => {
  test("are ignored, with the nearest known one or the table where such a key belongs", async () => {
    const place = createPlace();
    place.write(
      place.userFile,
      `
modle = "a/b"
planning_model = "x/y"
zzzzzzzzzz = 1
[options.gate]
enabeld = true
[options.phase_router.floor]
review = 50
[[providers.x.models]]
id = "m"
contex_window = 5
`,
    );
    const { notices, settings } = await load(place);
    expect(notices.map((notice) => notice.replace(`${place.userFile}: unknown key `, "")).sort()).toEqual([
      "modle is ignored; did you mean model?",
      "options.gate.enabeld is ignored; did you mean options.gate.enabled?",
      "options.phase_router.floor.review is ignored",
      "planning_model is ignored; did you mean options.phase_model.planning_model?",
      "providers.x.models.0.contex_window is ignored; did you mean providers.x.models.0.context_window?",
      "zzzzzzzzzz is ignored",
    ]);
    expect(settings.options.gate.enabled).toBe(false);
  });

  test("a table at the wrong place is named with where it belongs", async () => {
    const place = createPlace();
    place.write(
      place.userFile,
      "[phase_model]\nplanning_model = 'a/b'\n[gate]\nenabled = true\n[options]\nmodel = 'a/b'\n",
    );
    const { notices } = await load(place);
    expect(notices.map((notice) => notice.replace(`${place.userFile}: unknown key `, "")).sort()).toEqual([
      "gate is ignored; did you mean options.gate or options.reasoning.gate?",
      "options.model is ignored; did you mean model or options.gate.model?",
      "phase_model is ignored; did you mean options.phase_model?",
    ]);
  });

  test.each([
    [
      "bmo.toml",
      '[__proto__]\npolluted = true\n[providers.__proto__]\nbase_url = "http://h"\n["constructor".prototype]\npolluted = true\n',
    ],
    [
      ".bmorc.json",
      '{"__proto__": {"polluted": true}, "providers": {"__proto__": {"base_url": "http://h"}}, "constructor": {"prototype": {"polluted": true}}}',
    ],
    [
      ".bmorc.yaml",
      "__proto__:\n  polluted: true\nproviders:\n  __proto__:\n    base_url: http://h\nconstructor:\n  prototype:\n    polluted: true\n",
    ],
  ])("%s cannot reach a prototype", async (name, text) => {
    const place = createPlace();
    place.write(join(place.workspace, name), text);
    const { settings, notices } = await load(place);
    expect([Reflect.get({}, "polluted"), Object.keys(settings.providers), notices.length]).toEqual([undefined, [], 3]);
  });
});
