// Layers, precedence, merging and interpolation, on real files.

import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DEFAULT_SETTINGS } from "../../src/config/defaults.ts";
import { loadSettings, reloadIfChanged } from "../../src/config/load.ts";
import { createPlace, failure, inputOf, load } from "./home.ts";
import { needOrdinaryUser } from "../support/need.ts";

describe("precedence", () => {
  test("nothing set: the defaults, no files, no notices, no question of trust", async () => {
    const asked: string[] = [];
    const loaded = await load(createPlace(), { onTrust: (directory) => asked.push(directory) });
    expect(JSON.parse(JSON.stringify(loaded.settings))).toEqual(JSON.parse(JSON.stringify(DEFAULT_SETTINGS)));
    expect({
      files: loaded.files,
      notices: loaded.notices,
      untrusted: loaded.untrusted,
      trust: loaded.trust,
      asked,
    }).toEqual({ files: [], notices: [], untrusted: [], trust: null, asked: [] });
  });

  test("each layer in turn wins over the ones below it, and says where the value came from", async () => {
    const place = createPlace();
    const seen: [unknown, string | undefined][] = [];
    const key = "options.phase_model.planning_model";
    const given: { environment?: Record<string, string>; flags?: { key: string; value: string; origin: string }[] } =
      {};
    const look = async (): Promise<void> => {
      const loaded = await load(place, given);
      seen.push([loaded.settings.options.phase_model.planning_model, loaded.origins[key]?.replace(place.root, "")]);
    };
    await look();
    place.write(place.userFile, 'preset = "fast-plan"\n');
    await look();
    place.write(place.userFile, 'preset = "fast-plan"\n[options.phase_model]\nplanning_model = "u/1"\n');
    await look();
    place.write(join(place.repository, ".bmorc.toml"), '[options.phase_model]\nplanning_model = "r/1"\n');
    await look();
    place.write(join(place.workspace, ".bmorc.toml"), '[options.phase_model]\nplanning_model = "w/1"\n');
    await look();
    given.environment = { BMO_OPTIONS__PHASE_MODEL__PLANNING_MODEL: "e/1" };
    await look();
    given.flags = [{ key, value: "f/1", origin: "flag --x" }];
    await look();
    expect(seen).toEqual([
      [null, "default"],
      ["role:fast", "preset fast-plan"],
      ["u/1", "/home/.config/bmo/bmo.toml"],
      ["r/1", "/repository/.bmorc.toml"],
      ["w/1", "/repository/packages/one/.bmorc.toml"],
      ["e/1", "BMO_OPTIONS__PHASE_MODEL__PLANNING_MODEL"],
      ["f/1", "flag --x"],
    ]);
  });

  test("the tier bindings in JSON lie just below the TOML of their layer, with the wrapper or without", async () => {
    const place = createPlace();
    place.write(
      join(place.home, ".config/bmo/preferences/model-router.json"),
      '{"modelRouter": {"balancedModel": "uj/b", "smartModel": "uj/s", "deepModel": "uj/d", "temperature": 0.2}}',
    );
    place.write(
      place.userFile,
      '[options.model_router]\nsmart_model = "ut/s"\ndeep_model = "ut/d"\ncoding_model = "ut/c"\n',
    );
    place.write(
      join(place.workspace, "preferences/model-router.json"),
      '{"deepModel": "wj/d", "codingModel": "wj/c", "dynamicTierEnabled": false}',
    );
    place.write(join(place.repository, ".bmorc.toml"), '[options.model_router]\ncoding_model = "rt/c"\n');
    const { settings, files } = await load(place);
    expect(settings.options.model_router).toEqual({
      balanced_model: "uj/b",
      smart_model: "ut/s",
      deep_model: "wj/d",
      coding_model: "rt/c",
      routing_model: null,
      dynamic_tier_enabled: false,
      temperature: 0.2,
    });
    expect(files.map((file) => file.replace(place.root, ""))).toEqual([
      "/repository/.bmorc.toml",
      "/repository/packages/one/preferences/model-router.json",
      "/home/.config/bmo/bmo.toml",
      "/home/.config/bmo/preferences/model-router.json",
    ]);
  });

  test("BMO_HOME holds the user's file; XDG_CONFIG_HOME moves it; a relative one does not count", async () => {
    const place = createPlace();
    place.write(join(place.root, "own", "bmo.toml"), 'model = "own/1"\n');
    place.write(join(place.root, "xdg", "bmo", "bmo.toml"), 'model = "xdg/1"\n');
    place.write(place.userFile, 'model = "home/1"\n');
    const models: (string | null)[] = [];
    const environments: Record<string, string>[] = [
      { BMO_HOME: join(place.root, "own"), XDG_CONFIG_HOME: join(place.root, "xdg") },
      { XDG_CONFIG_HOME: join(place.root, "xdg") },
      { XDG_CONFIG_HOME: "xdg" },
    ];
    for (const environment of environments) models.push((await load(place, { environment })).settings.model);
    expect(models).toEqual(["own/1", "xdg/1", "home/1"]);
  });

  test("without a home nothing of the working directory can pass as the user's file", async () => {
    const place = createPlace();
    expect(await failure(loadSettings({ ...inputOf(place), homeDirectory: "" }))).toEqual({
      code: "configuration",
      message: "there is no home directory: HOME is not set",
      hint: "Set HOME, BMO_HOME or XDG_CONFIG_HOME.",
    });
  });

  test("the search stops at the repository root, and outside a repository at the folder itself", async () => {
    const place = createPlace();
    place.write(join(place.root, ".bmorc.toml"), 'model = "above/1"\n');
    expect((await load(place)).settings.model).toBeNull();
    rmSync(join(place.repository, ".git"), { recursive: true });
    place.write(join(place.repository, ".bmorc.toml"), 'model = "repository/1"\n');
    expect((await load(place)).settings.model).toBeNull();
    place.write(join(place.workspace, "bmo.toml"), 'model = "workspace/1"\n');
    expect((await load(place)).settings.model).toBe("workspace/1");
  });

  test("the user's own file is no project file, also when the workspace is its folder", async () => {
    const place = createPlace();
    place.write(place.userFile, '[providers.x]\nbase_url = "http://127.0.0.1:1/v1"\n');
    const loaded = await loadSettings({
      ...inputOf(place, { trusted: false }),
      workspace: join(place.home, ".config", "bmo"),
    });
    expect([loaded.files, loaded.untrusted, loaded.origins["providers.x.base_url"]]).toEqual([
      [place.userFile],
      [],
      place.userFile,
    ]);
  });

  test("--config stands for the project's configuration, trusted", async () => {
    const place = createPlace();
    place.write(join(place.workspace, ".bmorc.toml"), 'model = "w/1"\n');
    const file = place.write(join(place.root, "other.toml"), '[providers.x]\nbase_url = "http://127.0.0.1:1/v1"\n');
    const loaded = await load(place, { configFile: file, trusted: false });
    expect([loaded.settings.model, loaded.settings.providers["x"]?.base_url, loaded.files, loaded.untrusted]).toEqual([
      null,
      "http://127.0.0.1:1/v1",
      [file],
      [],
    ]);
    expect((await failure(load(place, { configFile: join(place.root, "none.toml") }))).message).toBe(
      `${join(place.root, "none.toml")}: no such file`,
    );
  });
});

