// One tool call: known? offered? well-formed? permitted? Then the intent is logged, the tool runs, and its result is
// cleaned. A failure is always a result that the model reads; nothing here ends the run.

import { BmoError, toErrorInfo } from "../../util/errors.ts";
import { jsonFault } from "../../util/json-bounds.ts";
import { nearestNames } from "../../util/names.ts";
import { sanitizeText } from "../../util/sanitize.ts";
import { errorOutput } from "../../util/tool-output.ts";
import { createLiveOutput } from "./live-output.ts";
import { sayConfinement } from "../confinement.ts";
import type { AgentParts, Boundary } from "../parts.ts";
import type { SessionState } from "../session-state.ts";
import type { ErrorInfo } from "../../types/error.ts";
import type { ToolCallBlock } from "../../types/message.ts";
import type { Verdict } from "../../types/permission.ts";
import type { DisplayBlock, FileAction, ToolContext, ToolDefinition, ToolOutput } from "../../types/tool.ts";
import type { WorkStage } from "../../types/plan.ts";

export interface ToolCallContext {
  parts: AgentParts;
  state: SessionState;
  stage: WorkStage;
  turn: number;
  boundary: Boundary;
  offered: readonly ToolDefinition[];
  toolContext: ToolContext;
  /** Keeps other runs from writing in the workspace until the turn ends. @throws BmoError locked. */
  holdWorkspace(): Promise<void>;
}

export interface ToolCallOutcome {
  output: ToolOutput;
  /** Why the turn cannot go on. */
  stop?: ErrorInfo;
  /** The call was refused by the host: not offered, or not permitted. */
  refused: boolean;
}

/** Names that other agents use for handing in a plan; answered with the right one. */
const OTHER_PLAN_TOOLS = new Set([
  "submit_plan",
  "exit_plan_mode",
  "exitplanmode",
  "present_plan",
  "create_plan",
  "plan_exit",
  "update_plan",
]);

function unknownTool(name: string, offered: readonly ToolDefinition[]): string {
  const names = offered.map((tool) => tool.spec.name);
  if (OTHER_PLAN_TOOLS.has(name.toLowerCase()))
    return `There is no tool "${name}". A plan is handed in with set_plan_artifact; only the user can approve it.`;
  const near = nearestNames(name, names);
  return `There is no tool "${name}". ${near.length > 0 ? `Did you mean ${near.join(" or ")}? ` : ""}Tools: ${names.join(", ")}.`;
}

function notOffered(tool: ToolDefinition, context: ToolCallContext): string {
  const names = context.offered.map((one) => one.spec.name).join(", ");
  if (context.stage === "plan")
    return `${tool.spec.name} is not available in the plan stage: nothing is changed before the user approves a plan. Put the change into the plan. Tools now: ${names}.`;
  return `${tool.spec.name} is not available in the ${context.stage} stage. Tools now: ${names}.`;
}

function cleanOutput(output: ToolOutput, redact: (text: string) => string): ToolOutput {
  const clean = (text: string): string => redact(sanitizeText(text));
  return {
    ...output,
    content: output.content.map((block) =>
      block.type === "text" ? { ...block, text: clean(block.text) === "" ? "(no output)" : clean(block.text) } : block,
    ),
    display: output.display.map((block) => {
      switch (block.kind) {
        case "text":
          return { ...block, text: clean(block.text) };
        case "diff":
          return { ...block, patch: clean(block.patch) };
        case "shell":
          return { ...block, command: clean(block.command), output: clean(block.output) };
      }
    }),
  };
}

/**
 * Judges, asks where needed, and runs. Emits tool_start and tool_end around it; the result is not yet in the history.
 */
export async function runToolCall(call: ToolCallBlock, context: ToolCallContext): Promise<ToolCallOutcome> {
  const { parts } = context;
  const tool = parts.tools.find((one) => one.spec.name === call.name);
  const parsed = tool === undefined || call.invalid !== undefined ? null : tool.parse(call.input);
  const summary = tool !== undefined && parsed?.ok === true ? sanitizeText(tool.summarize(parsed.value)) : call.name;
  parts.emit({ type: "tool_start", call: { ...call, name: sanitizeText(call.name) }, summary: parts.redact(summary) });
  const outcome = await judgeAndRun(call, context, tool, parsed, summary).catch((thrown: unknown) =>
    failedCall(call, context, thrown),
  );
  return { ...outcome, output: cleanOutput(outcome.output, parts.redact) };
}

