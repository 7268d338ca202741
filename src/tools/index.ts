// The list of tools. Adding a tool: one file, one line here.

import type { ToolDefinition } from "../types/tool.ts";
import { activateSkillTool } from "./activate-skill.ts";
import { askQuestionTool } from "./ask-question.ts";
import { bashTool } from "./bash.ts";
import { editTool } from "./edit.ts";
import { globTool } from "./glob.ts";
import { grepTool } from "./grep.ts";
import { multieditTool } from "./multiedit.ts";
import { requestReplanTool } from "./request-replan.ts";
import { setPlanArtifactTool } from "./set-plan-artifact.ts";
import { viewTool } from "./view.ts";
import { writeTool } from "./write.ts";

export const tools: readonly ToolDefinition[] = [
  viewTool,
  grepTool,
  globTool,
  editTool,
  multieditTool,
  writeTool,
  bashTool,
  setPlanArtifactTool,
  requestReplanTool,
  askQuestionTool,
  activateSkillTool,
];
