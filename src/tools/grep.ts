// The tool `grep`: finds lines by a regular expression.

import { displayPath } from "../util/paths.ts";
import { sanitizeLine, visibleText } from "../util/sanitize.ts";
import type { ToolContext, ToolDefinition } from "../types/tool.ts";
import { createArgumentReader } from "./arguments.ts";
import { checkReadable, withFileErrors } from "./file-access.ts";
import { textOutput } from "../util/tool-output.ts";
import { pathFilter, searchPlace } from "./search-files.ts";
import { limitNote, withSearchLimit } from "./search-limit.ts";
import { searchText, type FoundLine } from "./search-text.ts";

interface GrepInput {
  pattern: string;
  path: string | null;
  glob: string | null;
  ignoreCase: boolean;
  context: number;
}

const MOST_MATCHES = 200;
const MOST_CHARACTERS = 24_000;
const LONGEST_LINE = 400;

/** Matches grouped by file: `12|` a match, `13-` a line around it. */
function format(lines: readonly FoundLine[], complete: boolean, note: string | null, context: ToolContext): string {
  const shown: string[] = [];
  let matches = 0;
  let characters = 0;
  let previous: FoundLine | null = null;
  let cut = false;
  for (const found of lines) {
    if (context.isProtected(found.path)) continue;
    if (matches >= MOST_MATCHES || characters >= MOST_CHARACTERS) {
      cut = true;
      break;
    }
    if (previous?.path !== found.path) shown.push(displayPath(context.workspace, found.path));
    else if (found.line > previous.line + 1 && !(found.isMatch && previous.isMatch)) shown.push("--");
    const text =
      found.text.length > LONGEST_LINE
        ? `${visibleText(found.text.slice(0, LONGEST_LINE))} […]`
        : visibleText(found.text);
    shown.push(`${found.line}${found.isMatch ? "|" : "-"}${text}`);
    if (found.isMatch) matches += 1;
    characters += text.length + 8;
    previous = found;
  }
  if (matches === 0 && complete) return "No match.";
  if (note !== null) shown.push(note);
  else if (cut || !complete) shown.push(`[more than these ${matches} matches; narrow pattern, path or glob]`);
  return shown.join("\n");
}

export const grepTool: ToolDefinition<GrepInput> = {
  spec: {
    name: "grep",
    description: "Search file contents by regular expression; skips what .gitignore names.",
    schema: {
      type: "object",
      properties: {
        pattern: { type: "string" },
        path: { type: "string" },
        glob: { type: "string" },
        ignore_case: { type: "boolean" },
        context: { type: "integer" },
      },
      required: ["pattern"],
    },
  },
  access: "read",
  stages: ["plan", "execute", "chat"],
  parse(input) {
    const reader = createArgumentReader("grep", input, ["pattern", "path", "glob", "ignore_case", "context"]);
    return reader.finish({
      pattern: reader.text("pattern"),
      path: reader.optionalText("path"),
      glob: reader.optionalText("glob"),
      ignoreCase: reader.flag("ignore_case"),
      context: reader.integer("context", 0, 20) ?? 0,
    });
  },
  summarize: (input) =>
    `grep ${sanitizeLine(JSON.stringify(input.pattern))}${input.path === null ? "" : ` in ${sanitizeLine(input.path)}`}${input.glob === null ? "" : ` (${sanitizeLine(input.glob)})`}`,
  target: (input) => ({ kind: "path", value: input.path ?? "." }),
  run: (input, context) =>
    withFileErrors("grep", async () => {
      const place = await searchPlace(input.path, context);
      checkReadable(place.target, context);
      const search = {
        pattern: input.pattern,
        ignoreCase: input.ignoreCase,
        around: input.context,
        wanted: pathFilter(input.glob),
      };
      const limited = withSearchLimit(context);
      const { lines, complete } = await searchText(place, search, limited);
      return textOutput(format(lines, complete, limitNote(context, limited), context));
    }),
};
