// Bad input before any answer: keys, model names, configuration files. Exit code, cause, silent stdout, unchanged tree,
// and no request where none may be made.

import { describe, expect, test } from "vitest";
import { createPlace, providerToml } from "./harness.ts";
import { expectFailure, expectResumable, openServer, resultOf, scene, userToml } from "./scenario.ts";

describe("keys", () => {
  test("no key: exit 6, names the variable and the provider; the session goes on once there is one", async () => {
    const server = await openServer({ replies: () => ({ text: "hi" }) });
    const place = createPlace();
    const toml = userToml(server.url).replace(/api_key = .*/, 'api_key = "${HOUSE_KEY}"');
    place.configure(toml);
    const before = place.digest();
    const finished = await place.run(["-p", "first words"]);
    expectFailure(finished, 6, /HOUSE_KEY/);
    expect(server.requests).toEqual([]);
    expect(place.digest()).toBe(before);
    place.configure(toml.replace('"${HOUSE_KEY}"', '"k-0123456789"'));
    await expectResumable({ server, place }, "first words");
  });

  test("a ready-made provider without its variable: exit 6 names it", async () => {
    const place = createPlace();
    const finished = await place.run(["-p", "-m", "anthropic/claude-sonnet-5-5", "hello"]);
    expectFailure(finished, 6, /ANTHROPIC_API_KEY/);
  });

  test("nothing configured at all: says how to begin", async () => {
    const place = createPlace();
    const finished = await place.run(["-p", "hello"]);
    expect([2, 6]).toContain(finished.code);
    expect(finished.stdout).toBe("");
    expect(finished.stderr).toMatch(/bmo init|model = /);
  });

  test.each(["anthropic", "responses", "chat"] as const)(
    "a wrong key (401 on %s): exit 6, the key is not printed, the session goes on",
    async (wire) => {
      const { server, place } = await scene({ keys: ["the-right-one"], replies: () => ({ text: "hi" }) }, { wire });
      const before = place.digest();
      const finished = await place.run(["-p", "first words"]);
      expectFailure(finished, 6, /401|refused|key/i);
      expect(finished.stderr).not.toContain("test-key-p-0123456789");
      expect(server.requests.map((request) => request.status)).toEqual([401]);
      expect(place.digest()).toBe(before);
      place.configure(userToml(server.url, { wire }).replace(/api_key = .*/, 'api_key = "the-right-one"'));
      await expectResumable({ server, place }, "first words");
    },
  );

  test("a wrong key as JSON: one object with the error", async () => {
    const { place } = await scene({ keys: ["the-right-one"] });
    const result = resultOf(await place.run(["-p", "--json", "first words"]));
    expect(result).toMatchObject({ status: "error", exit_code: 6, result: "", error: { code: "credentials" } });
    expect(result.session_id).not.toBeNull();
  });
});

describe("models and providers", () => {
  test.each([
    ["unknown model of a listed provider", ["-m", "p/m-11"], /m-11[\s\S]*p\/m-1/],
    ["unknown provider", ["-m", "pp/m-1"], /pp[\s\S]*\bp\b/],
    ["unknown bare id", ["-m", "no-such-model-at-all"], /no-such-model-at-all/],
    ["unknown tier", ["--tier", "huge"], /huge[\s\S]*balanced/],
    ["unknown preset", ["--preset", "quick-plan"], /quick-plan[\s\S]*fast-plan/],
  ])("%s: exit 2 with the nearest", async (_name, flags, cause) => {
    const { server, place } = await scene({ replies: () => ({ text: "hi" }) });
    const before = place.digest();
    expectFailure(await place.run(["-p", ...flags, "hello"]), 2, cause);
    expect(server.requests).toEqual([]);
    expect(place.digest()).toBe(before);
  });

  test("a bare id that two providers list: exit 2 names both", async () => {
    const server = await openServer({ replies: () => ({ text: "hi" }) });
    const place = createPlace();
    place.configure(
      `model = "p/twin"\n${providerToml("p", "anthropic", server.url, ["twin"])}${providerToml("q", "chat", server.url, ["twin"])}`,
    );
    expectFailure(await place.run(["-p", "-m", "twin", "hello"]), 2, /p\/twin[\s\S]*q\/twin/);
    expect(server.requests).toEqual([]);
  });

  test("stage models in the file are checked like any other", async () => {
    const { place, server } = await scene(
      {},
      { tables: '[options.phase_model]\nplanning_model = "p/m-1"\nexecution_model = "p/m-typo"' },
    );
    expectFailure(await place.run(["-p", "hello"]), 2, /execution_model[\s\S]*m-typo|m-typo[\s\S]*execution_model/);
    expect(server.requests).toEqual([]);
  });

  test("a model that the server does not know (404): exit 2 says so", async () => {
    const { place } = await scene({ models: ["other"] });
    expectFailure(await place.run(["-p", "hello"]), 2, /m-1/);
  });

  test("an unreachable base URL: exit 7 names the address; the session goes on", async () => {
    const { server, place } = await scene({ replies: () => ({ text: "hi" }) });
    const gone = await openServer();
    await gone.close();
    const toml = userToml(server.url);
    place.configure(toml.replaceAll(server.url, gone.url));
    const before = place.digest();
    expectFailure(
      await place.run(["-p", "first words"]),
      7,
      new RegExp(`${gone.url.replace("http://", "")}|refused|reach`, "i"),
    );
    expect(place.digest()).toBe(before);
    place.configure(toml);
    await expectResumable({ server, place }, "first words");
  });
});

