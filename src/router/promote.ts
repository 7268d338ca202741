// Promotion inside a run: what this run's own tool results say about code work, and whether the switch pays. Never goes
// down.

import type { Message, ToolCallBlock } from "../types/message.ts";
import type { ModelInfo } from "../types/provider.ts";
import type { RouteCandidate, RouteContext, RouteDecision } from "../types/route.ts";
import type { ModelBook } from "./models.ts";
import { capabilityOf } from "./phase-router.ts";
import { REPAIR_STEPS, stepCost } from "./rank.ts";

export interface Promotion {
  model: ModelInfo;
  signal: string;
  reason: string;
  candidates: RouteCandidate[];
}

/** Steps that a run of code work still takes once it has shown itself; our estimate. */
const STEPS_AHEAD = 6;
/** Capability assumed where nobody published one: what the tiers are for. Estimates. */
const ASSUMED_CAPABILITY = { now: 55, coding: 75 };

const CODE_FILE =
  /\.(?:[cm]?[jt]sx?|py|rb|go|rs|java|kt|kts|swift|c|cc|cpp|cxx|h|hpp|cs|php|scala|clj|ex|exs|erl|hs|ml|fs|lua|pl|r|jl|dart|zig|nim|sh|bash|zsh|ps1|sql|vue|svelte|tf|proto|gradle|cmake)$|(?:^|\/)(?:Makefile|Dockerfile|Rakefile|Gemfile|CMakeLists\.txt)$/i;
const CODE_COMMAND =
  /^\s*(?:sudo\s+)?(?:npm|npx|pnpm|yarn|bun|deno|node|tsc|tsx|vitest|jest|eslint|python3?|pip3?|pytest|tox|ruff|mypy|poetry|uv|go|cargo|rustc|make|cmake|ninja|gcc|g\+\+|clang|mvn|gradle|\.\/gradlew|dotnet|ruby|bundle|rake|rspec|php|composer|phpunit|swift|xcodebuild|mix|elixir|bazel|ctest)\b/;
const TRACE =
  /\bTraceback \(most recent call last\)|\b(?:Syntax|Type|Reference|Range|Name|Attribute|Key|Index|Import|ModuleNotFound|Assertion)Error\b|\bpanic: |error\[E\d+\]|^\s+at .+:\d+:\d+\)?$|\bFAILED\b|\bException in thread\b|error TS\d+/m;

/**
 * Only balanced runs in the execute and chat stages, only when `coding_model` is set, only when the cache break-even
 * says so.
 */
export function promoteInRun(
  context: RouteContext,
  current: Pick<RouteDecision, "route" | "model">,
  run: Message[],
  book: ModelBook,
): Promotion | null {
  return promoteOn(context, current, () => codeSignal(run), book);
}

/** The same on a signal that is known already: replay has no run to look at. */
export function promoteOn(
  context: RouteContext,
  current: Pick<RouteDecision, "route" | "model">,
  findSignal: () => string | null,
  book: ModelBook,
): Promotion | null {
  const { settings } = context;
  const { route } = current;
  if (context.stage === "plan" || route.stage === "gate" || !settings.options.model_router.dynamic_tier_enabled)
    return null;
  if (route.tier !== "balanced" || route.tier_source === "user" || route.tier_source === "skill") return null;
  const declaredTier =
    route.source === "stage" &&
    settings.options.phase_model[stageKey(context)]?.trim().toLowerCase() === "tier:balanced";
  if (route.source !== "tier" && route.source !== "default" && route.source !== "phase" && !declaredTier) return null;
  const coding = book.bound("coding");
  if (coding === null || coding.id === current.model.id) return null;
  const signal = findSignal();
  if (signal === null) return null;
  return breakEven(context, current.model, coding, signal, book);
}

function stageKey(context: RouteContext): "planning_model" | "execution_model" {
  return context.stage === "chat" && context.turn <= 1 ? "planning_model" : "execution_model";
}

/** What in this run's messages (after the last user message) shows code work; null before the first tool result. */
export function codeSignal(run: Message[]): string | null {
  const last = run.findLastIndex((message) => message.role === "user");
  const calls = new Map<string, ToolCallBlock>();
  for (const message of run.slice(last + 1)) {
    if (message.role === "assistant") {
      for (const block of message.content) if (block.type === "tool_call") calls.set(block.id, block);
      continue;
    }
    if (message.role !== "tool") continue;
    const call = calls.get(message.callId);
    const path = stringOf(call?.input.path ?? call?.input.file_path);
    if (/^(view|edit|multiedit|write)$/.test(message.toolName) && CODE_FILE.test(path))
      return `${message.toolName} of ${path}`;
    const command = stringOf(call?.input.command);
    if (message.toolName === "bash" && command.split(/&&|\|\||;|\n/).some((part) => CODE_COMMAND.test(part)))
      return `command ${firstWords(command)}`;
    const text = message.content
      .flatMap((block) => (block.type === "text" ? [block.text.slice(0, 20_000)] : []))
      .join("\n");
    if (TRACE.test(text)) return `failure in the result of ${message.toolName}`;
  }
  return null;
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function firstWords(command: string): string {
  return command.trim().split(/\s+/).slice(0, 3).join(" ").slice(0, 60);
}

/**
 * Expected price of the steps ahead on each model, repairs included; the prefix is warm on the model in use and cold
 * once on the other. An unknown price cannot say so, hence no switch.
 */
function breakEven(
  context: RouteContext,
  now: ModelInfo,
  coding: ModelInfo,
  signal: string,
  book: ModelBook,
): Promotion | null {
  const phase = "implement" as const;
  const prefixTokens = Math.max(context.previous?.prefixTokens ?? 0, context.needs.contextTokens);
  const on = (model: ModelInfo): { model: string; prefixTokens: number; tier: "balanced"; warm: boolean } => ({
    model: model.id,
    prefixTokens,
    tier: "balanced",
    warm: true,
  });
  const warmNow = stepCost(now, phase, context.needs, on(now));
  const coldCoding = stepCost(coding, phase, context.needs, on(now));
  const warmCoding = stepCost(coding, phase, context.needs, on(coding));
  if (warmNow === null || coldCoding === null || warmCoding === null) return null;
  const capabilityNow = capabilityOf(now, phase, context.settings, book) ?? ASSUMED_CAPABILITY.now;
  const capabilityCoding = capabilityOf(coding, phase, context.settings, book) ?? ASSUMED_CAPABILITY.coding;
  const repair = REPAIR_STEPS * Math.max(warmNow, warmCoding);
  const stay = STEPS_AHEAD * (warmNow + (1 - capabilityNow / 100) * repair);
  const move = coldCoding + (STEPS_AHEAD - 1) * warmCoding + STEPS_AHEAD * (1 - capabilityCoding / 100) * repair;
  if (move >= stay) return null;
  const candidate = (model: ModelInfo, capability: number, cost: number, rejected: string | null): RouteCandidate => ({
    model: model.id,
    capability: capability / 100,
    est_cost_usd: Number(cost.toPrecision(6)),
    ...(model.priceEstimate ? { price_is_estimate: true } : {}),
    score: null,
    rejected,
  });
  return {
    model: coding,
    signal,
    reason: `promoted from balanced to coding in this run (${signal}); over ${STEPS_AHEAD} steps the switch pays, the cold cache of ${prefixTokens} tokens included`,
    candidates: [
      candidate(coding, capabilityCoding, coldCoding, null),
      candidate(now, capabilityNow, warmNow, "repairs expected over the steps ahead cost more than the switch"),
    ],
  };
}
