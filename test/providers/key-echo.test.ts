// A server that says the key again, in whatever spelling and wherever it is cut: what is told of the failure never
// holds it.

import { afterEach, describe, expect, test } from "vitest";
import { startVendorServer, type Fault, type VendorServer } from "../support/vendor-server.ts";
import { ask, failed, KEY, registryWith, settingsFor, user, WIRES } from "./support.ts";
import type { StreamPart } from "../../src/types/provider.ts";

const HEADER = "h34der-value/+that opens=doors";
const SPELLINGS: Record<string, (key: string) => string> = {
  plain: (key) => key,
  base64: (key) => Buffer.from(key).toString("base64"),
  "base64 behind a name": (key) => Buffer.from(`user:${key}`).toString("base64"),
  base64url: (key) => Buffer.from(key).toString("base64url"),
  hex: (key) => Buffer.from(key).toString("hex"),
  "hex in capitals": (key) => Buffer.from(key).toString("hex").toUpperCase(),
  URL: encodeURIComponent,
  "URL in small letters": (key) => encodeURIComponent(key).replace(/%../g, (code) => code.toLowerCase()),
  "URL byte by byte": (key) => Buffer.from(key).toString("hex").replace(/../g, "%$&"),
  JSON: (key) => JSON.stringify(key).slice(1, -1),
  "JSON by numbers": (key) =>
    [...key].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
};

let server: VendorServer | null = null;
afterEach(() => server?.close());

/** No eight characters in a row of any spelling of the key. */
function expectClean(parts: StreamPart[], secret: string): void {
  const said = parts
    .map((part) =>
      part.type === "error"
        ? `${part.error.message}\n${part.error.hint ?? ""}\n${part.error.partialText}`
        : part.type === "retry"
          ? part.reason
          : "",
    )
    .join("\n");
  expect(said).not.toBe("");
  for (const [name, spell] of Object.entries(SPELLINGS)) {
    const spelt = spell(secret);
    for (let at = 8; at + 8 <= spelt.length; at++)
      expect(said, `${name} from ${at}`).not.toContain(spelt.slice(at, at + 8));
  }
}

describe.each(WIRES)("on %s", (wire) => {
  describe.each(Object.entries(SPELLINGS))("%s", (_name, spell) => {
    test.each<[string, (words: string) => Fault]>([
      ["an error as the vendor writes it", (words) => ({ kind: "status", status: 401, message: words })],
      ["a gateway's page", (words) => ({ kind: "status", status: 502, body: `<html>${words}</html>`, times: 9 })],
      [
        "an error object of another shape",
        (words) => ({ kind: "status", status: 400, body: JSON.stringify({ error: { reason: [words] } }) }),
      ],
      [
        "an error event in a stream",
        (words) => ({ kind: "sse-error", after: 1, type: "api_error", message: words, times: 9 }),
      ],
      [
        "an answer that is no stream",
        (words) => ({ kind: "json", body: JSON.stringify({ error: { message: words } }), times: 9 }),
      ],
      ["a login page", (words) => ({ kind: "html", body: `<p>${words}</p>`, times: 9 })],
    ])("%s: key and header are gone, also where the sentence is cut", async (_kind, fault) => {
      // Sentences end at 80, 200 or 400 characters: the key falls across each end once.
      for (const [secret, before] of [
        [HEADER, 0],
        [KEY, 0],
        [KEY, 60],
        [KEY, 180],
        [KEY, 380],
      ] as const) {
        server = await startVendorServer({
          faults: [fault(`${"y ".repeat(before / 2)}${spell(secret)} !`)],
          replies: [],
        });
        const registry = registryWith({
          house: settingsFor(wire, server, { max_retries: 1, headers: { "x-door": HEADER } }),
        });
        const { model } = registry.resolve("house/model-a", "test");
        const parts = await ask(await registry.provider(model), model, [user("go")]);
        failed(parts);
        expectClean(parts, secret);
        await server.close();
        server = null;
      }
    });
  });
});