describe("files", () => {
  test("several in one folder: the first in the documented order counts, the others are named", async () => {
    const place = createPlace();
    const names = [".bmorc.toml", ".bmorc", ".bmorc.json", ".bmorc.yaml", "bmo.toml", ".bmo.toml"];
    const text = (name: string, index: number): string =>
      name.endsWith("json")
        ? `{"model": "m/${index}"}`
        : name.endsWith("yaml")
          ? `model: m/${index}\n`
          : `model = "m/${index}"\n`;
    names.forEach((name, index) => place.write(join(place.workspace, name), text(name, index)));
    for (const [index, name] of names.entries()) {
      const { settings, notices } = await load(place);
      expect(settings.model).toBe(`m/${index}`);
      expect(notices.length).toBe(index < names.length - 1 ? 1 : 0);
      for (const other of names.slice(index + 1)) expect(notices[0]).toContain(join(place.workspace, other));
      rmSync(join(place.workspace, name));
    }
  });

  test(".bmorc is JSON when it begins with a brace, TOML otherwise", async () => {
    const place = createPlace();
    place.write(
      join(place.workspace, ".bmorc"),
      '\n  {"agents": {"defaults": {"routing": {"enabled": true, "classifierModel": "a/small"}}}}',
    );
    const loaded = await load(place);
    expect([loaded.settings.options.gate, loaded.notices]).toEqual([{ enabled: true, model: "a/small" }, []]);
  });

  test("nothing of the repository is executed, and package.json does not move the search", async () => {
    const place = createPlace();
    const mark = join(place.root, "ran");
    const code = `require("node:fs").writeFileSync(${JSON.stringify(mark)}, "x"); module.exports = { model: "evil/1", searchPlaces: ["evil.toml"] };`;
    for (const name of [
      ".bmorc.js",
      ".bmorc.cjs",
      "bmo.config.js",
      ".config/config.js",
      ".config/config.cjs",
      "evil.js",
    ])
      place.write(join(place.workspace, name), code);
    place.write(
      join(place.workspace, "package.json"),
      '{"bmo": {"model": "evil/2"}, "cosmiconfig": {"searchPlaces": ["evil.toml"]}}',
    );
    place.write(join(place.workspace, "evil.toml"), 'model = "evil/3"\n');
    place.write(join(place.workspace, ".bmorc.toml"), 'model = "good/1"\n');
    const before = process.cwd();
    process.chdir(place.workspace);
    try {
      expect((await load(place)).settings.model).toBe("good/1");
      place.write(join(place.workspace, ".bmorc.toml"), '"$import" = "./evil.js"\n');
      expect((await failure(load(place))).message).toBe(
        `${join(place.workspace, ".bmorc.toml")}: $import is not supported`,
      );
    } finally {
      process.chdir(before);
    }
    expect(existsSync(mark)).toBe(false);
  });

  test("a folder in its place, a huge file, a broken link", async () => {
    const place = createPlace();
    const file = join(place.workspace, ".bmorc.toml");
    mkdirSync(file);
    expect((await load(place)).settings.model).toBeNull();
    rmSync(file, { recursive: true });
    symlinkSync(join(place.root, "nowhere"), file);
    expect((await load(place)).files).toEqual([]);
    rmSync(file);
    place.write(file, `# ${"x".repeat(1_048_576)}\n`);
    expect((await failure(load(place))).message).toBe(
      `${file}: 1048579 bytes; a configuration file may hold at most 1048576`,
    );
  });

  const ordinaryUser = needOrdinaryUser("root may read anything");
  test.skipIf(ordinaryUser.missing)(ordinaryUser.title("an unreadable file"), async () => {
    const place = createPlace();
    const file = join(place.workspace, ".bmorc.toml");
    place.write(file, 'model = "a/b"\n');
    chmodSync(file, 0);
    expect((await failure(load(place))).message).toBe(`${file}: cannot be read (EACCES)`);
  });
});

