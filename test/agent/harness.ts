// A whole agent on a temporary home and workspace: configuration, router, tools, boundary, session file and ledger are
// the real ones, put together as the program does it. Only the models' replies and the person's answers are scripted.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterEach, expect } from "vitest";
import { createApp } from "../../src/cli/app.ts";
import { parseArguments } from "../../src/cli/command-line.ts";
import { openAgent, type OpenedAgent } from "../../src/cli/create-app.ts";
import { touchedFiles } from "../../src/plan/touched-files.ts";
import { readSession } from "../../src/session/reader.ts";
import { replay } from "../../src/session/replay.ts";
import type { Agent } from "../../src/types/agent.ts";
import type { AgentEvent } from "../../src/types/event.ts";
import type { JsonObject } from "../../src/types/json.ts";
import type { AssistantMessage, Message } from "../../src/types/message.ts";
import type { Ask, AskReply, AskRequest } from "../../src/types/permission.ts";
import type {
  ModelRegistry,
  ModelRequest,
  Provider,
  ProviderErrorKind,
  StopReason,
  StreamPart,
  Usage,
} from "../../src/types/provider.ts";
import type { StoredRecord } from "../../src/types/session.ts";

/** One reply of a model. */
export interface Reply {
  /** An array gives the deltas as they are. */
  text?: string | string[];
  reasoning?: string;
  calls?: { name: string; input?: JsonObject; invalid?: string }[];
  usage?: Partial<Usage>;
  stop?: StopReason;
  served?: string;
  error?: { kind: ProviderErrorKind; message?: string; usage?: Partial<Usage> };
  /** Runs when the request has arrived, before anything is answered. */
  before?: (harness: Harness) => void | Promise<void>;
  /** Nothing is answered until the run is aborted. */
  hangs?: boolean;
}

/** A request as it was when it was made. */
export interface SeenRequest {
  model: string;
  system: string;
  tools: string[];
  messages: Message[];
  reasoning: string | null;
  cacheKey: string;
}

export interface HarnessOptions {
  /** In the order of the requests, or by request; an exhausted list is an error of the test. */
  script: Reply[] | ((request: SeenRequest, number: number, harness: Harness) => Reply);
  /** Lines below the provider in the user's file. */
  config?: string;
  /** Lines above it. */
  top?: string;
  /** Model ids of provider `p`; the first is the default. */
  models?: string[];
  files?: Record<string, string>;
  flags?: string[];
  /** Answers to what is asked, in order; exhausted or absent: nobody is there. */
  answers?: AskReply[];
  headless?: boolean;
  /** The provider's key is fetched as in a real run, and so is known as a secret. */
  usesKey?: boolean;
}

export interface Harness {
  agent: Agent;
  context: OpenedAgent["context"];
  workspace: string;
  home: string;
  events: AgentEvent[];
  requests: SeenRequest[];
  asked: AskRequest[];
  put(path: string, text: string): void;
  read(path: string): string;
  exists(path: string): boolean;
  configure(toml: string): void;
  submit(text: string): ReturnType<Agent["submit"]>;
  /** As a person types it, or as a flag given in advance. */
  approve(more?: {
    tickets?: string[];
    note?: string;
    unscoped?: boolean;
    via?: "command" | "flag";
  }): ReturnType<Agent["approve"]>;
  /** The events since the last call, one line each. */
  lines(): string[];
  records(): StoredRecord[];
  /** The session file as it lies on disk. */
  sessionText(): string;
  /** Closes the agent and opens its session again, as another process would. */
  reopen(flags?: string[]): Promise<void>;
}

const folders: string[] = [];
const opened: Agent[] = [];

