// Builds tool results: the text that the model reads and what a front end draws of it.

import type { DisplayBlock, FileChange, ToolOutput } from "../types/tool.ts";

export function textOutput(text: string, display: DisplayBlock[] = [], changes: FileChange[] = []): ToolOutput {
  return {
    content: [{ type: "text", text }],
    isError: false,
    display: display.length > 0 ? display : [{ kind: "text", text }],
    changes,
  };
}

/** A failure that the model can act on: says what is wrong and what to do. */
export function errorOutput(text: string): ToolOutput {
  return { content: [{ type: "text", text }], isError: true, display: [{ kind: "text", text }] };
}
