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

test("a key that is wrapped, folded or dumped is taken out with what stands between its pieces", () => {
  const key = "key-of-the-test/0123456789+abcdef=";
  const redactor = createRedactor();
  redactor.add(key);
  const bytes = Buffer.from(`before ${key}\n`);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
  const wrap = (text: string, columns: number): string => text.replace(new RegExp(`.{${columns}}`, "g"), "$&\n");
  const rows = Array.from({ length: Math.ceil(hex.length / 16) }, (_, row) => hex.slice(row * 16, row * 16 + 16));
  const plain = (row: string[]): string => Buffer.from(row.join(""), "hex").toString("latin1").replaceAll("\n", ".");
  const address = (row: number): string => (row * 16).toString(16).padStart(8, "0");
  const texts = {
    base64: wrap(bytes.toString("base64"), 20),
    "base64 in JSON": JSON.stringify(wrap(bytes.toString("base64"), 20)),
    folded: wrap(bytes.toString(), 10),
    "hex with blanks": hex.join(" "),
    "hex with colons": hex.join(":"),
    "hex as in C": hex.map((one) => `\\x${one}`).join(""),
    "hex as in JavaScript": hex.map((one) => `0x${one}`).join(", "),
    od: rows.map((row) => ` ${row.join(" ")}`).join("\n"),
    "od -c": rows
      .map(
        (row, at) => `${(at * 16).toString(8).padStart(7, "0")}${[...plain(row)].map((one) => `   ${one}`).join("")}`,
      )
      .join("\n"),
    xxd: rows.map((row, at) => `${address(at)}: ${row.join("").replace(/.{4}/g, "$& ")}  ${plain(row)}`).join("\n"),
    hexdump: rows
      .map((row, at) => `${address(at)}  ${row.slice(0, 8).join(" ")}  ${row.slice(8).join(" ")}  |${plain(row)}|`)
      .join("\n"),
    "percent-encoded dashes": key
      .replaceAll("-", "%2D")
      .replaceAll("/", "%2F")
      .replaceAll("+", "%2B")
      .replaceAll("=", "%3D"),
  };
  for (const [name, text] of Object.entries(texts)) {
    const shown = redactor.redact(text);
    expect(shown, name).toContain(REDACTED);
    expect(shown, name).not.toMatch(/0123456789|30 ?:?31 ?:?32 ?:?33 ?:?34|3031 3233|LXRlc3Qv|0 {3}1 {3}2 {3}3/);
  }
});