describe("merging", () => {
  test("scalars and lists replace, tables merge, rules and models combine with the higher layer first", async () => {
    const place = createPlace();
    place.write(
      place.userFile,
      `
[options.shell.env]
remove = ["A", "B"]
add = { X = "1", Y = "2" }
[options.staged_workflow]
enabled = true
[permissions]
allow = ["view", "grep"]
deny = ["bash(rm *)"]
[[providers.house.models]]
id = "one"
context_window = 1000
price = { input = 1, output = 2 }
[[providers.house.models]]
id = "two"
`,
    );
    place.write(
      join(place.workspace, ".bmorc.toml"),
      `
[options.shell.env]
remove = ["C"]
add = { Y = "3" }
[options.staged_workflow]
enabled = false
[permissions]
allow = ["edit", "view"]
deny = ["write"]
[[providers.house.models]]
id = "three"
[[providers.house.models]]
id = "one"
price = { output = 5 }
`,
    );
    const { settings, origins } = await load(place);
    const projectFile = join(place.workspace, ".bmorc.toml");
    expect(
      JSON.parse(
        JSON.stringify({
          env: settings.options.shell.env,
          workflow: settings.options.staged_workflow.enabled,
          permissions: settings.permissions,
          models: settings.providers["house"]?.models,
        }),
      ),
    ).toEqual({
      env: { add: { X: "1", Y: "3" }, remove: ["C"] },
      workflow: false,
      permissions: { mode: "default", allow: ["edit", "view", "grep"], deny: ["write", "bash(rm *)"] },
      models: [{ id: "three" }, { id: "one", context_window: 1000, price: { input: 1, output: 5 } }, { id: "two" }],
    });
    expect(origins["permissions.allow"]).toBe(`${projectFile}, ${place.userFile}`);
    expect(origins["options.shell.env.add.X"]).toBe(place.userFile);
  });

  test("an empty name means none and wins; an empty provider table counts as configured", async () => {
    const place = createPlace();
    place.write(place.userFile, 'model = "a/b"\n[providers.ollama]\n');
    place.write(join(place.workspace, ".bmorc.toml"), 'model = ""\n');
    const { settings } = await load(place);
    expect([settings.model, Object.keys(settings.providers), settings.providers["toString"]]).toEqual([
      null,
      ["ollama"],
      undefined,
    ]);
  });

  test("presets combine; explicit keys win over them; of two the later one wins", async () => {
    const place = createPlace();
    place.write(
      place.userFile,
      'preset = ["fast-plan", "tiered", "gated"]\n[options.phase_model]\nexecution_model = "mine/1"\n',
    );
    const { settings } = await load(place);
    expect([
      settings.options.phase_model.planning_model,
      settings.options.phase_model.execution_model,
      settings.options.gate.enabled,
      settings.preset,
    ]).toEqual(["tier:smart", "mine/1", true, ["fast-plan", "tiered", "gated"]]);
    const unknown = await failure(
      load(place, { flags: [{ key: "preset", value: ["teired"], origin: "flag --preset" }] }),
    );
    expect(unknown).toEqual({
      code: "configuration",
      message: 'flag --preset: preset is "teired"; allowed: fast-plan, reasoning-plan, tiered, phase-aware, gated',
      hint: "Did you mean tiered? Several presets combine, as a list.",
    });
  });

  test.each([
    [
      "fast-plan",
      {
        planning_model: "role:fast",
        execution_model: "role:capable",
        handoff: "plan",
        unit: "plan",
        strict: false,
        max_replans: 2,
      },
      false,
    ],
    [
      "reasoning-plan",
      {
        planning_model: "role:capable",
        execution_model: "role:fast",
        handoff: "plan",
        unit: "plan",
        strict: true,
        max_replans: 2,
      },
      false,
    ],
    [
      "tiered",
      {
        planning_model: "tier:smart",
        execution_model: "tier:coding",
        handoff: "plan",
        unit: "plan",
        strict: false,
        max_replans: 2,
      },
      false,
    ],
    [
      "phase-aware",
      {
        planning_model: "auto",
        execution_model: "auto",
        handoff: "plan",
        unit: "ticket",
        strict: false,
        max_replans: 2,
      },
      false,
    ],
    [
      "gated",
      { planning_model: null, execution_model: null, handoff: "plan", unit: "plan", strict: false, max_replans: 2 },
      true,
    ],
  ])("preset %s is its row of the table and loosens nothing", async (preset, phaseModel, gate) => {
    const { settings } = await load(createPlace(), { environment: { BMO_PRESET: preset } });
    expect([settings.options.phase_model, settings.options.gate.enabled]).toEqual([phaseModel, gate]);
    expect([settings.options.containment.mode, settings.options.staged_workflow, settings.permissions]).toEqual([
      "enforce",
      DEFAULT_SETTINGS.options.staged_workflow,
      DEFAULT_SETTINGS.permissions,
    ]);
  });
});

