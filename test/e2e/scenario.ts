// What the end-to-end tests share: plans, scripted planners and executors, configurations, and the look at a finished
// run. Asserts only what every run must keep.

import { afterEach, expect } from "vitest";
import type { JsonObject } from "../../src/types/json.ts";
import {
  startVendorServer,
  type ScriptedReply,
  type SeenRequest,
  type VendorServer,
  type VendorServerOptions,
} from "../support/vendor-server.ts";
import { createPlace, providerToml, type Finished, type Place, type WireName } from "./harness.ts";

const servers: VendorServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

export async function openServer(options: VendorServerOptions = {}): Promise<VendorServer> {
  const server = await startVendorServer(options);
  servers.push(server);
  return server;
}

export const PRICE = "price = { input = 3.0, output = 15.0, cache_read = 0.3, cache_write = 3.75 }\n";

/**
 * One provider `p` with the models given, the first of them the default; `top` goes above, `tables` below the provider.
 */
export function userToml(
  url: string,
  {
    models = ["m-1"],
    wire = "anthropic",
    top = "",
    tables = "",
    facts = PRICE,
  }: { models?: string[]; wire?: WireName; top?: string; tables?: string; facts?: string } = {},
): string {
  const provider = providerToml("p", wire, url, models, facts).replace(/(api_key = .*\n)/, "$1max_retries = 1\n");
  return `model = "p/${models[0] ?? ""}"\n${top}\n${provider}\n${tables}\n`;
}

export interface Scene {
  server: VendorServer;
  place: Place;
}

/** A server and a place whose user file names it. */
export async function scene(server: VendorServerOptions, toml: Parameters<typeof userToml>[1] = {}): Promise<Scene> {
  const opened = await openServer(server);
  const place = createPlace();
  place.configure(userToml(opened.url, toml));
  return { server: opened, place };
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

export function planInput(tickets: JsonObject[], more: JsonObject = {}): JsonObject {
  return { title: "The plan", summary: "What is to be done.", tickets, ...more };
}

export const submit = (plan: JsonObject): ScriptedReply => ({ calls: [{ name: "set_plan_artifact", input: plan }] });
export const isPlanning = (request: SeenRequest): boolean => request.tools.includes("set_plan_artifact");
export const calledTimes = (request: SeenRequest, name: string): number =>
  request.toolCalls.filter((call) => call.name === name).length;
export const lastResult = (request: SeenRequest): string => request.toolResults.at(-1)?.text ?? "";

/** A planner that hands in one plan, and an executor that takes one reply per request of its conversation. */
export function planThen(plan: JsonObject, execution: ScriptedReply[]): (request: SeenRequest) => ScriptedReply {
  return (request) =>
    isPlanning(request)
      ? submit(plan)
      : (execution[Math.min(stepsOf(request), execution.length - 1)] ?? { text: "Nothing left." });
}

/** How many model replies stand in a request's history; one reply may be several items on the wire. */
export function stepsOf(request: SeenRequest): number {
  const items = request.body["messages"] ?? request.body["input"];
  const fromModel = Array.isArray(items)
    ? items.map(
        (item) =>
          typeof item === "object" &&
          item !== null &&
          !Array.isArray(item) &&
          (item["role"] === "assistant" || item["type"] === "function_call" || item["type"] === "reasoning"),
      )
    : [];
  return fromModel.filter((one, index) => one && fromModel[index - 1] !== true).length;
}

export interface ResultObject {
  type: string;
  version: number;
  session_id: string | null;
  status: string;
  exit_code: number;
  result: string;
  data: JsonObject | null;
  plan: {
    id: string;
    revision: number;
    hash: string;
    state: string;
    title: string;
    tickets: { id: string; state: string; cost_usd: number | null }[];
  } | null;
  routes: { model: string; stage: string; cost_usd: number | null; ticket: string | null }[];
  usage: { input: number; output: number; cache_read: number; cache_write: number };
  cost_usd: number | null;
  baseline: { model: string | null; cost_usd: number | null };
  savings_pct: number | null;
  files: { path: string; action: string; in_scope: boolean; rolled_back: boolean }[];
  denials: { tool: string; summary: string; reason: string }[];
  warnings: string[];
  error: { code: string; message: string; hint: string | null } | null;
  duration_ms: number;
}

const RESULT_KEYS = [
  "type",
  "version",
  "session_id",
  "status",
  "exit_code",
  "result",
  "data",
  "plan",
  "routes",
  "usage",
  "cost_usd",
  "baseline",
  "savings_pct",
  "files",
  "denials",
  "warnings",
  "error",
  "duration_ms",
];

/** The one object of `--json`: the whole of stdout is that object and a newline, every documented key is there. */
export function resultOf(finished: Finished): ResultObject {
  const lines = finished.stdout.split("\n");
  expect({ lines: lines.length, end: lines.at(-1), stderr: finished.stderr }).toMatchObject({ lines: 2, end: "" });
  const result = JSON.parse(lines[0] ?? "") as ResultObject;
  expect(RESULT_KEYS.filter((key) => !(key in result))).toEqual([]);
  expect(result.exit_code).toBe(finished.code);
  return result;
}

/** What every failing row must keep: code, cause, silent stdout, and a tree as it was. */
export function expectFailure(finished: Finished, code: number, cause: RegExp): void {
  expect({
    code: finished.code,
    signal: finished.signal,
    stdout: finished.stdout,
    stderr: finished.stderr,
  }).toMatchObject({ code, signal: null, stdout: "", stderr: expect.stringMatching(cause) as unknown });
  expect(finished.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
}

/** The session of a failed run goes on: the server accepts its history, and the first prompt is in it. */
export async function expectResumable({ server, place }: Scene, firstPrompt: string): Promise<void> {
  server.setReplies(() => ({ text: "Going on." }));
  const before = server.requests.length;
  const resumed = await place.run(["-c", "-p", "go on please"]);
  expect({ code: resumed.code, stdout: resumed.stdout, stderr: resumed.stderr }).toMatchObject({
    code: 0,
    stdout: "Going on.\n",
  });
  const seen = server.requests.slice(before);
  expect(seen.map((request) => request.violations)).toEqual([[]]);
  const told = seen[0]?.userTexts.join("\n") ?? "";
  expect(told).toContain(firstPrompt);
  expect(told).toContain("go on please");
}
