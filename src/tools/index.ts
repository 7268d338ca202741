// The list of tools. Adding a tool: one file, one line here.

import type { ToolDefinition } from "../types/tool.ts";

export const tools: readonly ToolDefinition[] = [];
