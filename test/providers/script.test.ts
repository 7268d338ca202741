// Scripted replies: which one comes is read off the conversation alone.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Message } from "../../src/types/message.ts";
import type { ModelInfo, Provider } from "../../src/types/provider.ts";
import { ask, callIds, ended, failed, registryWith, request, result, user, VIEW } from "./support.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bmo-script-"));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

async function scripted(script: unknown): Promise<{ provider: Provider; model: ModelInfo }> {
  await writeFile(join(folder, "replies.json"), typeof script === "string" ? script : JSON.stringify(script));
  const registry = registryWith({ demo: { type: "script", file: "replies.json" } }, { baseDirectory: folder });
  const { model } = registry.resolve("demo/planner", "model");
  return { provider: await registry.provider(model), model };
}

const EDIT = { ...VIEW, name: "edit" };
const STAGES = {
  scenes: [
    { when: { no_tools: true }, replies: [{ when: { system: "classify" }, text: "plan" }, { text: "stay" }] },
    {
      when: { tools_include: "edit" },
      replies: [{ calls: [{ name: "edit", input: { path: "a" } }] }, { text: "edited" }],
    },
    {
      when: { tools_exclude: "edit" },
      replies: [
        { when: { user: "revise" }, text: "revised" },
        {
          reasoning: "hm",
          calls: [
            { name: "view", input: {} },
            { name: "view", input: {} },
          ],
        },
        { text: "planned", usage: { input: 10, output: 5, cache_read: 3 } },
      ],
    },
  ],
};

describe("choice", () => {
  test("stages, steps and side calls each get their own reply, from any process", async () => {
    const first = await scripted(STAGES);
    expect(first.provider.scripted).toBe(true);
    const one = ended(await ask(first.provider, first.model, [user("go")]));
    expect(one.message.content.map((block) => block.type)).toEqual(["reasoning", "tool_call", "tool_call"]);
    const [left, right] = callIds(one.message);
    expect([left, right]).toEqual(["script_1", "script_2"]);
    const history: Message[] = [user("go"), one.message, result(left ?? "", "A"), result(right ?? "", "B")];
    const second = await scripted(STAGES);
    const two = ended(await ask(second.provider, second.model, history));
    expect(two).toMatchObject({
      stopReason: "end",
      usage: { input: 10, output: 5, cache_read: 3, cache_write: 0 },
      message: { content: [{ type: "text", text: "planned" }] },
    });
    const three = ended(await ask(second.provider, second.model, [...history, two.message, user("please revise it")]));
    expect(three.message.content).toEqual([{ type: "text", text: "revised" }]);
    const four = ended(
      await ask(second.provider, second.model, [...history, two.message, user("execute")], { tools: [VIEW, EDIT] }),
    );
    expect(four).toMatchObject({ stopReason: "tool_calls", message: { content: [{ name: "edit", id: "script_3" }] } });
    const five = ended(
      await ask(second.provider, second.model, [user("execute"), four.message, result("script_3", "ok")], {
        tools: [VIEW, EDIT],
      }),
    );
    expect(five.message.content).toEqual([{ type: "text", text: "edited" }]);
    expect(ended(await ask(second.provider, second.model, [user("x")], { tools: [] })).message.content).toEqual([
      { type: "text", text: "stay" },
    ]);
    expect(
      ended(await ask(second.provider, second.model, [user("x")], { tools: [], system: "now classify this" })).message
        .content,
    ).toEqual([{ type: "text", text: "plan" }]);
  });

  test("conditions on counts, results, texts and the model", async () => {
    const { provider, model } = await scripted({
      replies: [
        { when: { result: "needle" }, text: "found" },
        { when: { after_tool_results: 2 }, text: "two" },
        { when: { after_assistant_messages: 1 }, text: "one" },
        { when: { text: "magic" }, text: "seen" },
        { when: { model: "demo/planner" }, text: "model" },
      ],
    });
    const says = async (messages: Message[]): Promise<unknown> =>
      ended(await ask(provider, model, messages)).message.content[0];
    const called: Message = {
      role: "assistant",
      model: "demo/planner",
      content: [{ type: "tool_call", id: "a", name: "view", input: {} }],
    };
    expect(await says([user("x")])).toMatchObject({ text: "model" });
    expect(await says([user("magic")])).toMatchObject({ text: "seen" });
    expect(await says([user("x"), called, result("a", "hay")])).toMatchObject({ text: "one" });
    expect(await says([user("x"), called, result("a", "hay"), called, result("a", "hay")])).toMatchObject({
      text: "two",
    });
    expect(await says([user("x"), called, result("a", "a needle")])).toMatchObject({ text: "found" });
  });
});

describe("faults", () => {
  test("an exhausted script, a scripted failure and broken arguments", async () => {
    const { provider, model } = await scripted({
      replies: [{ calls: [{ name: "view", raw: '{"pa' }], stop: "max_tokens" }, { error: "the house is on fire" }],
    });
    const first = ended(await ask(provider, model, [user("x")]));
    expect(first).toMatchObject({
      stopReason: "max_tokens",
      message: { content: [{ type: "tool_call", input: {}, invalid: '{"pa' }] },
    });
    expect(
      failed(await ask(provider, model, [user("x"), first.message, result("script_1", "cut")])).error.message,
    ).toContain("the house is on fire");
    const again: Message = { role: "assistant", model: "m", content: [{ type: "text", text: "x" }] };
    expect(failed(await ask(provider, model, [user("x"), again, again])).error.message).toMatch(
      /provider demo has no reply/,
    );
  });

  test.each([
    ["{", /not JSON/],
    [{ replies: [{ txt: "x" }] }, /replies\.0/],
    [{ replies: "x" }, /replies/],
    [[], /wrong at its top/],
  ])("script %j says what is wrong", async (script, sentence) => {
    const { provider, model } = await scripted(script);
    expect(failed(await ask(provider, model, [user("x")])).error.message).toMatch(sentence);
    expect(await provider.check(new AbortController().signal)).toMatchObject({
      ok: false,
      detail: expect.stringMatching(sentence) as string,
    });
  });

  test("can be stopped while it types", async () => {
    const { provider, model } = await scripted({
      replies: [{ text: "one two three", pace_ms: 60_000 }, { text: "x" }],
    });
    const controller = new AbortController();
    const stream = provider.stream(request(model, [user("x")]), controller.signal)[Symbol.asyncIterator]();
    const next = stream.next();
    controller.abort();
    expect((await next).value).toMatchObject({ type: "error", error: { kind: "aborted" } });
  });
});
