// Runs the verify commands of tickets, by bmo itself and not by the model. Their output is shown like a command's.

import { createLiveOutput } from "./turn/live-output.ts";
import { createToolHost } from "./turn/tool-host.ts";
import { createBoundary } from "./turn/turn-tools.ts";
import { sanitizeText } from "../util/sanitize.ts";
import type { AgentContext } from "./context.ts";
import type { Ticket } from "../types/plan.ts";

export interface VerificationResult {
  passed: boolean;
  /** For the executor: the command that failed, its exit code and the end of its output. */
  failure: string;
}

const OUTPUT_TAIL = 6_000;

/** A rule such as `bash(npm test)` names its command inside the parentheses. */
function commandOfRule(rule: string): string {
  return /^bash\(([\s\S]*)\)$/i.exec(rule.trim())?.[1] ?? rule.trim();
}

export async function verifyTicket(
  context: AgentContext,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<VerificationResult> {
  const { ports, state, emit } = context;
  const timeoutSeconds = ports.settings.loaded().settings.options.shell.timeout_s;
  const boundary = createBoundary(context, "execute");
  const host = createToolHost(context, { number: state.turns, stage: "execute", boundary, signal });
  for (const rule of ticket.verify) {
    if (signal.aborted) return { passed: false, failure: "interrupted" };
    const command = commandOfRule(rule);
    const callId = ports.surroundings.newId("verify");
    emit({
      type: "tool_start",
      call: { type: "tool_call", id: callId, name: "bash", input: { command } },
      summary: `verify ${ticket.id}: ${sanitizeText(command)}`,
    });
    const live = createLiveOutput(context, callId);
    const result = await host.runShell({ command, timeoutSeconds, signal, onOutput: live.push }).finally(live.end);
    const passed = result.exitCode === 0 && !result.timedOut && !result.aborted;
    const how = result.timedOut
      ? `timed out after ${timeoutSeconds} s; options.shell.timeout_s is the limit`
      : result.exitCode === null
        ? `ended by ${result.signalName ?? "a signal"}`
        : `exit code ${result.exitCode}`;
    const output = ports.redaction.redact(
      [result.output.slice(-OUTPUT_TAIL), ...result.notes].filter((part) => part !== "").join("\n"),
    );
    emit({
      type: "tool_end",
      callId,
      tool: "bash",
      output: {
        content: [{ type: "text", text: `${how}\n${output}` }],
        isError: !passed,
        display: [{ kind: "shell", command, exitCode: result.exitCode, output }],
      },
    });
    state.append({
      type: "notice",
      level: passed ? "info" : "warning",
      text: `verify ${ticket.id}: ${command}: ${passed ? "passed" : how}`,
    });
    if (!passed)
      return {
        passed: false,
        failure: `The verify command \`${command}\` of ticket ${ticket.id} failed (${how}):\n${output}`,
      };
  }
  return { passed: true, failure: "" };
}