describe("configuration files", () => {
  test.each([
    ["broken TOML", "model = \n[broken", /bmo\.toml[\s\S]*(line|row|:)\s*1/i],
    [
      "a wrong type",
      'model = "p/m-1"\n[options.staged_workflow]\nenabled = "yes"\n',
      /bmo\.toml[\s\S]*options\.staged_workflow\.enabled[\s\S]*yes[\s\S]*true or false/,
    ],
    [
      "a wrong choice",
      'model = "p/m-1"\n[options.phase_model]\nhandoff = "some"\n',
      /options\.phase_model\.handoff[\s\S]*some[\s\S]*plan[\s\S]*full/,
    ],
    ["a missing variable outside providers", 'model = "${NO_SUCH_MODEL_NAME}"\n', /NO_SUCH_MODEL_NAME/],
    ["a negative budget", 'model = "p/m-1"\n[options.budget]\nsession_usd = -1\n', /options\.budget\.session_usd/],
  ])("%s: exit 2 with file and key", async (_name, toml, cause) => {
    const place = createPlace();
    place.configure(toml);
    const before = place.digest();
    expectFailure(await place.run(["-p", "hello"]), 2, cause);
    expect(place.digest()).toBe(before);
  });

  test("a broken project file: exit 2 names it, relative names and all", async () => {
    const { place, server } = await scene({ replies: () => ({ text: "hi" }) });
    place.file(".bmorc.toml", "[options\n");
    expectFailure(await place.run(["-p", "hello"]), 2, /\.bmorc\.toml/);
    expect(server.requests).toEqual([]);
  });

  test("what a project file says moves no cursor", async () => {
    const { place } = await scene({});
    place.file(".bmorc.toml", 'model = "p/\\u001b]0;title\\u0007\\u001b[2Jm"\n');
    for (const args of [
      ["-p", "hello"],
      ["-p", "--json", "hello"],
      ["route", "hello"],
      ["config", "show", "model"],
    ]) {
      const { code, stdout, stderr } = await place.run(args);
      expect({
        args,
        code: code === 0 ? args[0] === "config" : code === 2,
        clean: !/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(stdout + stderr),
      }).toEqual({ args, code: true, clean: true });
    }
  });

  test("bmo config takes the file, the preset and the folder after its name too", async () => {
    const { place } = await scene({});
    place.file("other.toml", 'preset = "gated"\n[options.budget]\nturn_usd = "much"\n');
    expectFailure(
      await place.run(["config", "validate", "--config", "other.toml"]),
      2,
      /other\.toml: options\.budget\.turn_usd/,
    );
    expect((await place.run(["config", "show", "preset", "--preset=tiered"])).stdout).toMatch(
      /^preset = \["tiered"\] +# flag --preset/,
    );
    expect((await place.run(["config", "path", `--cd=${place.home}`])).code).toBe(0);
  });

  test("an unknown key warns with the nearest, and the run goes on", async () => {
    const { place } = await scene(
      { replies: () => ({ text: "fine" }) },
      { tables: "[options.staged_workflw]\nenabled = false" },
    );
    const finished = await place.run(["-p", "hello"]);
    expect(finished).toMatchObject({ code: 0, stdout: "fine\n" });
    expect(finished.stderr).toMatch(/staged_workflw[\s\S]*staged_workflow/);
  });

  test("a missing variable of a provider that is not used does not matter", async () => {
    const { place } = await scene(
      { replies: () => ({ text: "fine" }) },
      {
        tables:
          '[providers.other]\ntype = "openai-compatible"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "${NOT_SET_ANYWHERE}"',
      },
    );
    expect(await place.run(["-p", "hello"])).toMatchObject({ code: 0, stdout: "fine\n" });
  });

  test("a configuration error as JSON is one object, also as stream-json", async () => {
    const place = createPlace();
    place.configure("model = [\n");
    for (const flags of [["--json"], ["--output-format", "json"], ["--output-format=stream-json"]]) {
      const result = resultOf(await place.run(["-p", ...flags, "hello"]));
      expect(result).toMatchObject({
        type: "result",
        session_id: null,
        status: "error",
        exit_code: 2,
        error: { code: "configuration" },
      });
    }
  });
});