describe("environment", () => {
  test("TOML values, else text; a text key takes a number as text; unknown names warn", async () => {
    const { settings, notices, origins } = await load(createPlace(), {
      environment: {
        BMO_MODEL: "openai/gpt-6",
        BMO_OPTIONS__GATE__ENABLED: "true",
        BMO_OPTIONS__BUDGET__SESSION_USD: "1.5",
        BMO_PERMISSIONS__DENY: '["write"]',
        BMO_PROVIDERS__HOUSE__API_KEY: "123456",
        BMO_PRESET: "tiered,gated",
        BMO_HOME_PAGE: "x",
        BMO_TEST_SKIP_BUILD: "1",
        OTHER: "1",
      },
    });
    expect([
      settings.model,
      settings.options.gate.enabled,
      settings.options.budget.session_usd,
      settings.permissions.deny,
      settings.providers["house"]?.api_key,
      settings.preset,
    ]).toEqual(["openai/gpt-6", true, 1.5, ["write"], "123456", ["tiered", "gated"]]);
    expect(notices).toEqual(["BMO_HOME_PAGE: unknown key home_page is ignored"]);
    expect(origins["model"]).toBe("BMO_MODEL");
  });

  test("a wrong value names the variable", async () => {
    expect(await failure(load(createPlace(), { environment: { BMO_OPTIONS__GATE__ENABLED: "yes" } }))).toEqual({
      code: "configuration",
      message: 'BMO_OPTIONS__GATE__ENABLED: options.gate.enabled is "yes"; allowed: true or false',
      hint: null,
    });
  });
});

