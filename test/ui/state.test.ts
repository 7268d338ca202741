// Events to blocks: whole lists, in order, and what is forgotten.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AgentEvent } from "../../src/types/event.ts";
import type { Block } from "../../src/ui/blocks.ts";
import { initialState, reduceUi, type UiState } from "../../src/ui/state.ts";
import { appendStream, EMPTY_STREAM, endStream } from "../../src/ui/stream.ts";
import { routeText } from "../../src/ui/components/items.ts";
import { fakePlan } from "../support/fake-agent.ts";

const play = (events: readonly AgentEvent[], from: UiState = initialState(80, 24), now = 1000): UiState =>
  events.reduce((state, event) => reduceUi(state, { type: "event", event, now }), from);
const blocks = (state: UiState): Block[] => state.transcript.outbox.map(({ block }) => block);
const turnStart: AgentEvent = { type: "turn_start", turn: 1, stage: "plan", ticket: null, text: "do it" };
const route = (model: string, reason: string): AgentEvent => ({
  type: "route_decision",
  route: {
    id: "r",
    turn: 1,
    ticket: null,
    stage: "plan",
    phase: "plan",
    phase_confidence: 1,
    phase_layer: "stage",
    tier: "smart",
    tier_source: "default",
    gate: null,
    model,
    served_model: null,
    source: "stage",
    reason,
    candidates: [],
    decide_ms: 0,
    cost_usd: null,
    baseline_cost_usd: null,
    savings_pct: null,
  },
});
const cost = (usd: number | null, estimate = false, served: string | null = null): AgentEvent => ({
  type: "cost_entry",
  entry: {
    id: "l",
    turn: 1,
    step: 1,
    route: "r",
    purpose: "main",
    stage: "plan",
    phase: null,
    tier: null,
    ticket: null,
    model: "a/b",
    served_model: served,
    usage: { input: 1, output: 1, cache_read: 0, cache_write: 0 },
    cost_usd: usd,
    estimate,
    baseline_model: null,
    baseline_cost_usd: null,
    switch_penalty_usd: null,
    at: "",
  },
});
const message = (text: string): AgentEvent => ({
  type: "message_end",
  message: { role: "assistant", model: "a/b", content: [{ type: "text", text }] },
});
const end = (reason: "done" | "aborted" | "error" = "done"): AgentEvent => ({
  type: "turn_end",
  turn: 1,
  reason,
  error: reason === "error" ? { code: "provider", message: "it failed", hint: "try later" } : null,
});

