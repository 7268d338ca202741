// An agent from its ports and a temporary folder alone: no command line, no configuration file, no environment.

import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createAgent } from "../../src/agent/agent.ts";
import { createBoundaryFactory } from "../../src/agent/boundary.ts";
import { DEFAULT_SETTINGS } from "../../src/config/defaults.ts";
import { createCheckpoints } from "../../src/containment/checkpoint.ts";
import { createLedger } from "../../src/ledger/ledger.ts";
import { historySignals } from "../../src/router/history.ts";
import { createRouter } from "../../src/router/index.ts";
import { createSession } from "../../src/session/store.ts";
import { tools } from "../../src/tools/index.ts";
import { modelInfo } from "../cli/registry.ts";
import type { JsonObject } from "../../src/types/json.ts";
import type { Provider, StreamPart } from "../../src/types/provider.ts";

const MODEL = modelInfo("house/model");

/** Hands in a plan for a.txt, then changes it and what lies beside it. */
const CALLS: { name: string; input: JsonObject }[][] = [
  [
    {
      name: "set_plan_artifact",
      input: {
        title: "Change a",
        summary: "Writes two into a.txt.",
        tickets: [
          {
            id: "t1",
            title: "Write",
            detail: "Write two.",
            files: [{ path: "a.txt", action: "modify" }],
            acceptance: ["a.txt says two"],
            out_of_scope: ["b.txt"],
          },
        ],
      },
    },
  ],
  [
    { name: "view", input: { path: "a.txt" } },
    { name: "view", input: { path: "b.txt" } },
    { name: "edit", input: { path: "a.txt", old: "one", new: "two" } },
    { name: "edit", input: { path: "b.txt", old: "one", new: "two" } },
  ],
  [],
];

function scripted(): Provider {
  const replies = [...CALLS];
  async function* stream(): AsyncGenerator<StreamPart> {
    const calls = replies.shift() ?? [];
    const content = calls.map((call, index) => ({
      type: "tool_call" as const,
      id: `c${replies.length}_${index}`,
      ...call,
    }));
    yield await Promise.resolve({
      type: "end",
      message: {
        role: "assistant",
        model: MODEL.id,
        content: content.length === 0 ? [{ type: "text", text: "Done." }] : content,
      },
      usage: { input: 10, output: 5, cache_read: 0, cache_write: 0 },
      stopReason: content.length === 0 ? "end" : "tool_calls",
      servedModel: null,
    });
  }
  return { id: "house", scripted: true, stream, check: () => Promise.resolve({ ok: true, detail: "scripted" }) };
}

test("a session plans, is approved, changes what the plan names, and nothing beside it", async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-ports-")));
  const [workspace, data] = [join(root, "workspace"), join(root, "data")];
  mkdirSync(workspace);
  mkdirSync(data);
  for (const name of ["a.txt", "b.txt"]) writeFileSync(join(workspace, name), "one\n");
  const settings = { ...DEFAULT_SETTINGS, model: MODEL.id };
  const loaded = { settings, origins: {}, files: [], notices: [], untrusted: [] };
  const provider = scripted();
  const registry = {
    list: () => [MODEL],
    providers: () => [],
    resolve: () => ({ model: MODEL, notices: [] }),
    provider: () => Promise.resolve(provider),
  };
  const now = (): Date => new Date("2026-11-21T10:00:00Z");
  let ids = 0;
  const newId = (prefix: string): string => `${prefix}_${++ids}`;
  const redact = (text: string): string => text;
  const log = createSession({ dataDirectory: data, workspace, now, redact });
  const checkpoints = createCheckpoints({ workspace, dataDirectory: data, sessionId: log.id });
  const router = createRouter({
    registry,
    defaultModel: () => null,
    roles: () => ({ capable: null, fast: null }),
    prompts: { gate: () => ({ system: "", user: "" }), classify: () => ({ system: "", user: "" }) },
  });
  const agent = createAgent({
    session: {
      log,
      workspace,
      workflowByFlag: false,
      flagOverrides: { model: null, tier: null },
      writeLog: () => undefined,
    },
    settings: { loaded: () => loaded, reload: () => Promise.resolve(null) },
    models: {
      registry,
      router,
      previewRouter: router,
      historySignals,
      accounting: createLedger({
        caps: () => settings.options.budget,
        runCapUsd: null,
        baseline: () => ({ fixed: null, candidates: [] }),
        now,
        newId,
      }),
      maxCalls: null,
    },
    guard: {
      boundary: createBoundaryFactory({
        workspace,
        readRoots: [],
        home: null,
        searchPath: "/usr/bin:/bin",
        caseSensitive: true,
        settings: () => settings,
        sandboxed: () => false,
        credentialIn: () => Promise.resolve(null),
        run: () => Promise.reject(new Error("this session runs no command")),
      }),
      checkpoints,
      lockExecution: () => Promise.resolve(() => undefined),
      leftovers: [],
      changedBetween: () => Promise.resolve({ paths: [], processes: [], ignored: [] }),
      confinement: { holds: () => false, notice: () => null, label: () => "none" },
      release: () => undefined,
    },
    person: {
      ask: () => Promise.resolve({ answer: "none", reason: "nobody is here" }),
      allowInProject: () => Promise.resolve(),
      headless: true,
    },
    surroundings: {
      workspace,
      readRoots: [],
      searchPath: "/usr/bin:/bin",
      dataDirectory: data,
      platform: "linux",
      projectContext: () => Promise.resolve({ text: "", notices: [] }),
      now,
      newId,
    },
    redaction: { redact, stream: () => ({ push: redact, end: () => "" }) },
    toolbox: {
      tools,
      skills: {
        prompt: () => Promise.resolve(""),
        names: () => Promise.resolve([]),
        find: () => Promise.reject(new Error("there are no skills")),
        gone: () => Promise.resolve(null),
        diagnostics: () => Promise.resolve([]),
      },
    },
  });
  try {
    expect(await agent.submit({ text: "change a", images: [] })).toMatchObject({ reason: "awaiting_approval" });
    expect(readFileSync(join(workspace, "a.txt"), "utf8")).toBe("one\n");
    const request = { via: "command" as const, tickets: null, note: null, unscoped: false };
    expect(await agent.approve(request)).toMatchObject({ reason: "done", text: "Done." });
    expect(readFileSync(join(workspace, "a.txt"), "utf8")).toBe("two\n");
    expect(readFileSync(join(workspace, "b.txt"), "utf8")).toBe("one\n");
    const { files, denials, outcome } = agent.state();
    expect(files).toEqual([{ path: "a.txt", action: "modify", in_scope: true, rolled_back: false }]);
    expect(denials).toMatchObject([{ tool: "edit", target: "b.txt" }]);
    expect(outcome).toBe(4);
    expect(await checkpoints.undo("all")).toMatchObject({ restored: ["a.txt"], refused: [] });
    expect(readFileSync(join(workspace, "a.txt"), "utf8")).toBe("one\n");
  } finally {
    await agent.close();
    rmSync(root, { recursive: true, force: true });
  }
});