afterEach(async () => {
  for (const agent of opened.splice(0)) await agent.close();
  expect(forgotten.splice(0)).toEqual([]);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Where an agent knew something else than its session file said at that moment. */
const forgotten: object[] = [];
/** With these what was recorded is shown. */
const TOLD: ReadonlySet<string> = new Set(["turn_end", "plan_ready", "plan_approved", "ticket_end", "cost_entry"]);

/** The records are the state: what the agent knows is what the file says, folded. */
function compareWithFile(agent: Agent, event: AgentEvent, path: string): void {
  const { workflow, grants, skill, turns, routes, ledger, planSince, files, denials, lastModel, lastText } =
    agent.state();
  const live = { workflow, grants, turns, routes, ledger, planSince, files, denials, lastModel, lastText };
  const { header, records } = readSession(path);
  const { state, ...books } = replay(header, records);
  const { progress, skill: active } = state;
  const told = {
    ...books,
    ...state,
    planSince: progress.since,
    files: touchedFiles(state.files),
    skill: active && { name: active.name, tier: active.tier },
  };
  for (const [name, value] of Object.entries({ ...live, skill })) {
    const [known, written] = [
      value,
      name === "routes" || name === "ledger" ? books[name] : told[name as keyof typeof told],
    ];
    if (!isDeepStrictEqual(plainOf(known), plainOf(written)))
      forgotten.push({ event: event.type, name, known, written });
  }
}

function plainOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}

const USAGE: Usage = { input: 100, output: 10, cache_read: 0, cache_write: 0 };
export const PRICE = "price = { input = 1.0, output = 2.0, cache_read = 0.1, cache_write = 1.25 }\n";

export function userToml({
  models = ["m-1"],
  top = "",
  config = "",
}: Pick<HarnessOptions, "models" | "top" | "config">): string {
  const list = models
    .map((id) => `[[providers.p.models]]\nid = "${id}"\ncontext_window = 20000\nmax_output = 4000\n${PRICE}`)
    .join("");
  return `model = "p/${models[0] ?? ""}"\n${top}\n[providers.p]\ntype = "openai-compatible"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "key-of-the-test-0123456789"\n${list}\n${config}\n`;
}

function messageOf(reply: Reply, model: string, firstCall: number): AssistantMessage {
  const text = Array.isArray(reply.text) ? reply.text.join("") : (reply.text ?? "");
  return {
    role: "assistant",
    model,
    content: [
      ...(reply.reasoning === undefined ? [] : [{ type: "reasoning" as const, text: reply.reasoning }]),
      ...(text === "" ? [] : [{ type: "text" as const, text }]),
      ...(reply.calls ?? []).map((call, index) => ({
        type: "tool_call" as const,
        id: `call_${firstCall + index}`,
        name: call.name,
        input: call.input ?? {},
        ...(call.invalid === undefined ? {} : { invalid: call.invalid }),
      })),
    ],
  };
}

function scriptedProvider(options: HarnessOptions, requests: SeenRequest[], harness: () => Harness): Provider {
  let calls = 0;
  let taken = 0;
  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<StreamPart> {
    const seen: SeenRequest = {
      model: request.model.id,
      system: request.system,
      tools: request.tools.map((tool) => tool.name),
      messages: structuredClone(request.messages),
      reasoning: request.reasoning,
      cacheKey: request.cacheKey,
    };
    requests.push(seen);
    const { script } = options;
    const reply = typeof script === "function" ? script(seen, requests.length, harness()) : script[taken++];
    if (reply === undefined) throw new Error(`the script has no reply for request ${requests.length}`);
    await reply.before?.(harness());
    const failure = (kind: ProviderErrorKind, message: string, usage: Usage | null): StreamPart => ({
      type: "error",
      usage,
      error: { kind, status: null, message, hint: null, partialText: "" },
    });
    if (reply.hangs === true && !signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    if (reply.reasoning !== undefined) yield { type: "reasoning_delta", text: reply.reasoning };
    for (const text of Array.isArray(reply.text) ? reply.text : reply.text === undefined ? [] : [reply.text])
      yield { type: "text_delta", text };
    if (signal.aborted)
      return yield failure("aborted", "aborted", reply.usage === undefined ? null : { ...USAGE, ...reply.usage });
    if (reply.error !== undefined)
      return yield failure(
        reply.error.kind,
        reply.error.message ?? `${reply.error.kind} of the script`,
        reply.error.usage === undefined ? null : { ...USAGE, ...reply.error.usage },
      );
    const message = messageOf(reply, request.model.id, calls + 1);
    calls += (reply.calls ?? []).length;
    yield {
      type: "end",
      message,
      usage: { ...USAGE, ...reply.usage },
      stopReason: reply.stop ?? ((reply.calls ?? []).length > 0 ? "tool_calls" : "end"),
      servedModel: reply.served ?? null,
    };
  }
  return { id: "p", scripted: true, stream, check: () => Promise.resolve({ ok: true, detail: "scripted" }) };
}

function around(registry: ModelRegistry, provider: Provider, usesKey: boolean): ModelRegistry {
  return {
    list: () => registry.list(),
    providers: () => registry.providers(),
    resolve: (name, where) => registry.resolve(name, where),
    async provider(model) {
      if (usesKey) await registry.provider(model);
      return provider;
    },
  };
}

function sessionPath(home: string): string {
  const root = join(home, "sessions");
  const found = existsSync(root)
    ? readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".jsonl"))
    : [];
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`${found.length} session files`);
  return join(root, only);
}

