// What a headless run says on stderr while it works: tool calls, retries, notices, tickets. Nothing here reaches
// stdout.

import { sanitizeLine } from "../util/sanitize.ts";
import type { AgentEvent } from "../types/event.ts";

export interface Progress {
  event(event: AgentEvent): void;
  note(text: string): void;
}

export function createProgress(options: { quiet: boolean; verbose: boolean; write(text: string): void }): Progress {
  const said = new Set<string>();
  const note = (text: string): void => {
    // A notice is said once a run, however often the configuration is read.
    if (options.quiet || said.has(text)) return;
    said.add(text);
    options.write(`bmo: ${text}\n`);
  };
  const line = (text: string): void => {
    if (!options.quiet) options.write(`${text}\n`);
  };
  return {
    note,
    event(event) {
      switch (event.type) {
        case "route_decision":
          line(`[${event.route.stage}] ${event.route.model} (${event.route.reason})`);
          break;
        case "tool_start":
          line(
            `  ${event.summary.startsWith(event.call.name) ? event.summary : `${event.call.name} ${event.summary}`}`.trimEnd(),
          );
          break;
        case "tool_end":
          if (event.output.isError) line(`    failed: ${firstLine(event.output.content)}`);
          break;
        case "plan_ready":
          for (const change of event.changes ?? []) line(`  ${change}`);
          break;
        case "ticket_start":
          line(`ticket ${event.ticket}: ${event.title}`);
          break;
        case "ticket_end":
          line(`ticket ${event.ticket}: ${event.state}`);
          break;
        case "retry":
          line(
            `waiting ${Math.ceil(event.delayMs / 1000)} s before try ${event.attempt} of ${event.maxAttempts}: ${event.reason}`,
          );
          break;
        case "scope_violation":
          line(`outside the plan: ${event.action} ${sanitizeLine(event.path)} (${sanitizeLine(event.reason)})`);
          break;
        case "rollback":
          line(
            `put back: ${event.paths.map(sanitizeLine).join(", ")}; a copy is kept in ${event.copy}; bring it back with: ${event.restoreCommand}`,
          );
          break;
        case "notice":
          note(event.text);
          break;
        case "cost_entry":
          if (options.verbose)
            line(
              `  ${event.entry.model}: ${event.entry.usage.input + event.entry.usage.cache_read + event.entry.usage.cache_write} in, ${event.entry.usage.output} out`,
            );
          break;
        default:
          break;
      }
    },
  };
}

function firstLine(content: readonly { type: string; text?: string }[]): string {
  return (content.find((block) => block.type === "text")?.text ?? "").split("\n")[0]?.slice(0, 200) ?? "";
}
