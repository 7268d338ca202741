// No reply is too large, too deep, too slow or too odd to be ended in an orderly way, on every wire format.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REPLY_CALL_LIMIT } from "../../src/providers/reply-bounds.ts";
import { ENDLESS, ODD, SILENT, startHostileServer, type HostileServer } from "../support/hostile-server.ts";
import { ended, failed, registryWith, request, textOf, user, WIRES } from "./support.ts";
import type { StreamPart } from "../../src/types/provider.ts";
import type { Wire } from "../support/vendor-server.ts";

let server: HostileServer;
beforeAll(async () => {
  server = await startHostileServer();
});
afterAll(() => server.close());

async function askFor(kind: string, wire: Wire, signal: AbortSignal, timeout = 30): Promise<StreamPart[]> {
  const type = { anthropic: "anthropic", responses: "openai", chat: "openai-compatible" } as const;
  const url = server.url(kind);
  const registry = registryWith({
    house: {
      type: type[wire],
      base_url: wire === "anthropic" ? url : `${url}/v1`,
      api_key: "sk-planted-0123456789",
      timeout_s: timeout,
      max_retries: timeout < 1 ? 0 : 1,
      models: [{ id: "model-a" }],
    },
  });
  const { model } = registry.resolve("house/model-a", "test");
  const parts: StreamPart[] = [];
  for await (const part of (await registry.provider(model)).stream(request(model, [user("go")]), signal))
    parts.push(part);
  return parts;
}

const never = new AbortController().signal;

describe.each(WIRES)("on %s", (wire) => {
  test.each(Object.keys(ENDLESS))("%s: given up at its bounds, and not asked for again", async (kind) => {
    const before = server.requests();
    const last = failed(await askFor(kind, wire, never));
    expect(last.error.kind).toBe("protocol");
    expect(last.error.message).toMatch(/beyond all bounds.*(larger than|more than|deeper than)/);
    expect(last.error.message.length).toBeLessThan(400);
    expect(server.requests() - before).toBe(1);
  });

  test.each([...Object.keys(SILENT), "an error byte by byte", "a head byte by byte", "a body that is no stream"])(
    "%s: ended after the time that content may take",
    async (kind) => {
      const last = failed(await askFor(kind, wire, never, 0.1));
      expect(last.error).toMatchObject({ kind: "network", status: null });
      expect(last.error.message).toMatch(/although the connection was alive/);
    },
  );

  test.each([
    ...Object.keys(ENDLESS),
    ...Object.keys(SILENT),
    "a compressed bomb",
    "an error byte by byte",
    "a head byte by byte",
  ])("%s: stopped at once by the person", async (kind) => {
    const controller = new AbortController();
    const stream = askFor(kind, wire, controller.signal);
    setImmediate(() => controller.abort());
    expect(failed(await stream).error.kind).toBe("aborted");
  });

  test("a compressed bomb: given up at the bounds of what comes out of it", async () => {
    expect(failed(await askFor("a compressed bomb", wire, never)).error.message).toMatch(/beyond all bounds/);
  });

  test("a head of a megabyte: a failure, no answer", async () => {
    expect(failed(await askFor("a head of a megabyte", wire, never)).error.kind).toBe("network");
  });

  test.each(Object.keys(ODD))(
    "%s: every call has a text for a name and an id of its own, every figure is a whole number",
    async (kind) => {
      const { message, usage } = ended(await askFor(kind, wire, never));
      const calls = message.content.flatMap((block) => (block.type === "tool_call" ? [block] : []));
      expect(new Set(calls.map((call) => call.id)).size).toBe(calls.length);
      for (const call of calls) {
        expect(typeof call.id).toBe("string");
        expect(typeof call.name).toBe("string");
        expect(call.id.length + call.name.length).toBeLessThanOrEqual(400);
        expect(() => JSON.stringify(call.input)).not.toThrow();
      }
      expect(Object.values(usage).every((figure) => Number.isSafeInteger(figure) && figure >= 0)).toBe(true);
    },
  );

  test.each(Object.keys(ODD).filter((kind) => /nested|keys/.test(kind)))(
    "%s: the call is kept and marked as not to be run",
    async (kind) => {
      const { message } = ended(await askFor(kind, wire, never));
      const calls = message.content.flatMap((block) => (block.type === "tool_call" ? [block] : []));
      expect(calls.length).toBeGreaterThan(0);
      for (const call of calls)
        expect(call).toMatchObject({ input: {}, name: "view", invalid: expect.any(String) as string });
    },
  );

  test("an ordinary reply comes as it is", async () => {
    const parts = await askFor("ordinary", wire, never);
    expect(textOf(parts)).toBe("done");
    expect(ended(parts).usage).toEqual({ input: 10, output: 5, cache_read: 0, cache_write: 0 });
  });
});

test("the limit on calls leaves room for every sensible reply", () => {
  expect(REPLY_CALL_LIMIT).toBeGreaterThanOrEqual(100);
});
