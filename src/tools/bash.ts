// The tool `bash`: hands a command line to the host and words its outcome. Starts nothing itself.

import { sanitizeLine } from "../util/sanitize.ts";
import type { ShellResult, ToolDefinition } from "../types/tool.ts";
import { createArgumentReader } from "./arguments.ts";

interface BashInput {
  command: string;
  /** Seconds; null: the user's usual limit. */
  timeout: number | null;
}

const DEFAULT_TIMEOUT_SECONDS = 120;
const LONGEST_TIMEOUT_SECONDS = 3_600;

function outcome(result: ShellResult, timeoutSeconds: number): string | null {
  if (result.timedOut) return `timed out after ${timeoutSeconds} s; the command was ended`;
  if (result.aborted) return "stopped by the user";
  if (result.signalName !== null) return `ended by ${result.signalName}`;
  if (result.exitCode === null) return "the command did not run";
  return result.exitCode === 0 ? null : `exit code ${result.exitCode}`;
}

export const bashTool: ToolDefinition<BashInput> = {
  spec: {
    name: "bash",
    description: "Run a command line in bash in the workspace; no input, no terminal. timeout in seconds.",
    schema: {
      type: "object",
      properties: { command: { type: "string" }, timeout: { type: "integer" } },
      required: ["command"],
    },
  },
  access: "exec",
  stages: ["plan", "execute", "chat"],
  parse(input) {
    const reader = createArgumentReader("bash", input, ["command", "timeout"]);
    const command = reader.text("command");
    const timeout = reader.integer("timeout", 1, LONGEST_TIMEOUT_SECONDS) ?? null;
    if (command !== "" && command.trim() === "")
      return { ok: false, message: `bash: "command" is blank; give a command line.` };
    if (command.includes("\0")) return { ok: false, message: `bash: "command" holds a NUL character.` };
    return reader.finish({ command, timeout });
  },
  summarize: (input) => sanitizeLine(input.command),
  target: (input) => ({ kind: "command", value: input.command }),
  async run(input, context) {
    const timeoutSeconds = input.timeout ?? context.commandSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    const result = await context.host.runShell({
      command: input.command,
      timeoutSeconds,
      signal: context.signal,
      onOutput: (text) => context.onOutput(text),
    });
    const failure = outcome(result, timeoutSeconds);
    const output = result.output.replace(/\n+$/, "");
    const lines = [output === "" ? "(no output)" : output];
    if (result.truncated) lines.push(`[output shortened: ${result.totalBytes} bytes in all]`);
    if (failure !== null) lines.push(`[${failure}]`);
    lines.push(...result.notes.map((note) => `[${note}]`));
    return {
      content: [{ type: "text", text: lines.join("\n") }],
      isError: failure !== null,
      display: [{ kind: "shell", command: input.command, exitCode: result.exitCode, output: lines.join("\n") }],
      changes: result.changes,
    };
  },
};
