// One suite over every wire format, against a server that refuses what the vendor refuses.

import { afterEach, describe, expect, test } from "vitest";
import type { Message } from "../../src/types/message.ts";
import {
  startVendorServer,
  type ScriptedCall,
  type VendorServer,
  type VendorServerOptions,
} from "../support/vendor-server.ts";
import { ask, callIds, ended, failed, KEY, open, request, result, textOf, user, VIEW, WIRES } from "./support.ts";

const servers: VendorServer[] = [];
async function serve(options: VendorServerOptions): Promise<VendorServer> {
  const server = await startVendorServer({ keys: [KEY], models: ["model-a"], ...options });
  servers.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const PNG = { type: "image" as const, mediaType: "image/png" as const, data: "iVBORw0KGgo=" };

describe.each(WIRES)("%s", (wire) => {
  test("streams text in order and ends with the whole message, usage, stop reason and served model", async () => {
    const usage = { input: 1234, output: 77, cache_read: 5000, cache_write: 321 };
    const server = await serve({
      replies: [{ text: ["Grüße, ", "日本", "語 🙂"], usage, servedModel: "model-a-2026-10-01" }],
    });
    const { provider, model } = await open(wire, server);
    const parts = await ask(provider, model, [user("hi")]);
    expect(textOf(parts)).toBe("Grüße, 日本語 🙂");
    expect(ended(parts)).toEqual({
      type: "end",
      usage,
      stopReason: "end",
      servedModel: "model-a-2026-10-01",
      message: { role: "assistant", model: "house/model-a", content: [{ type: "text", text: "Grüße, 日本語 🙂" }] },
    });
    const seen = server.requests[0];
    expect(seen).toMatchObject({
      status: 200,
      violations: [],
      model: "model-a",
      system: "You are tested.",
      tools: ["view"],
      userTexts: ["hi"],
    });
    expect(seen?.headers["accept-encoding"]).toBe("identity");
  });

  test("reads characters and events that are split across chunks at any byte", async () => {
    const server = await serve({
      chunkBytes: 3,
      replies: [
        { reasoning: "überlegt — 🙂", text: "naïve 🧪 done", calls: [{ name: "view", input: { path: "ä/日.txt" } }] },
      ],
    });
    const { provider, model } = await open(wire, server, {}, { reasoning: true });
    const parts = await ask(provider, model, [user("hi")]);
    expect(ended(parts).message.content).toMatchObject([
      { type: "reasoning", text: "überlegt — 🙂" },
      { type: "text", text: "naïve 🧪 done" },
      { type: "tool_call", name: "view", input: { path: "ä/日.txt" } },
    ]);
  });

  test("parallel tool calls come back whole, and their results are accepted", async () => {
    const calls: ScriptedCall[] = [
      { name: "view", input: { path: "a" } },
      { name: "view", input: {} },
      { name: "view", input: { path: "c", nested: { list: [1, null, "x"] } } },
    ];
    const server = await serve({ replies: [{ text: "looking", calls }, { text: "read" }] });
    const { provider, model } = await open(wire, server);
    const first = ended(await ask(provider, model, [user("go")]));
    expect(first.stopReason).toBe("tool_calls");
    expect(
      first.message.content.filter((block) => block.type === "tool_call").map(({ name, input }) => ({ name, input })),
    ).toEqual(calls);
    const [one, two, three] = callIds(first.message);
    const second = await ask(provider, model, [
      user("go"),
      first.message,
      result(three ?? "", "C"),
      result(one ?? "", "A"),
      result(two ?? "", "", true),
    ]);
    expect(textOf(second)).toBe("read");
    expect(server.requests[1]?.toolResults).toEqual([
      { id: one, text: "A" },
      { id: two, text: expect.stringContaining("(no output)") as string },
      { id: three, text: "C" },
    ]);
  });

  test("its own reasoning goes back exactly, and only to the model that wrote it", async () => {
    const server = await serve({
      models: ["model-a", "model-b"],
      replies: [
        { reasoning: "think  twice\n", calls: [{ name: "view", input: { path: "a" } }] },
        { text: "two" },
        { text: "three" },
      ],
    });
    const { provider, model } = await open(wire, server, {}, { reasoning: true });
    const first = ended(await ask(provider, model, [user("go")], { reasoning: "high" }));
    const history: Message[] = [user("go"), first.message, result(callIds(first.message)[0] ?? "", "A")];
    ended(await ask(provider, model, history, { reasoning: "high" }));
    ended(await ask(provider, { ...model, id: "house/model-b", wireId: "model-b" }, history, { reasoning: "high" }));
    if (wire !== "chat") expect(server.requests[1]?.raw).toContain("think  twice");
    expect(server.requests[2]?.raw).not.toContain("think  twice");
    expect(server.requests.map((seen) => seen.violations)).toEqual([[], [], []]);
  });

  test("images of the user and of tool results are sent; a model without eyes gets a note", async () => {
    const server = await serve({
      replies: [{ calls: [{ name: "view", input: { path: "a.png" } }] }, { text: "seen" }, { text: "blind" }],
    });
    const { provider, model } = await open(wire, server);
    const question: Message = { role: "user", content: [{ type: "text", text: "what is this" }, PNG] };
    const first = ended(await ask(provider, model, [question]));
    const answer: Message = {
      role: "tool",
      callId: callIds(first.message)[0] ?? "",
      toolName: "view",
      content: [PNG],
      isError: false,
    };
    ended(await ask(provider, model, [question, first.message, answer]));
    ended(await ask(provider, { ...model, vision: false }, [question, first.message, answer]));
    const images = server.requests.map((seen) => seen.raw.split(PNG.data).length - 1);
    expect(images).toEqual([1, 2, 0]);
    expect(server.requests[2]?.raw.split("An image was left out").length).toBe(3);
  });

  test.each([
    ["end", { text: "x" }],
    ["max_tokens", { text: "x", stop: "max_tokens" }],
    ["refusal", { text: "no", stop: "refusal" }],
    ["tool_calls", { calls: [{ name: "view", input: {} }] }],
  ] as const)("stop reason %s", async (stopReason, reply) => {
    const server = await serve({ replies: [{ ...reply, calls: "calls" in reply ? [...reply.calls] : undefined }] });
    const { provider, model } = await open(wire, server);
    expect(ended(await ask(provider, model, [user("hi")])).stopReason).toBe(stopReason);
  });

  test.each([
    ["cut in half", { path: "src/a.ts", text: "long enough" }, undefined],
    ["an array", undefined, "[1,2]"],
    ["text", undefined, '"rm"'],
    ["broken", undefined, '{"path": }'],
  ])("arguments that are %s are kept as invalid, never repaired", async (name, input, rawArguments) => {
    const call = {
      name: "view",
      ...(input === undefined ? {} : { input }),
      ...(rawArguments === undefined ? {} : { rawArguments }),
    };
    const server = await serve({
      replies: [{ calls: [call] }, { text: "sorry" }],
      faults: name === "cut in half" ? [{ kind: "truncated-arguments" }] : [],
    });
    const { provider, model } = await open(wire, server);
    const first = ended(await ask(provider, model, [user("hi")]));
    const raw = rawArguments ?? JSON.stringify(input).slice(0, Math.floor(JSON.stringify(input).length / 2));
    expect(first.message.content).toEqual([
      { type: "tool_call", id: expect.any(String) as string, name: "view", input: {}, invalid: raw },
    ]);
    expect(first.stopReason).toBe(name === "cut in half" ? "max_tokens" : "tool_calls");
    expect(
      textOf(
        await ask(provider, model, [
          user("hi"),
          first.message,
          result(callIds(first.message)[0] ?? "", "cut off", true),
        ]),
      ),
    ).toBe("sorry");
  });

  test("a call whose reply was cut before its first argument is invalid too", async () => {
    const server = await serve({ replies: [{ calls: [{ name: "view", rawArguments: "" }], stop: "max_tokens" }] });
    const { provider, model } = await open(wire, server);
    expect(ended(await ask(provider, model, [user("hi")])).message.content).toMatchObject([
      { type: "tool_call", input: {}, invalid: expect.stringMatching(/./) as string },
    ]);
  });

  test("equal ids inside one reply are told apart", async () => {
    const server = await serve({
      replies: [
        {
          calls: [
            { id: "same", name: "view", input: { path: "a" } },
            { id: "same", name: "view", input: { path: "b" } },
          ],
        },
        { text: "ok" },
      ],
    });
    const { provider, model } = await open(wire, server);
    const first = ended(await ask(provider, model, [user("hi")]));
    const ids = callIds(first.message);
    expect(new Set(ids).size).toBe(2);
    ended(
      await ask(provider, model, [user("hi"), first.message, result(ids[0] ?? "", "A"), result(ids[1] ?? "", "B")]),
    );
    expect(server.requests[1]?.toolResults.map(({ text }) => text)).toEqual(["A", "B"]);
  });

  test("interrupted, orphaned, empty and illegal history becomes legal", async () => {
    const server = await serve({ replies: [{ text: "ok" }] });
    const { provider, model } = await open(wire, server);
    const history: Message[] = [
      { role: "assistant", model: "x/y", content: [{ type: "text", text: "I begin" }] },
      result("orphan", "nobody asked"),
      user("hi"),
      user("   \n"),
      {
        role: "assistant",
        model: "x/y",
        content: [
          { type: "text", text: "" },
          { type: "reasoning", text: "foreign", providerData: { format: "anthropic", signature: "abc" } },
        ],
      },
      {
        role: "assistant",
        model: "x/y",
        content: [
          { type: "text", text: " " },
          { type: "tool_call", id: "ü/1:very odd", name: "functions.view", input: { path: "a" } },
          { type: "tool_call", id: "x".repeat(90), name: "", input: {} },
          { type: "tool_call", id: "", name: "view", input: {}, invalid: "{" },
        ],
      },
      result("x".repeat(90), "second"),
      result("stray", "stray"),
      user("go on"),
      {
        role: "assistant",
        model: "x/y",
        content: [{ type: "tool_call", id: "ü/1:very odd", name: "view", input: {} }],
      },
    ];
    const parts = await ask(provider, model, history);
    expect(textOf(parts)).toBe("ok");
    const seen = server.requests[0];
    expect(seen?.violations).toEqual([]);
    expect(seen?.toolCalls.map(({ name }) => name)).toEqual(["functions_view", "unnamed", "view", "view"]);
    expect(seen?.toolCalls.map(({ id }) => id)).toEqual(seen?.toolResults.map(({ id }) => id));
    expect(seen?.toolResults.map(({ text }) => /second$|interrupted/.test(text))).toEqual([true, true, true, true]);
    expect(seen?.raw).not.toMatch(/foreign|stray|nobody asked/);
  });

  test("the prefix of a longer conversation is byte for byte that of the shorter one", async () => {
    const server = await serve({
      replies: [{ text: "one", calls: [{ name: "view", input: { path: "a" } }] }, { text: "two" }, { text: "three" }],
    });
    const { provider, model } = await open(wire, server);
    const first = ended(await ask(provider, model, [user("hi")]));
    const longer: Message[] = [user("hi"), first.message, result(callIds(first.message)[0] ?? "", "A")];
    const second = ended(await ask(provider, model, longer));
    await ask(provider, model, [...longer, second.message, user("more")]);
    const stable = server.requests.map((seen) =>
      seen.raw.replaceAll(',"cache_control":{"type":"ephemeral"}', "").replace(/[\]}]+$/, ""),
    );
    const shared = (left: string, right: string): number =>
      [...left].findIndex((character, index) => character !== right[index]);
    for (const [index, shorter] of stable.slice(0, -1).entries()) {
      const at = shared(shorter, stable[index + 1] ?? "");
      expect(at === -1 ? shorter.length : at).toBe(shorter.length);
    }
  });

  describe("faults", () => {
    test.each([
      ["429 with Retry-After", { kind: "status", status: 429, headers: { "retry-after": "0" } }],
      ["500", { kind: "status", status: 500 }],
      ["529", { kind: "status", status: 529, headers: { "retry-after-ms": "1" } }],
      ["reset before any byte", { kind: "reset" }],
      ["cut in the middle", { kind: "cut", after: 4 }],
      ["end without a stop event", { kind: "end", after: 4 }],
      ["malformed event", { kind: "malformed", after: 3 }],
      ["HTML with 200", { kind: "html" }],
      ["overloaded event after 200", { kind: "sse-error", after: 3, type: "overloaded_error", message: "busy" }],
    ] as const)("%s: the partial answer is void, one more try succeeds", async (_name, fault) => {
      const server = await serve({
        replies: [{ text: "abcdefghijklmnopqrstuvwxyz" }, { text: "abcdefghijklmnopqrstuvwxyz" }],
        faults: [fault],
      });
      const { provider, model } = await open(wire, server);
      const parts = await ask(provider, model, [user("hi")]);
      const retry = parts.findIndex((part) => part.type === "retry");
      expect(parts[retry]).toMatchObject({
        attempt: 2,
        maxAttempts: expect.any(Number) as number,
        reason: expect.stringContaining("house") as string,
      });
      expect(textOf(parts.slice(retry + 1))).toBe("abcdefghijklmnopqrstuvwxyz");
      expect(ended(parts).message.content).toEqual([{ type: "text", text: "abcdefghijklmnopqrstuvwxyz" }]);
      expect(server.requests).toHaveLength(2);
      expect(server.requests[1]?.raw).toBe(server.requests[0]?.raw);
    });

    test.each([
      ["401", { keys: ["another"] }, "credentials", /providers\.house\.api_key/, 1],
      ["404", { models: ["other"] }, "model_not_found", /model-a/, 1],
      ["400", { refuse: () => "not so" }, "bad_request", /not so/, 1],
      [
        "a prompt that is too long",
        { faults: [{ kind: "status", status: 400, message: "prompt is too long: 210000 tokens > 200000 maximum" }] },
        "context_overflow",
        /too long/,
        1,
      ],
      [
        "quota",
        {
          faults: [
            { kind: "status", status: 429, code: "insufficient_quota", message: "Your credit balance is too low" },
          ],
        },
        "rate_limit",
        /credit balance/,
        1,
      ],
      [
        "429 for an hour",
        { faults: [{ kind: "status", status: 429, headers: { "retry-after": "3600" } }] },
        "rate_limit",
        /3600 s/,
        1,
      ],
      [
        "429 always",
        { faults: [{ kind: "status", status: 429, times: 9, headers: { "retry-after": "0" } }] },
        "rate_limit",
        /5 tries/,
        5,
      ],
      ["503 always", { faults: [{ kind: "status", status: 503, times: 9 }] }, "overloaded", /5 tries/, 5],
      [
        "malformed always",
        { faults: [{ kind: "malformed", after: 2, times: 9 }], replies: () => ({ text: "x" }) },
        "protocol",
        /not a JSON object/,
        2,
      ],
      ["HTML always", { faults: [{ kind: "html", times: 9 }] }, "protocol", /\(a web page: Sign in\)/, 2],
      [
        "JSON of another program",
        { faults: [{ kind: "json", body: '{"hello":"world"}', times: 9 }] },
        "protocol",
        /hello/,
        2,
      ],
      [
        "cut always",
        { faults: [{ kind: "cut", after: 4, times: 9 }], replies: () => ({ text: "abcdefghijkl" }) },
        "network",
        /connection was cut/,
        3,
      ],
    ] as const)(
      "%s: a typed failure after the right number of tries",
      async (_name, options, kind, sentence, tries) => {
        const faulty = await serve(options as unknown as VendorServerOptions);
        const { provider, model } = await open(wire, faulty);
        const parts = await ask(provider, model, [user("hi")]);
        const { error } = failed(parts);
        expect(error.kind).toBe(kind);
        expect(error.message).toMatch(sentence);
        expect(error.message).toContain("house");
        expect(error.message).toContain("model-a");
        expect(JSON.stringify(parts)).not.toContain(KEY);
        expect(faulty.requests).toHaveLength(tries);
        expect(parts.filter((part) => part.type === "retry")).toHaveLength(tries - 1);
      },
    );

    test("a model that is not served names those that are configured beside it", async () => {
      const server = await serve({ models: ["model-b"] });
      const { provider, model } = await open(wire, server, { models: [{ id: "model-a" }, { id: "model-b" }] });
      const { error } = failed(await ask(provider, model, [user("hi")]));
      expect(error).toMatchObject({
        kind: "model_not_found",
        status: 404,
        hint: expect.stringContaining("Known for house: house/model-b.") as string,
      });
    });

    test("a key repeated in the vendor's error text is taken out", async () => {
      const server = await serve({
        faults: [{ kind: "status", status: 401, message: `Incorrect API key provided: ${KEY}\u001b[31m\u202e` }],
      });
      const { provider, model } = await open(wire, server);
      const { error } = failed(await ask(provider, model, [user("hi")]));
      expect(error.message).toMatch(/Incorrect API key provided: \[redacted\]/);
      expect(error.message).not.toMatch(/[\u0000-\u001f\u202e]/);
    });

    test("what had arrived and was billed is known when the stream breaks for good", async () => {
      const server = await serve({
        replies: () => ({ text: ["one ", "two ", "three "], usage: { input: 40 } }),
        faults: [{ kind: "cut", after: wire === "anthropic" ? 5 : wire === "chat" ? 3 : 5, times: 3 }],
      });
      const { provider, model } = await open(wire, server, { max_retries: 0 });
      const part = failed(await ask(provider, model, [user("hi")]));
      expect(part.error.partialText).toBe("one two ");
      expect(part.usage).toEqual(wire === "anthropic" ? { input: 40, output: 1, cache_read: 0, cache_write: 0 } : null);
    });

    test("silence in the middle of an answer counts as a stall", async () => {
      const server = await serve({
        replies: () => ({ text: "abcdefghijkl" }),
        faults: [{ kind: "stall", after: 4, times: 9 }],
      });
      const { provider, model } = await open(wire, server, { timeout_s: 0.05 });
      const { error } = failed(await ask(provider, model, [user("hi")]));
      expect(error).toMatchObject({
        kind: "network",
        status: null,
        hint: expect.stringContaining("timeout_s") as string,
      });
      expect(server.requests).toHaveLength(2);
    });

    test("can be stopped before, during and between tries", async () => {
      const before = new AbortController();
      before.abort();
      const server = await serve({
        replies: () => ({ text: "abcdefghijkl" }),
        faults: [
          { kind: "stall", after: 4 },
          { kind: "status", status: 429, headers: { "retry-after": "60" } },
        ],
      });
      const { provider, model } = await open(wire, server);
      const kinds: string[] = [];
      for await (const part of provider.stream(request(model, [user("hi")]), before.signal))
        kinds.push(part.type === "error" ? part.error.kind : part.type);
      expect(kinds).toEqual(["aborted"]);
      expect(server.requests).toHaveLength(0);
      for (const trigger of ["text_delta", "retry"]) {
        const controller = new AbortController();
        const seen: string[] = [];
        for await (const part of provider.stream(request(model, [user("hi")]), controller.signal)) {
          seen.push(part.type === "error" ? part.error.kind : part.type);
          if (part.type === trigger) controller.abort();
        }
        expect(seen).toEqual([trigger, "aborted"]);
      }
      expect(await server.closed(1)).toBe("cut");
      expect(server.requests).toHaveLength(2);
    });

    test("a consumer that walks away closes the connection", async () => {
      const server = await serve({ replies: () => ({ text: "abcdefghijkl" }), faults: [{ kind: "stall", after: 4 }] });
      const { provider, model } = await open(wire, server);
      for await (const part of provider.stream(request(model, [user("hi")]), new AbortController().signal))
        if (part.type === "text_delta") break;
      expect(await server.closed(1)).toBe("cut");
    });

    test("nobody listening: two quick tries and a sentence", async () => {
      const server = await serve({});
      const { provider, model } = await open(wire, server);
      await server.close();
      servers.pop();
      const parts = await ask(provider, model, [user("hi")]);
      expect(parts.map((part) => part.type)).toEqual(["retry", "error"]);
      expect(failed(parts).error).toMatchObject({
        kind: "network",
        message: expect.stringMatching(/refused.*2 tries/) as string,
      });
    });
  });

  test("one connection serves one step after the other", async () => {
    const server = await serve({ replies: [{ text: "1" }, { text: "2" }, { text: "3" }] });
    const { provider, model } = await open(wire, server);
    const ports = new Set<string>();
    for (let step = 0; step < 3; step++) {
      ended(await ask(provider, model, [user("hi")]));
      ports.add(server.requests.at(-1)?.headers.connection ?? "");
      expect(await server.closed(step + 1)).toBe("whole");
    }
    expect([...ports]).toEqual(["keep-alive"]);
  });

  test("the doctor's probe tells a good key from a bad one and from nobody", async () => {
    const server = await serve({});
    const { provider } = await open(wire, server);
    const signal = new AbortController().signal;
    expect(await provider.check(signal)).toEqual({ ok: true, detail: "reachable, key not refused" });
    const wrong = await open(wire, server, { api_key: "sk-another-key-987654" });
    expect(await wrong.provider.check(signal)).toEqual({
      ok: false,
      detail: "reachable, but it refused the key from providers.house.api_key (HTTP 401)",
    });
    await server.close();
    servers.pop();
    expect(await provider.check(signal)).toMatchObject({
      ok: false,
      detail: expect.stringContaining("refused") as string,
    });
  });

  test.each(WIRES)("a history with calls made on %s is accepted here", async (from) => {
    const first = await serve({
      replies: [
        {
          reasoning: "secret thoughts",
          text: "I look",
          calls: [
            { name: "view", input: { path: "a" } },
            { name: "view", input: { path: "b" } },
          ],
        },
      ],
    });
    const source = await open(from, first, {}, { reasoning: true });
    const planned = ended(await ask(source.provider, source.model, [user("plan")], { reasoning: "high" }));
    const second = await serve({ replies: [{ text: "done" }] });
    const target = await open(wire, second, {}, { reasoning: true });
    const [one, two] = callIds(planned.message);
    const history: Message[] = [
      user("plan"),
      { ...planned.message, model: "other/model-a" },
      result(one ?? "", "A"),
      result(two ?? "", "B"),
      user("now do it"),
    ];
    expect(textOf(await ask(target.provider, target.model, history, { reasoning: "high" }))).toBe("done");
    const seen = second.requests[0];
    expect(seen?.violations).toEqual([]);
    expect(seen?.toolResults.map(({ text }) => text)).toEqual(["A", "B"]);
    expect(seen?.userTexts.at(-1)).toBe("now do it");
    expect(seen?.raw).not.toContain("secret thoughts");
  });

  test("without tools and without a system prompt nothing empty is sent", async () => {
    const server = await serve({ replies: [{ text: "ok" }] });
    const { provider, model } = await open(wire, server);
    ended(await ask(provider, model, [user("hi")], { tools: [], system: "" }));
    expect(server.requests[0]?.body).not.toHaveProperty("tools");
    expect(server.requests[0]?.raw).not.toMatch(/"(system|instructions)":/);
    expect(VIEW.name).toBe("view");
  });
});
