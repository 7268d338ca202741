// The demo's parts: a test that really fails, replies that fit the tools, and an edit that really mends it.

import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "smol-toml";
import { checkDemo, prepareDemo, type PreparedDemo } from "../../src/demo/demo.ts";
import { demoScript } from "../../src/demo/script.ts";
import { validatePlan } from "../../src/plan/content.ts";
import { chooseReply, parseScript } from "../../src/providers/script.ts";
import { createRegistry } from "../../src/providers/index.ts";
import { DEFAULT_SETTINGS } from "../../src/config/defaults.ts";
import { tools } from "../../src/tools/index.ts";
import type { Message } from "../../src/types/message.ts";
import type { ModelRequest } from "../../src/types/provider.ts";

const signal = new AbortController().signal;

async function prepared(): Promise<PreparedDemo & { directory: string }> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "bmo-demo-")));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return { ...(await prepareDemo({ directory, environment: process.env, paceMs: 0 })), directory };
}

type Script = { scenes: { replies: { calls?: { name: string; input: Record<string, string> }[] }[] }[] };

function calls(): { name: string; input: Record<string, string> }[] {
  const script = JSON.parse(JSON.stringify(demoScript(0))) as Script;
  return script.scenes.flatMap((scene) => scene.replies.flatMap((reply) => reply.calls ?? []));
}

test("the sample's test fails before the scripted edit and passes after it, and only because of it", async () => {
  const demo = await prepared();
  expect(readdirSync(demo.directory).sort()).toEqual(["corner-shop", "home"]);
  const before = await checkDemo(demo.workspace, process.env, signal);
  expect(before.passed).toBe(false);
  expect(before.output).toContain("the total counts quantities");
  expect((await checkDemo(demo.workspace, process.env, signal)).passed).toBe(false);

  const edit = calls().find((call) => call.name === "edit");
  const { path = "", old = "", new: replacement = "" } = edit?.input ?? {};
  const file = join(demo.workspace, path);
  const text = readFileSync(file, "utf8");
  expect(text.split(old)).toHaveLength(2);
  writeFileSync(
    file,
    text.replace(old, () => replacement),
  );
  const after = await checkDemo(demo.workspace, { ...process.env, NODE_TEST_CONTEXT: "child-v8" }, signal);
  expect(after.output).toContain("pass 4");
  expect(after.passed).toBe(true);
});

test("every scripted call is one that its tool accepts, and the plan is complete", async () => {
  const { workspace } = await prepared();
  for (const call of calls()) {
    const tool = tools.find((one) => one.spec.name === call.name);
    expect(tool?.parse(call.input), call.name).toMatchObject({ ok: true });
  }
  const plan = calls().find((call) => call.name === "set_plan_artifact");
  expect(validatePlan(plan?.input, workspace)).toMatchObject({ ok: true, flags: [] });
});

test("planner and executor each get their replies, in order, also from another process", () => {
  const scenes = parseScript(JSON.stringify(demoScript(0)), "script.json");
  const request = (offered: string, messages: Message[]): ModelRequest =>
    ({
      system: "",
      messages,
      tools: [{ name: offered, description: "", schema: {} }],
      model: { id: "demo/x", wireId: "x" },
    }) as unknown as ModelRequest;
  const said = (offered: string): string[] => {
    const messages: Message[] = [{ role: "user", content: [{ type: "text", text: "go" }] }];
    const names: string[] = [];
    for (let step = 0; step < 10; step++) {
      const reply = chooseReply(scenes, request(offered, messages));
      if (reply === null) break;
      names.push((reply.calls ?? []).map((call) => call.name).join("+") || "text");
      messages.push({ role: "assistant", model: "demo/x", content: [{ type: "text", text: "…" }] });
    }
    return names;
  };
  expect(said("set_plan_artifact")).toEqual(["view+view", "set_plan_artifact", "text"]);
  expect(said("edit")).toEqual(["view", "edit", "bash", "text"]);
});

test("the configuration names two scripted models with prices, and nothing to send anything to", async () => {
  const { home } = await prepared();
  const config = parse(readFileSync(join(home, "bmo.toml"), "utf8")) as unknown as {
    providers: Parameters<typeof createRegistry>[0]["settings"]["providers"];
  };
  expect(Object.values(config.providers).map((provider) => provider.type)).toEqual(["script"]);
  const registry = createRegistry({
    settings: { ...DEFAULT_SETTINGS, providers: config.providers },
    environment: {},
    runKeyCommand: () => Promise.reject(new Error("no key is needed")),
    onKey: () => expect.fail("no key is needed"),
    baseDirectory: home,
    now: () => new Date("2026-11-21T00:00:00.000Z"),
  });
  for (const name of ["demo/planner", "demo/executor"]) {
    const { model, notices } = registry.resolve(name, "test");
    expect(notices).toEqual([]);
    expect(model.price.input).toBeGreaterThan(0);
    const provider = await registry.provider(model);
    expect(provider.scripted).toBe(true);
    expect(await provider.check(signal)).toEqual({ ok: true, detail: "7 scripted replies, no model" });
  }
});