describe("a turn", () => {
  test("text, tool and route come out in order; nothing stays live", () => {
    const state = play([
      turnStart,
      route("a/b", "the plan model"),
      { type: "text_delta", text: "First.\n\nSec" },
      { type: "text_delta", text: "ond." },
      message("First.\n\nSecond."),
      { type: "tool_start", call: { type: "tool_call", id: "1", name: "view", input: {} }, summary: "view a" },
      { type: "tool_delta", callId: "1", text: "x" },
      {
        type: "tool_end",
        callId: "1",
        tool: "view",
        output: { content: [{ type: "text", text: "result" }], isError: false, display: [] },
      },
      cost(0.01),
      cost(0.02, true),
      end(),
    ]);
    expect(blocks(state)).toEqual([
      { kind: "markdown", text: "First.\n\n", joined: false },
      { kind: "markdown", text: "Second.", joined: false },
      {
        kind: "tool",
        tool: "view",
        summary: "view a",
        display: [{ kind: "text", text: "result" }],
        isError: false,
        expanded: false,
      },
      {
        kind: "route",
        line: {
          turn: 1,
          stage: "plan",
          phase: "plan",
          tier: "smart",
          model: "a/b",
          servedModel: null,
          reason: "the plan model",
          cost: 0.03,
          estimate: true,
          calls: 2,
        },
      },
    ]);
    expect(state.transcript).toMatchObject({ tools: [], reasoning: "", turn: null, stream: EMPTY_STREAM });
  });

  test("an unknown price makes the turn's cost unknown; estimates and served models are marked", () => {
    const line = (events: AgentEvent[]): string => {
      const last = blocks(play([turnStart, route("a/b", "why"), ...events, end()])).at(-1);
      return last?.kind === "route" ? routeText(last.line) : "";
    };
    expect(line([cost(0.01), cost(null)])).toBe("plan · smart → a/b · why · unknown");
    expect(line([cost(0.5, true)])).toBe("plan · smart → a/b · why · ~$0.5000");
    expect(line([cost(2, false, "a/c")])).toBe("plan · smart → a/b (served a/c) · why · $2.00");
    expect(line([])).toBe("plan · smart → a/b · why");
  });

  test("a message that was not streamed is printed whole; one that was is not printed twice", () => {
    expect(blocks(play([turnStart, message("only at the end")]))).toEqual([
      { kind: "markdown", text: "only at the end", joined: false },
    ]);
    expect(blocks(play([turnStart, { type: "text_delta", text: "streamed" }, message("streamed")]))).toEqual([
      { kind: "markdown", text: "streamed", joined: false },
    ]);
  });

  test("a change of model inside a turn is said", () => {
    expect(blocks(play([turnStart, route("a/b", "first"), route("a/c", "tests failed twice")]))).toEqual([
      { kind: "notice", level: "info", text: "model a/b → a/c: tests failed twice" },
    ]);
  });

  test("a failed turn shows its error, an aborted one is said, running tools end", () => {
    expect(blocks(play([turnStart, end("error")]))).toEqual([
      { kind: "error", error: { code: "provider", message: "it failed", hint: "try later" } },
    ]);
    expect(
      blocks(
        play([
          turnStart,
          { type: "tool_start", call: { type: "tool_call", id: "1", name: "bash", input: {} }, summary: "npm test" },
          end("aborted"),
        ]),
      ),
    ).toEqual([
      {
        kind: "tool",
        tool: "bash",
        summary: "npm test",
        display: [{ kind: "text", text: "stopped" }],
        isError: true,
        expanded: false,
      },
      { kind: "notice", level: "warning", text: "interrupted" },
    ]);
  });

  test("what a broken try said is void", () => {
    const retry: AgentEvent = { type: "retry", attempt: 2, maxAttempts: 4, delayMs: 5000, reason: "529" };
    const state = play([turnStart, { type: "text_delta", text: "half of" }, retry]);
    expect(blocks(state)).toEqual([]);
    expect(state.transcript.stream).toEqual(EMPTY_STREAM);
    expect(state.transcript.retry).toEqual({ attempt: 2, maxAttempts: 4, until: 6000, reason: "529" });
    const printed = play([turnStart, { type: "text_delta", text: "a whole one\n\nhalf" }, retry]);
    expect(blocks(printed).at(-1)).toEqual({
      kind: "notice",
      level: "warning",
      text: "the answer above broke off and is asked for again",
    });
  });

  test("printed blocks are forgotten, folded results bounded", () => {
    let state = play([turnStart]);
    for (let index = 0; index < 50; index++) {
      state = play(
        [
          {
            type: "tool_start",
            call: { type: "tool_call", id: "1", name: "view", input: {} },
            summary: `view ${index}`,
          },
          {
            type: "tool_end",
            callId: "1",
            tool: "view",
            output: { content: [{ type: "text", text: "y".repeat(90_000) }], isError: false, display: [] },
          },
        ],
        state,
      );
      state = reduceUi(state, { type: "printed", count: state.transcript.outbox.length });
    }
    expect(state.transcript.outbox).toEqual([]);
    expect(state.transcript.printed).toBe(50);
    expect(state.transcript.folded.length).toBe(11);
  });

  test("a resumed session shows the words of the user too, and not more than the end of a long one", () => {
    const state = reduceUi(initialState(80, 24), {
      type: "replay",
      events: [turnStart, message("answer"), end(), { type: "plan_ready", plan: fakePlan(), executionModel: null }],
    });
    expect(blocks(state).map(({ kind }) => kind)).toEqual(["user", "markdown", "plan"]);
    const long = reduceUi(initialState(80, 24), {
      type: "replay",
      events: Array.from({ length: 1000 }, (_, index) => message(`answer ${index}`)),
    });
    expect(blocks(long).length).toBe(201);
    expect(blocks(long)[0]).toEqual({
      kind: "notice",
      level: "info",
      text: "800 earlier entries of this session are not shown",
    });
    expect(blocks(long).at(-1)).toEqual({ kind: "markdown", text: "answer 999", joined: false });
  });
});

describe("cutting a stream", () => {
  const cut = (deltas: readonly string[]): { text: string; joined: boolean }[] => {
    let stream = EMPTY_STREAM;
    const parts: { text: string; joined: boolean }[] = [];
    for (const delta of deltas) {
      const result = appendStream(stream, delta);
      stream = result.state;
      parts.push(...result.finished);
    }
    const last = endStream(stream);
    return last === null ? parts : [...parts, last];
  };

  test("nothing is lost or doubled, however the text comes", () => {
    const piece = fc.constantFrom(
      "word ",
      "\n",
      "\n\n",
      "```ts\n",
      "```\n",
      "- item\n",
      "  more\n",
      "# head\n",
      "| a | b |\n",
      "日本 ",
      "~~~\n",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        // Blank lines between blocks are no content.
        const flat = (text: string): string => text.replace(/\s+/g, " ").trim();
        expect(
          flat(
            cut(pieces)
              .map((part) => part.text)
              .join(""),
          ),
        ).toBe(flat(pieces.join("")));
      }),
      { numRuns: 1000 },
    );
  });

  test("a fence is one block, also with blank lines in it; a list goes on when indented", () => {
    expect(cut(["a\n\n```\nx\n\ny\n```\n", "b\n"]).map(({ text }) => text)).toEqual(["a\n\n```\nx\n\ny\n```\n", "b\n"]);
    expect(cut(["- a\n\n  still a\n\nnext\n"]).map(({ text }) => text)).toEqual(["- a\n\n  still a\n\n", "next\n"]);
  });

  test("what is too long is cut, a fence closed and opened again", () => {
    const parts = cut([
      "```ts\n",
      ...Array.from({ length: 400 }, (_, index) => `const line${index} = ${index};\n`),
      "```\n",
    ]);
    expect(parts.length).toBeGreaterThan(1);
    for (const { text } of parts) expect(text.startsWith("```ts\n") && text.endsWith("```\n")).toBe(true);
    expect(parts.map(({ joined }) => joined)).toEqual(parts.map((_, index) => index > 0));
    expect(
      cut([`${"long ".repeat(3000)}`])
        .map(({ text }) => text)
        .join(""),
    ).toBe("long ".repeat(3000));
  });
});
