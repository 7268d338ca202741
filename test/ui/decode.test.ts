// The input decoder: known sequences, and the same events however the bytes are cut.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, flushPending, INITIAL_DECODER, type InputEvent } from "../../src/ui/input/decode.ts";
import { bindingOf, keyName } from "../../src/ui/keybindings.ts";

function all(chunks: readonly string[]): InputEvent[] {
  let state = INITIAL_DECODER;
  const events: InputEvent[] = [];
  for (const chunk of chunks) {
    const result = decode(state, chunk);
    state = result.state;
    events.push(...result.events);
  }
  events.push(...flushPending(state).events);
  return events;
}

/** Neighbouring texts joined and bursts ignored: both depend on how the bytes came. */
function normal(events: readonly InputEvent[]): string[] {
  const joined: string[] = [];
  let text = "";
  for (const event of events) {
    if (event.type === "text") text += event.text;
    else {
      if (text !== "") joined.push(`text ${text}`);
      text = "";
      joined.push(event.type === "paste" ? `paste ${event.text}` : keyName(event));
    }
  }
  return text === "" ? joined : [...joined, `text ${text}`];
}

describe("sequences", () => {
  test.each([
    ["\r", "enter"],
    ["\n", "ctrl+j"],
    ["\t", "tab"],
    ["\u001b[Z", "shift+tab"],
    ["\u007f", "backspace"],
    ["\b", "backspace"],
    ["\u001b[3~", "delete"],
    ["\u001b", "escape"],
    ["\u001b\r", "alt+enter"],
    ["\u001b[A", "up"],
    ["\u001bOA", "up"],
    ["\u001b[1;5C", "ctrl+right"],
    ["\u001b[1;3D", "alt+left"],
    ["\u001b[H", "home"],
    ["\u001b[4~", "end"],
    ["\u001bb", "alt+b"],
    ["\u0003", "ctrl+c"],
    ["\u001b[13;2u", "shift+enter"],
    ["\u001b[27;2;13~", "shift+enter"],
    ["\u001b[99;5u", "ctrl+c"],
    ["\u001b\u007f", "alt+backspace"],
    ["\u001b\u001b[D", "alt+left"],
    ["\u0000", "ctrl+space"],
  ])("%j is %s", (bytes, name) => {
    expect(normal(all([bytes]))).toEqual([name]);
  });

  test("text and Enter in one chunk are text and Enter", () => {
    expect(decode(INITIAL_DECODER, "ab\r").events).toEqual([
      { type: "text", text: "ab", alone: false, foreign: false },
      { type: "key", name: "enter", ctrl: false, alt: false, shift: false, burst: false, alone: false },
    ]);
  });

  test("Enter in the midst of a burst is marked", () => {
    expect(
      decode(INITIAL_DECODER, "a\rb\r").events.map((event) => (event.type === "key" ? event.burst : null)),
    ).toEqual([null, true, null, true]);
    expect(decode(INITIAL_DECODER, "a\r\n").events.map((event) => (event.type === "key" ? event.burst : null))).toEqual(
      [null, true, false],
    );
    expect(
      decode(INITIAL_DECODER, "\rtyped on").events.map((event) => (event.type === "key" ? event.burst : null)),
    ).toEqual([false, null]);
  });

  test("a paste is one event, whatever it holds", () => {
    expect(normal(all(["x\u001b[200~/approve\r\u001b[A\u0003\u001b[201~y"]))).toEqual([
      "text x",
      "paste /approve\r\u001b[A\u0003y",
    ]);
  });

  test("what follows the end of a paste in its chunk was pasted too, whatever it holds", () => {
    for (const rest of [
      "\r",
      "y",
      "\u0015/approve\r",
      "\u0003/approve\r\u001b[201~",
      "\u001b[201~\u001b[200~\r",
      "\u001b\r",
    ]) {
      const { events, state } = decode(INITIAL_DECODER, `\u001b[200~pasted\u001b[201~${rest}`);
      expect(events).toEqual([{ type: "paste", text: `pasted${rest.replaceAll("\u001b[201~", "")}` }]);
      expect(state).toEqual(INITIAL_DECODER);
    }
  });

  test("a key is alone only where nothing else came with it; text is foreign where it came with keys or in bulk", () => {
    const marks = (bytes: string): string[] =>
      decode(INITIAL_DECODER, bytes).events.map((event) =>
        event.type === "paste"
          ? "paste"
          : `${event.type}${event.alone ? " alone" : ""}${event.type === "text" && event.foreign ? " foreign" : ""}`,
      );
    const table: [string, string[]][] = [
      ["\r", ["key alone"]],
      ["y", ["text alone"]],
      ["\u001b[A", ["key alone"]],
      ["\u001b[13u", ["key alone"]],
      ["漢", ["text alone"]],
      ["y\r", ["text", "key"]],
      ["/approve", ["text"]],
      ["/approve\r", ["text", "key"]],
      ["\r\r", ["key", "key"]],
      ["\r\n", ["key", "key"]],
      ["\u0003/approve", ["key", "text foreign"]],
      ["\u0015/approve\r", ["key", "text foreign", "key"]],
      ["x".repeat(300), ["text foreign"]],
      ["\u001b[201~\r", ["key"]],
      ["\r\u001b[201~", ["key"]],
      ["/approve\u001b[201~", ["text foreign"]],
    ];
    for (const [bytes, expected] of table) expect(marks(bytes), JSON.stringify(bytes.slice(0, 20))).toEqual(expected);
  });

  test("unknown sequences, mouse and focus reports leave nothing behind", () => {
    expect(normal(all(["\u001b[<0;10;10M", "\u001b[I", "\u001b[?1;2c", "\u001b[[A", "\u001b[99~", "z"]))).toEqual([
      "text z",
    ]);
  });

  test("an Escape waits for what follows, and is the key when nothing does", () => {
    const first = decode(INITIAL_DECODER, "\u001b");
    expect(first.events).toEqual([]);
    expect(normal(decode(first.state, "[B").events)).toEqual(["down"]);
    expect(normal(flushPending(first.state).events)).toEqual(["escape"]);
  });

  test("control and alt characters that no table names do nothing", () => {
    expect(all(["\u001bq"]).map((event) => (event.type === "key" ? bindingOf(event) : "text"))).toEqual([null]);
  });
});

