import { describe, expect, test } from "vitest";
import { tools } from "../../src/tools/index.ts";
import type { JsonObject } from "../../src/types/json.ts";
import type { ShellRequest, ShellResult } from "../../src/types/tool.ts";
import { createWorkspace } from "./tool-harness.ts";

const NAMES = [
  "view",
  "grep",
  "glob",
  "edit",
  "multiedit",
  "write",
  "bash",
  "set_plan_artifact",
  "request_replan",
  "ask_question",
  "activate_skill",
];

describe("the list of tools", () => {
  test("holds each once, with the access that the stages build on", () => {
    expect(tools.map((tool) => tool.spec.name)).toEqual(NAMES);
    expect(tools.map((tool) => tool.access)).toEqual([
      "read",
      "read",
      "read",
      "write",
      "write",
      "write",
      "exec",
      "host",
      "host",
      "host",
      "host",
    ]);
  });

  test("nothing that writes files is offered while planning", () => {
    expect(tools.filter((tool) => tool.access === "write").flatMap((tool) => tool.stages)).not.toContain("plan");
  });

  test("descriptions stay within the token budget of a request", () => {
    const size = (names: string[]): number =>
      JSON.stringify(tools.filter((tool) => names.includes(tool.spec.name)).map((tool) => tool.spec)).length;
    expect(size(["view", "grep", "glob", "bash", "set_plan_artifact", "ask_question"])).toBeLessThanOrEqual(3_000);
    expect(
      size(["view", "edit", "multiedit", "write", "grep", "glob", "bash", "request_replan", "ask_question"]),
    ).toBeLessThanOrEqual(3_600);
  });

  test("schemas are plain objects whose required fields exist", () => {
    for (const { spec } of tools) {
      expect(spec.schema["type"]).toBe("object");
      const properties = Object.keys(spec.schema["properties"] as JsonObject);
      for (const name of spec.schema["required"] as string[]) expect(properties).toContain(name);
    }
  });

  test.each(NAMES.filter((name) => name !== "set_plan_artifact"))(
    "%s refuses unknown and inherited fields, wrong types and nothing at all",
    (name) => {
      const tool = tools.find((one) => one.spec.name === name);
      const required = (tool?.spec.schema["required"] as string[])[0] ?? "";
      const refusal = (input: JsonObject): string => {
        const parsed = tool?.parse(input);
        return parsed?.ok === false ? parsed.message : "accepted";
      };
      expect(refusal({})).toMatch(new RegExp(`^${name}: "${required}" is missing`));
      expect(refusal(JSON.parse('{"__proto__": {"path": "x"}, "constructor": 1}') as JsonObject)).toMatch(
        /unknown argument "__proto__".*unknown argument "constructor"/,
      );
      for (const wrong of [1, true, null, [], { a: 1 }, ""])
        expect(refusal({ [required]: wrong })).toContain(`"${required}"`);
      expect(refusal({ [`${required}_x`]: "a" })).toContain(`did you mean "${required}"?`);
    },
  );

  test("numbers out of range and numbers as text are refused", () => {
    const view = tools.find((tool) => tool.spec.name === "view");
    expect(view?.parse({ path: "a", offset: 0 })).toEqual({
      ok: false,
      message: `view: "offset" must be a whole number from 1 to 9007199254740991, got number 0. Arguments: path, offset, limit.`,
    });
    expect(view?.parse({ path: "a", limit: "3" })).toMatchObject({ ok: false });
    expect(view?.parse({ path: "a", offset: null })).toEqual({
      ok: true,
      value: { path: "a", offset: null, limit: null },
    });
  });

  const hostile = "a\n\x1b[2J\u202eb";
  /** A value for each kind of field; text is hostile wherever text may stand. */
  const fill = (schema: JsonObject): unknown => {
    const {
      type,
      enum: words,
      properties,
      items,
    } = schema as { type?: string; enum?: string[]; properties?: Record<string, JsonObject>; items?: JsonObject };
    if (words !== undefined) return words[0];
    if (type === "array") return [fill(items ?? {})];
    if (type === "object")
      return Object.fromEntries(Object.entries(properties ?? {}).map(([field, value]) => [field, fill(value)]));
    return type === "integer" || type === "number" ? 1 : type === "boolean" ? true : hostile;
  };
  test.each(tools.map(({ spec }) => spec.name))("%s: the summary carries no control characters into a card", (name) => {
    const tool = tools.find((one) => one.spec.name === name);
    const parsed = tool?.parse(fill(tool.spec.schema) as JsonObject);
    const summary = parsed?.ok === true ? tool?.summarize(parsed.value) : `refused: ${parsed?.message}`;
    expect(summary).not.toMatch(/^refused/);
    expect(summary).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  });
});

describe("tools of the host", () => {
  test("hand over what they were given", async () => {
    const workspace = createWorkspace();
    await workspace.call("set_plan_artifact", { title: 3, anything: ["goes"] });
    await workspace.call("ask_question", { question: "Which?", options: ["a", "b"] });
    await workspace.call("request_replan", { reason: "no such module" });
    await workspace.call("activate_skill", { name: "testing" });
    expect(workspace.asked).toEqual([
      'plan {"title":3,"anything":["goes"]}',
      "question Which? a/b",
      "replan no such module",
      "skill testing",
    ]);
  });
});

describe("bash", () => {
  const result = (more: Partial<ShellResult>): ShellResult => ({
    exitCode: 0,
    signalName: null,
    timedOut: false,
    aborted: false,
    output: "",
    totalBytes: 0,
    truncated: false,
    notes: [],
    changes: [],
    ...more,
  });

  test.each<[Partial<ShellResult>, string]>([
    [{ output: "fine\n" }, "fine"],
    [{}, "(no output)"],
    [{ exitCode: 2, output: "bad\n" }, "ERROR bad\n[exit code 2]"],
    [
      { exitCode: null, signalName: "SIGTERM", timedOut: true, output: "begun\n" },
      "ERROR begun\n[timed out after 5 s; the command was ended]",
    ],
    [{ exitCode: null, signalName: "SIGSEGV" }, "ERROR (no output)\n[ended by SIGSEGV]"],
    [{ exitCode: null, signalName: "SIGTERM", aborted: true }, "ERROR (no output)\n[stopped by the user]"],
    [
      { output: "a", truncated: true, totalBytes: 99, notes: ["part failed with exit code 1: make"] },
      "a\n[output shortened: 99 bytes in all]\n[part failed with exit code 1: make]",
    ],
  ])("words the outcome %j", async (outcome, text) => {
    const requests: ShellRequest[] = [];
    const workspace = createWorkspace({
      shell: async (request) => {
        requests.push(request);
        return result(outcome);
      },
    });
    expect(await workspace.text("bash", { command: "make", timeout: 5 })).toBe(text);
    expect(requests.map(({ command, timeoutSeconds }) => ({ command, timeoutSeconds }))).toEqual([
      { command: "make", timeoutSeconds: 5 },
    ]);
  });

  test("blank commands and NUL are refused before anything runs", async () => {
    const workspace = createWorkspace();
    expect(await workspace.text("bash", { command: " \n" })).toBe(
      `ERROR bash: "command" is blank; give a command line.`,
    );
    expect(await workspace.text("bash", { command: "a\0b" })).toBe(`ERROR bash: "command" holds a NUL character.`);
  });
});
