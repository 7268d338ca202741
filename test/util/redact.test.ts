// Keys in use leave in no spelling and in no piece; everything else stays as it was.

import fc from "fast-check";
import { expect, test } from "vitest";
import { createRedactor, REDACTED } from "../../src/util/redact.ts";

const KEY = 'sk-ant-api03-AbC/d+e"f\\g_h';

test("every usual spelling is taken out", () => {
  const redactor = createRedactor();
  redactor.add(KEY);
  const spellings = [
    KEY,
    JSON.stringify(KEY),
    encodeURIComponent(KEY),
    Buffer.from(KEY).toString("hex"),
    Buffer.from(KEY).toString("base64"),
    Buffer.from(`user:${KEY}`).toString("base64"),
    Buffer.from(`a${KEY}z`).toString("base64url"),
  ];
  for (const spelling of spellings) {
    const shown = redactor.redact(`before ${spelling} after`);
    expect(shown).toContain(REDACTED);
    expect(shown).toMatch(/^before .*after$/);
    for (const other of spellings) expect(shown).not.toContain(other);
    expect(
      Buffer.from(shown.replace(REDACTED, "").replace(/^before |after$/g, ""), "base64").toString("latin1"),
    ).not.toContain("sk-ant");
  }
});
test("canaries that are no secret arrive, and short values are left alone", () => {
  const redactor = createRedactor();
  redactor.add("abc");
  redactor.add("  ");
  redactor.add(KEY);
  const canary = "abc sk-ant-api03 sk-ant-api03-OTHER abc";
  expect(redactor.redact(canary)).toBe(canary);
});
test("200 planted keys, split anywhere in a stream, never leave; the stream says the same as the whole", () => {
  const key = fc
    .string({ minLength: 6, maxLength: 40 })
    .filter((text) => text.trim().length >= 6 && !REDACTED.includes(text.trim()));
  fc.assert(
    fc.property(
      key,
      fc.array(fc.string({ maxLength: 12 }), { maxLength: 6 }),
      fc.array(fc.nat(60), { maxLength: 8 }),
      (secret, around, cuts) => {
        const redactor = createRedactor();
        redactor.add(secret);
        const text = [...around, secret.trim(), ...around].join(" ");
        const stream = redactor.stream();
        let shown = "";
        let position = 0;
        for (const cut of cuts) {
          shown += stream.push(text.slice(position, position + cut));
          position += cut;
        }
        shown += stream.push(text.slice(position)) + stream.end();
        expect(shown).not.toContain(secret.trim());
        expect(shown).toBe(redactor.redact(text));
      },
    ),
    { numRuns: 200, seed: 20261121 },
  );
});
test("what might become a key is held, the rest passes at once", () => {
  const redactor = createRedactor();
  redactor.add("secret-value-1");
  const stream = redactor.stream();
  expect(stream.push("hello secret-")).toBe("hello ");
  expect(stream.push("service ")).toBe("secret-service ");
  expect(stream.push("secret-va")).toBe("");
  expect(stream.push("lue-1!")).toBe(`${REDACTED}!`);
  expect(stream.push("secret")).toBe("");
  expect(stream.end()).toBe("secret");
});