export async function createHarness(options: HarnessOptions): Promise<Harness> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-agent-")));
  folders.push(root);
  const home = join(root, "home");
  const workspace = join(root, "workspace");
  mkdirSync(home);
  mkdirSync(workspace);
  for (const [path, text] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), text);
  }
  const configure = (toml: string): void => writeFileSync(join(home, "bmo.toml"), toml);
  configure(userToml(options));
  // Settings and keys of the machine that runs the tests must not take part.
  for (const name of Object.keys(process.env))
    if (/_API_KEY$|_BASE_URL$|^BMO_/.test(name)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, { HOME: home, BMO_HOME: home });

  const events: AgentEvent[] = [];
  const requests: SeenRequest[] = [];
  const asked: AskRequest[] = [];
  const answers = [...(options.answers ?? [])];
  const ask: Ask = (request) => {
    asked.push(request);
    return Promise.resolve(answers.shift() ?? { answer: "none", reason: "nobody is here to ask" });
  };
  const provider = scriptedProvider(options, requests, () => harness);
  const open = async (flags: string[], path: string | null): Promise<OpenedAgent> => {
    const line = parseArguments(["-p", "-C", workspace, ...flags], []);
    if (line.kind !== "run") throw new Error(`${flags.join(" ")} asks for ${line.kind}`);
    const app = await createApp(line, { version: "0.0.0", startedAt: 0 });
    const session =
      path === null
        ? { kind: "new" as const }
        : { kind: "open" as const, path, fork: flags.includes("--fork-session") };
    const made = await openAgent(
      { ...app, registry: () => around(app.registry(), provider, options.usesKey === true) },
      { session, ask, headless: options.headless ?? false, limits: line.limits },
    );
    made.agent.subscribe((event) => {
      events.push(structuredClone(event));
      if (TOLD.has(event.type)) compareWithFile(made.agent, event, path ?? sessionPath(home));
    });
    opened.push(made.agent);
    return made;
  };
  const first = await open(options.flags ?? [], null);
  let shown = 0;
  const harness: Harness = {
    agent: first.agent,
    context: first.context,
    workspace,
    home,
    events,
    requests,
    asked,
    put(path, text) {
      mkdirSync(dirname(join(workspace, path)), { recursive: true });
      writeFileSync(join(workspace, path), text);
    },
    read: (path) => readFileSync(join(workspace, path), "utf8"),
    exists: (path) => existsSync(join(workspace, path)),
    configure,
    submit: (text) => harness.agent.submit({ text, images: [] }),
    approve: ({ tickets, note, unscoped, via } = {}) =>
      harness.agent.approve({
        via: via ?? "command",
        tickets: tickets ?? null,
        note: note ?? null,
        unscoped: unscoped ?? false,
      }),
    lines() {
      const since = events.slice(shown);
      shown = events.length;
      // What the machine lacks is no part of what the agent does.
      return outline(since, workspace).filter((line) => !line.startsWith("warning: no sandbox:"));
    },
    records: () => readSession(sessionPath(home)).records,
    sessionText: () => readFileSync(sessionPath(home), "utf8"),
    async reopen(flags = []) {
      await harness.agent.close();
      const again = await open(flags, sessionPath(home));
      harness.agent = again.agent;
      harness.context = again.context;
    },
  };
  return harness;
}

function firstLine(text: string): string {
  const [line = "", ...rest] = text.split("\n");
  return rest.length > 0 ? `${line} …` : line;
}

function contentText(content: readonly { type: string; text?: string }[]): string {
  return content.map((block) => block.text ?? `<${block.type}>`).join("\n");
}