/** Whatever breaks inside a call is told to the model, which may find another way; it does not end the run. */
function failedCall(call: ToolCallBlock, { parts }: ToolCallContext, thrown: unknown): ToolCallOutcome {
  parts.writeLog(
    `tool ${call.name} failed: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
  );
  const info = toErrorInfo(thrown);
  const { message, hint } = info;
  return {
    output: errorOutput(`${sanitizeText(call.name)} failed: ${message}${hint === null ? "" : ` (${hint})`}`),
    refused: false,
    ...(info.code === "locked" ? { stop: info } : {}),
  };
}

async function judgeAndRun(
  call: ToolCallBlock,
  context: ToolCallContext,
  tool: ToolDefinition | undefined,
  parsed: ReturnType<ToolDefinition["parse"]> | null,
  summary: string,
): Promise<ToolCallOutcome> {
  const { parts, state, boundary } = context;
  if (tool === undefined)
    return { output: errorOutput(unknownTool(sanitizeText(call.name), context.offered)), refused: false };
  if (!context.offered.includes(tool)) {
    const reason = notOffered(tool, context);
    const parsedTarget = parsed?.ok === true ? tool.target(parsed.value).value : "";
    if (tool.access === "write" || tool.access === "exec")
      state.addDenial(
        { tool: tool.spec.name, summary, reason: `not available in the ${context.stage} stage`, target: parsedTarget },
        context.stage,
      );
    return { output: errorOutput(reason), refused: true };
  }
  if (call.invalid !== undefined) {
    const fault = jsonFault(call.invalid);
    const what = fault === null ? "were cut off or are no JSON object" : `are ${fault}`;
    return {
      output: errorOutput(
        `The arguments of this ${tool.spec.name} call ${what}, so it did not run. Send the call again, whole; split it if it is long.`,
      ),
      refused: false,
    };
  }
  if (parsed === null || !parsed.ok)
    return { output: errorOutput(`${tool.spec.name}: ${parsed?.message ?? "invalid arguments"}`), refused: false };

  const target = tool.target(parsed.value);
  const verdict = await boundary.judge({ tool, input: parsed.value });
  // Only a person is shown what a call would do; nobody is asked about one that is bound to fail.
  const preview =
    verdict.decision === "ask" && !context.parts.headless
      ? await previewCall(tool, parsed.value, context.toolContext)
      : NOTHING_TO_SHOW;
  if (preview.failure !== null) return { output: errorOutput(`${tool.spec.name}: ${preview.failure}`), refused: false };
  const permission = await askIfNeeded(verdict, {
    context,
    tool,
    display: preview.display,
    summary,
    target: target.value,
  });
  if (permission !== null) {
    if (tool.access === "exec") sayConfinement(parts);
    state.addDenial(
      { tool: tool.spec.name, summary, reason: permission.recorded, target: target.value },
      context.stage,
      tool.access === "read",
    );
    return { output: errorOutput(permission.told), refused: true };
  }
  // Only now: nobody waits for a call that a person is still asked about.
  if (await boundary.mayWrite({ tool, input: parsed.value })) await context.holdWorkspace();
  state.append({ type: "tool_intent", turn: context.turn, call_id: call.id, tool: tool.spec.name, summary });
  const refusalsBefore = state.runDenials.length;
  const live = createLiveOutput(context.parts, call.id);
  const output = await tool.run(parsed.value, { ...context.toolContext, onOutput: live.push }).finally(live.end);
  parts.checkpoints.settle();
  const warnOnly = context.parts.settings().settings.options.containment.mode === "warn";
  for (const change of output.changes ?? []) {
    const inScope = boundary.inScope(change.path, change.action);
    state.addFile({ ...change, in_scope: inScope, rolled_back: false });
    // What an enforced scope lets through was answered by the user, and told then.
    if (!inScope && warnOnly)
      context.parts.emit({
        type: "scope_violation",
        path: change.path,
        action: change.action,
        allowed: true,
        reason: "outside the approved scope, allowed by the containment mode",
      });
  }
  // What this very call was refused, or had put back, is not made good by its having ended.
  const wasClean = !output.isError && state.runDenials.length === refusalsBefore;
  if (wasClean && tool.access !== "read" && tool.access !== "host") state.clearDenials(tool.spec.name, target.value);
  return { output, refused: false };
}

interface CallPreview {
  display: DisplayBlock[];
  /** Why the call cannot be carried out, whatever the answer; null when nothing speaks against it. */
  failure: string | null;
}

const NOTHING_TO_SHOW: CallPreview = { display: [], failure: null };

async function previewCall(tool: ToolDefinition, input: unknown, context: ToolContext): Promise<CallPreview> {
  try {
    return { display: (await tool.preview?.(input, context)) ?? [], failure: null };
  } catch (thrown) {
    if (thrown instanceof BmoError && thrown.code === "failed") return { display: [], failure: thrown.message };
    if (thrown instanceof Error) return { display: [{ kind: "text", text: thrown.message }], failure: null };
    throw thrown;
  }
}

interface PermissionQuestion {
  context: ToolCallContext;
  tool: ToolDefinition;
  display: DisplayBlock[];
  summary: string;
  target: string;
}

/** null = permitted; else what the model is told and what is recorded. */
async function askIfNeeded(
  verdict: Verdict,
  question: PermissionQuestion,
): Promise<{ told: string; recorded: string } | null> {
  if (verdict.decision === "allow") return null;
  const { context, tool } = question;
  const { parts, state, boundary } = context;
  if (verdict.decision === "deny") return { told: `Refused: ${verdict.reason}`, recorded: verdict.reason };
  if (verdict.scope !== undefined) return askForScope(verdict.scope, verdict.reason, question);
  const reply = await parts.ask(
    {
      kind: "permission",
      tool: tool.spec.name,
      summary: question.summary,
      target: boundary.display(question.target),
      reason: verdict.reason,
      rule: verdict.rule,
      display: question.display,
    },
    context.toolContext.signal,
  );
  switch (reply.answer) {
    case "allow_once":
    case "keep":
      return null;
    case "allow_session":
      if (verdict.rule !== null) state.grant(verdict.rule);
      return null;
    case "allow_project":
      if (verdict.rule !== null) await allowInProject(verdict.rule, parts, state);
      return null;
    case "deny": {
      const asked =
        reply.feedback === null || reply.feedback === "" ? "Do not try it another way." : `They say: ${reply.feedback}`;
      return { told: `The user refused this ${tool.spec.name} call. ${asked}`, recorded: "refused by the user" };
    }
    case "none":
      return { told: `Refused: ${verdict.reason}; ${reply.reason}.`, recorded: `${verdict.reason}; ${reply.reason}` };
    case "restore":
    case "text":
      return { told: "The user did not permit this call.", recorded: "not permitted" };
  }
}

/** A rule that cannot be kept for good still counts for this session, and the user is told. */
async function allowInProject(rule: string, parts: AgentParts, state: SessionState): Promise<void> {
  try {
    await parts.allowInProject(rule);
  } catch (thrown) {
    state.grant(rule);
    parts.emit({
      type: "notice",
      level: "warning",
      text: `${rule} is allowed for this session only, because it cannot be kept: ${toErrorInfo(thrown).message}`,
    });
  }
}

/** The extension of the scope is a small plan of its own: what, why, one key. */
async function askForScope(
  scope: { path: string; action: FileAction },
  reason: string,
  question: PermissionQuestion,
): Promise<{ told: string; recorded: string } | null> {
  const { parts, state, boundary } = question.context;
  const { plan } = state.workflow;
  const refused = { told: `Refused: ${reason}. If the task needs this file, call request_replan.`, recorded: reason };
  const violation = {
    type: "scope_violation" as const,
    path: scope.path,
    action: scope.action,
    allowed: false,
    reason,
  };
  if (plan === null) {
    parts.emit(violation);
    return refused;
  }
  const reply = await parts.ask(
    { kind: "scope", path: scope.path, action: scope.action, tool: question.tool.spec.name, reason, plan },
    question.context.toolContext.signal,
  );
  if (reply.answer !== "allow_once" && reply.answer !== "allow_session") {
    parts.emit(violation);
    const feedback =
      reply.answer === "deny" && reply.feedback !== null && reply.feedback !== ""
        ? ` The user says: ${reply.feedback}`
        : "";
    return { ...refused, told: refused.told + feedback };
  }
  state.grant(scopeGrant(plan.hash, scope.action, scope.path));
  boundary.extendScope(scope.path, scope.action);
  return null;
}

/** How an extension of the scope is kept: bound to the plan it extends. */
export function scopeGrant(hash: string, action: FileAction, path: string): string {
  return `scope(${hash.slice(0, 19)} ${action} ${path})`;
}

/** The extensions that the user granted for a plan. */
export function grantedScope(grants: readonly string[], hash: string): { action: FileAction; path: string }[] {
  return grants.flatMap((grant) => {
    const match = /^scope\((sha256:\w+) (create|modify|delete) ([\s\S]+)\)$/.exec(grant);
    if (match === null || !hash.startsWith(match[1] ?? " ")) return [];
    return [{ action: match[2] as FileAction, path: match[3] ?? "" }];
  });
}