describe("properties", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "\u001b[A",
      "\u001b[1;5C",
      "\u001b[3~",
      "\r",
      "\u007f",
      "\t",
      "\u001b[Z",
      "\u001bOB",
      "\u0003",
      "\u001b[13;2u",
      "\u001b[?62c",
    ),
    fc.string({ unit: "grapheme", maxLength: 6 }).map((text) => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "")),
  );

  test("the events do not depend on where the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.infiniteStream(fc.nat({ max: 7 })), (pieces, sizes) => {
        const whole = pieces.join("");
        const chunks: string[] = [];
        for (let at = 0; at < whole.length;) {
          const size = 1 + (sizes.next().value ?? 0);
          chunks.push(whole.slice(at, at + size));
          at += size;
        }
        expect(normal(all(chunks))).toEqual(normal(all([whole])));
      }),
      { numRuns: 2000 },
    );
  });

  test("a paste does not depend on where its bytes are cut", () => {
    const whole = "\u001b[200~pasted \u001b[B \r text \u001b[20\u001b[201~";
    for (let first = 1; first < whole.length; first++) {
      for (let second = first; second < whole.length; second++)
        expect(all([whole.slice(0, first), whole.slice(first, second), whole.slice(second)])).toEqual([
          { type: "paste", text: "pasted \u001b[B \r text \u001b[20" },
        ]);
    }
  });

  test("no bytes make it throw, and no control character comes out as text", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({
            unit: fc.constantFrom(
              "\u001b",
              "[",
              "O",
              "0",
              "1",
              ";",
              "~",
              "u",
              "A",
              "m",
              "\u0007",
              "\u009b",
              "\r",
              "x",
              "200~",
              "201~",
              "?",
            ),
            maxLength: 30,
          }),
        ),
        (chunks) => {
          for (const event of all(chunks))
            if (event.type === "text") expect(event.text).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("a paste of a megabyte in small chunks arrives whole", () => {
    const text = "0123456789abcdef\n".repeat(62_000);
    const bytes = `\u001b[200~${text}\u001b[201~`;
    const chunks = Array.from({ length: Math.ceil(bytes.length / 1021) }, (_, index) =>
      bytes.slice(index * 1021, (index + 1) * 1021),
    );
    expect(all(chunks)).toEqual([{ type: "paste", text }]);
  });
});

test("an Escape behind a paste is the key once nothing follows", () => {
  const { events, state } = decode(INITIAL_DECODER, "\u001b[200~y\n\u001b[201~hello\u001b");
  expect(events).toEqual([{ type: "paste", text: "y\nhello" }]);
  expect(flushPending(state).events.map((event) => (event.type === "key" ? event.name : event.type))).toEqual([
    "escape",
  ]);
});