describe("interpolation", () => {
  test("is filled in from the environment; missing in a provider it stays and harms nothing; an escape gives the text", async () => {
    const place = createPlace();
    place.write(
      place.userFile,
      'model = "${WHO}/m"\n[providers.a]\napi_key = "${A_KEY}"\nbase_url = "http://${HOST}/v1"\n[providers.b]\napi_key = "${B_KEY}"\n[permissions]\ndeny = ["bash(echo $${HOME})"]\n',
    );
    const { settings } = await load(place, { environment: { WHO: "a", A_KEY: "secret", HOST: "h", B_KEY: "" } });
    expect(JSON.parse(JSON.stringify([settings.model, settings.providers, settings.permissions.deny]))).toEqual([
      "a/m",
      { a: { api_key: "secret", base_url: "http://h/v1" }, b: { api_key: "${B_KEY}" } },
      ["bash(echo ${HOME})"],
    ]);
  });

  test("in variables of bmo as well", async () => {
    const environment = {
      BMO_MODEL: "${WHO}/m",
      BMO_PROVIDERS__A__API_KEY: "${A_KEY}",
      BMO_PROVIDERS__B__API_KEY: "${NOPE}",
      WHO: "a",
      A_KEY: "secret",
    };
    const { settings } = await load(createPlace(), { environment });
    expect([settings.model, settings.providers["a"]?.api_key, settings.providers["b"]?.api_key]).toEqual([
      "a/m",
      "secret",
      "${NOPE}",
    ]);
    expect(await failure(load(createPlace(), { environment: { BMO_MODEL: "${NOPE}" } }))).toMatchObject({
      code: "configuration",
      message: "BMO_MODEL: model asks for ${NOPE}, which is not set",
    });
  });

  test("missing elsewhere is an error that names it, unless a higher layer gives the value", async () => {
    const place = createPlace();
    place.write(place.userFile, 'model = "${NOPE}"\n');
    expect(await failure(load(place))).toEqual({
      code: "configuration",
      message: `${place.userFile}: model asks for \${NOPE}, which is not set`,
      hint: "Set NOPE, or write $${NOPE} for the text itself.",
    });
    expect(
      (await load(place, { flags: [{ key: "model", value: "a/b", origin: "flag --model" }] })).settings.model,
    ).toBe("a/b");
  });
});

describe("reload", () => {
  test("the same object until a file that takes part, or could, changes; a broken edit throws", async () => {
    const place = createPlace();
    place.write(place.userFile, 'model = "a/b"\n');
    const input = inputOf(place);
    const first = await loadSettings(input);
    expect(await reloadIfChanged(first, input)).toBe(first);
    place.write(place.userFile, 'model = "a/longer"\n');
    const second = await reloadIfChanged(first, input);
    expect(second.settings.model).toBe("a/longer");
    place.write(join(place.workspace, "bmo.toml"), 'model = "w/1"\n');
    const third = await reloadIfChanged(second, input);
    expect(third.settings.model).toBe("w/1");
    place.write(join(place.workspace, "bmo.toml"), "model =\n");
    expect((await failure(reloadIfChanged(third, input))).message).toContain("broken TOML");
  });
});
