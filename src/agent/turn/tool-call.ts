// One tool call: known? offered? well-formed? permitted? Then the intent is logged, the tool runs, and its result is
// cleaned. A failure is always a result that the model reads; nothing here ends the run.

import { BmoError, toErrorInfo } from "../../util/errors.ts";
import { jsonFault } from "../../util/json-bounds.ts";
import { nearestNames } from "../../util/names.ts";
import { sanitizeText } from "../../util/sanitize.ts";
import { errorOutput } from "../../util/tool-output.ts";
import { createLiveOutput } from "./live-output.ts";
import { sayConfinement } from "../confinement.ts";
import type { AgentContext } from "../context.ts";
import type { Boundary } from "../ports.ts";
import type { Turn } from "./turn.ts";
import type { ErrorInfo } from "../../types/error.ts";
import type { ToolCallBlock } from "../../types/message.ts";
import type { Verdict } from "../../types/permission.ts";
import type { DisplayBlock, FileAction, ToolContext, ToolDefinition, ToolOutput } from "../../types/tool.ts";

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

function notOffered(tool: ToolDefinition, { stage, tools }: Turn): string {
  const names = tools.offered.map((one) => one.spec.name).join(", ");
  if (stage === "plan")
    return `${tool.spec.name} is not available in the plan stage: nothing is changed before the user approves a plan. Put the change into the plan. Tools now: ${names}.`;
  return `${tool.spec.name} is not available in the ${stage} stage. Tools now: ${names}.`;
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
export async function runToolCall(context: AgentContext, turn: Turn, call: ToolCallBlock): Promise<ToolCallOutcome> {
  const { ports, emit } = context;
  const { redact } = ports.redaction;
  const tool = ports.toolbox.tools.find((one) => one.spec.name === call.name);
  const parsed = tool === undefined || call.invalid !== undefined ? null : tool.parse(call.input);
  const summary = tool !== undefined && parsed?.ok === true ? sanitizeText(tool.summarize(parsed.value)) : call.name;
  emit({ type: "tool_start", call: { ...call, name: sanitizeText(call.name) }, summary: redact(summary) });
  const outcome = await checkAndRun(context, turn, call, tool, parsed, summary).catch((thrown: unknown) =>
    failedCall(call, context, thrown),
  );
  return { ...outcome, output: cleanOutput(outcome.output, redact) };
}

/** What breaks inside a call is told to the model, which may find another way; it does not end the run. */
function failedCall(call: ToolCallBlock, { ports }: AgentContext, thrown: unknown): ToolCallOutcome {
  ports.session.writeLog(
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

/** Known, offered and well-formed calls go on to be judged; the others are answered. */
async function checkAndRun(
  context: AgentContext,
  turn: Turn,
  call: ToolCallBlock,
  tool: ToolDefinition | undefined,
  parsed: ReturnType<ToolDefinition["parse"]> | null,
  summary: string,
): Promise<ToolCallOutcome> {
  const { stage, tools } = turn;
  if (tool === undefined)
    return { output: errorOutput(unknownTool(sanitizeText(call.name), tools.offered)), refused: false };
  const { name } = tool.spec;
  if (!tools.offered.includes(tool)) {
    const target = parsed?.ok === true ? tool.target(parsed.value).value : "";
    if (tool.access === "write" || tool.access === "exec")
      context.state.addDenial({ tool: name, summary, reason: `not available in the ${stage} stage`, target }, stage);
    return { output: errorOutput(notOffered(tool, turn)), refused: true };
  }
  if (call.invalid !== undefined) {
    const fault = jsonFault(call.invalid);
    const what = fault === null ? "were cut off or are not a JSON object" : `are ${fault}`;
    return {
      output: errorOutput(
        `The arguments of this ${name} call ${what}, so it did not run. Send the call again, whole; split it if it is long.`,
      ),
      refused: false,
    };
  }
  if (parsed === null || !parsed.ok)
    return { output: errorOutput(`${name}: ${parsed?.message ?? "invalid arguments"}`), refused: false };
  return judgeAndRun(context, turn, {
    id: call.id,
    tool,
    input: parsed.value,
    summary,
    target: tool.target(parsed.value).value,
  });
}

/** A call whose arguments were understood. */
interface CheckedCall {
  id: string;
  tool: ToolDefinition;
  input: unknown;
  /** One line for people. */
  summary: string;
  /** What a rule and a denial are about. */
  target: string;
}

async function judgeAndRun(context: AgentContext, turn: Turn, call: CheckedCall): Promise<ToolCallOutcome> {
  const { ports, state } = context;
  const { stage, tools } = turn;
  const { tool, input, summary, target } = call;
  const { name } = tool.spec;
  const verdict = await tools.boundary.judge({ tool, input });
  const live = createLiveOutput(context, call.id);
  const toolContext: ToolContext = {
    ...tools.context,
    acceptsImages: turn.route.current.decision.model.vision !== false,
    onOutput: live.push,
  };
  // Only a person is shown what a call would do; nobody is asked about one that is bound to fail.
  const preview =
    verdict.decision === "ask" && !ports.person.headless
      ? await previewCall(tool, input, toolContext)
      : NOTHING_TO_SHOW;
  if (preview.failure !== null) return { output: errorOutput(`${name}: ${preview.failure}`), refused: false };
  const refusal = await askIfNeeded(context, turn, call, verdict, preview.display);
  if (refusal !== null) {
    if (tool.access === "exec") sayConfinement(context);
    state.addDenial({ tool: name, summary, reason: refusal.recorded, target }, stage, tool.access === "read");
    return { output: errorOutput(refusal.told), refused: true };
  }
  // Only now: nobody waits for a call that a person is still asked about.
  if (await tools.boundary.mayWrite({ tool, input })) await tools.hold();
  state.append({ type: "tool_intent", turn: turn.number, call_id: call.id, tool: name, summary });
  const refusalsBefore = state.runDenials.length;
  const output = await tool.run(input, toolContext).finally(live.end);
  ports.guard.checkpoints.settle();
  recordChanges(context, tools.boundary, output);
  // A call that was itself refused or rolled back does not clear its earlier denials.
  const wasClean = !output.isError && state.runDenials.length === refusalsBefore;
  if (wasClean && tool.access !== "read" && tool.access !== "host") state.clearDenials(name, target);
  return { output, refused: false };
}

function recordChanges({ ports, state, emit }: AgentContext, boundary: Boundary, output: ToolOutput): void {
  const warnOnly = ports.settings.loaded().settings.options.containment.mode === "warn";
  for (const change of output.changes ?? []) {
    const inScope = boundary.inScope(change.path, change.action);
    state.addFile({ ...change, in_scope: inScope, rolled_back: false });
    // What an enforced scope lets through was answered by the user, and told then.
    if (!inScope && warnOnly)
      emit({
        type: "scope_violation",
        path: change.path,
        action: change.action,
        allowed: true,
        reason: "outside the approved scope, allowed by the containment mode",
      });
  }
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

/** What the model is told of a refusal, and what is recorded. */
interface Refusal {
  told: string;
  recorded: string;
}

/** null = permitted. */
async function askIfNeeded(
  context: AgentContext,
  turn: Turn,
  call: CheckedCall,
  verdict: Verdict,
  display: DisplayBlock[],
): Promise<Refusal | null> {
  if (verdict.decision === "allow") return null;
  if (verdict.decision === "deny") return { told: `Refused: ${verdict.reason}`, recorded: verdict.reason };
  if (verdict.scope !== undefined) return askForScope(context, turn, call, verdict.scope, verdict.reason);
  const { ports, state } = context;
  const { name } = call.tool.spec;
  const reply = await ports.person.ask(
    {
      kind: "permission",
      tool: name,
      summary: call.summary,
      target: turn.tools.boundary.display(call.target),
      reason: verdict.reason,
      rule: verdict.rule,
      display,
    },
    turn.signal,
  );
  switch (reply.answer) {
    case "allow_once":
    case "keep":
      return null;
    case "allow_session":
      if (verdict.rule !== null) state.grant({ kind: "rule", rule: verdict.rule });
      return null;
    case "allow_project":
      if (verdict.rule !== null) await allowInProject(context, verdict.rule);
      return null;
    case "deny": {
      const asked =
        reply.feedback === null || reply.feedback === "" ? "Do not try it another way." : `They say: ${reply.feedback}`;
      return { told: `The user refused this ${name} call. ${asked}`, recorded: "refused by the user" };
    }
    case "none":
      return { told: `Refused: ${verdict.reason}; ${reply.reason}.`, recorded: `${verdict.reason}; ${reply.reason}` };
    case "restore":
    case "text":
      return { told: "The user did not permit this call.", recorded: "not permitted" };
  }
}

/** A rule that cannot be kept for good still counts for this session, and the user is told. */
async function allowInProject({ ports, state, emit }: AgentContext, rule: string): Promise<void> {
  try {
    await ports.person.allowInProject(rule);
  } catch (thrown) {
    state.grant({ kind: "rule", rule });
    emit({
      type: "notice",
      level: "warning",
      text: `${rule} is allowed for this session only, because it cannot be kept: ${toErrorInfo(thrown).message}`,
    });
  }
}

/** The extension of the scope is a small plan of its own: what, why, one key. */
async function askForScope(
  { ports, state, emit }: AgentContext,
  { tools, signal }: Turn,
  call: CheckedCall,
  scope: { path: string; action: FileAction },
  reason: string,
): Promise<Refusal | null> {
  const { plan } = state.workflow;
  const { path, action } = scope;
  const refused = { told: `Refused: ${reason}. If the task needs this file, call request_replan.`, recorded: reason };
  const violation = { type: "scope_violation" as const, path, action, allowed: false, reason };
  if (plan === null) {
    emit(violation);
    return refused;
  }
  const reply = await ports.person.ask(
    { kind: "scope", path, action, tool: call.tool.spec.name, reason, plan },
    signal,
  );
  if (reply.answer !== "allow_once" && reply.answer !== "allow_session") {
    emit(violation);
    const feedback =
      reply.answer === "deny" && reply.feedback !== null && reply.feedback !== ""
        ? ` The user says: ${reply.feedback}`
        : "";
    return { ...refused, told: refused.told + feedback };
  }
  state.grant({ kind: "scope", plan: plan.hash, action, path });
  tools.boundary.extendScope(path, action);
  return null;
}