function lineOf(event: AgentEvent): string {
  switch (event.type) {
    case "session_start":
      return "session";
    case "turn_start":
      return `turn ${event.turn} ${event.stage}${event.ticket === null ? "" : ` ${event.ticket}`}: ${firstLine(event.text)}`;
    case "gate_decision":
      return `gate ${event.decision ?? "off"}`;
    case "route_decision":
      return `route ${event.route.model} by ${event.route.source}`;
    case "step_start":
      return `step ${event.step} ${event.model}`;
    case "text_delta":
      return `text ${JSON.stringify(event.text)}`;
    case "reasoning_delta":
      return `reasoning ${JSON.stringify(event.text)}`;
    case "message_end":
      return `message ${event.message.content.map((block) => (block.type === "tool_call" ? block.name : block.type)).join("+")}`;
    case "tool_start":
      return `start ${event.call.name}: ${firstLine(event.summary)}`;
    case "tool_delta":
      return "output";
    case "tool_end":
      return `end ${event.tool}${event.output.isError ? " error" : ""}: ${firstLine(contentText(event.output.content))}`;
    case "plan_ready":
      return `plan ready, revision ${event.plan.revision}, for ${event.executionModel ?? "nobody"}${(event.changes ?? []).map((change) => `; ${change}`).join("")}`;
    case "plan_approved":
      return `approved revision ${event.plan.revision} by ${event.approval.via}${event.approval.tickets === null ? "" : ` for ${event.approval.tickets.join(",")}`}`;
    case "ticket_start":
      return `ticket ${event.ticket} begins`;
    case "ticket_end":
      return `ticket ${event.ticket} ${event.state}, cost ${event.costUsd ?? "null"}`;
    case "scope_violation":
      return `scope ${event.action} ${event.path} ${event.allowed ? "allowed" : "refused"}: ${firstLine(event.reason)}`;
    case "rollback":
      return `rollback ${event.paths.join(",")}`;
    case "cost_entry":
      return `cost ${event.entry.purpose} ${event.entry.model} ${event.entry.cost_usd ?? "null"}`;
    case "retry":
      return `retry ${event.attempt}`;
    case "notice":
      return `${event.level}: ${firstLine(event.text)}`;
    case "turn_end":
      return `turn ${event.turn} ends ${event.reason}${event.error === null ? "" : ` (${event.error.code}: ${firstLine(event.error.message)})`}`;
  }
}

/** What follows the beginning of a turn or a step as part of it, and so goes on with its line. */
const CONTINUES: readonly AgentEvent["type"][] = [
  "gate_decision",
  "route_decision",
  "text_delta",
  "reasoning_delta",
  "message_end",
  "cost_entry",
];
const OPENS: readonly AgentEvent["type"][] = ["turn_start", "step_start"];

/**
 * Every event in its order, a turn's or a step's own ones on its line; what is drawn by chance gets a name. Live output
 * counts once, however it was cut.
 */
export function outline(events: readonly AgentEvent[], workspace: string): string[] {
  const names = new Map<string, string>();
  const stable = (text: string): string =>
    text
      .replaceAll(workspace, "<workspace>")
      .replaceAll(/sha256:[0-9a-f]+/g, "<hash>")
      .replaceAll(/\bp_[0-9a-f]{12}\b/g, (id) => {
        const name = names.get(id) ?? `<plan ${names.size + 1}>`;
        names.set(id, name);
        return name;
      });
  const lines: string[] = [];
  let open = false;
  for (const event of events) {
    const line = stable(lineOf(event));
    const last = lines.at(-1);
    if (last !== undefined && open && CONTINUES.includes(event.type)) lines[lines.length - 1] = `${last} | ${line}`;
    else if (line !== "output" || last !== "output") lines.push(line);
    open = OPENS.includes(event.type) || (open && CONTINUES.includes(event.type));
  }
  return lines;
}

/** Texts of a request's user messages and tool results, in their order. */
export function told(request: SeenRequest | undefined): string[] {
  return (request?.messages ?? []).flatMap((message) =>
    message.role === "assistant" ? [] : [contentText(message.content)],
  );
}

export function ticket(id: string, files: Record<string, string>, more: JsonObject = {}): JsonObject {
  return {
    id,
    title: `Ticket ${id}`,
    detail: `What ${id} does`,
    files: Object.entries(files).map(([path, action]) => ({ path, action })),
    commands: [],
    acceptance: ["it is done"],
    verify: [],
    depends_on: [],
    out_of_scope: ["anything else"],
    ...more,
  };
}

export function plan(tickets: JsonObject[], more: JsonObject = {}): Reply {
  return {
    calls: [
      { name: "set_plan_artifact", input: { title: "The plan", summary: "What is to be done.", tickets, ...more } },
    ],
  };
}

export const call = (name: string, input: JsonObject): Reply => ({ calls: [{ name, input }] });
/** The plan of most tests: one ticket that creates `a.txt`. */
export const ONE_TICKET = plan([ticket("t1", { "a.txt": "create" })]);

export const isPlanning = (request: SeenRequest): boolean => request.tools.includes("set_plan_artifact");
export const write = (path: string, content: string): Reply => call("write", { path, content });
