// The tool `glob`: finds files by name.

import { join } from "node:path";
import { BmoError } from "../util/errors.ts";
import { firstPaths } from "../util/path-order.ts";
import { displayPath } from "../util/paths.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import type { ToolDefinition } from "../types/tool.ts";
import { createArgumentReader } from "./arguments.ts";
import { withFileErrors } from "./file-access.ts";
import { textOutput } from "../util/tool-output.ts";
import { listFiles, pathFilter, searchPlace } from "./search-files.ts";
import { filterPaths, limitNote, withSearchLimit } from "./search-limit.ts";

interface GlobInput {
  pattern: string;
  path: string | null;
}

const MOST_PATHS = 300;

export const globTool: ToolDefinition<GlobInput> = {
  spec: {
    name: "glob",
    description: "List files by glob, e.g. src/**/*.ts; skips what .gitignore names.",
    schema: {
      type: "object",
      properties: { pattern: { type: "string" }, path: { type: "string" } },
      required: ["pattern"],
    },
  },
  access: "read",
  stages: ["plan", "execute", "chat"],
  parse(input) {
    const reader = createArgumentReader("glob", input, ["pattern", "path"]);
    return reader.finish({ pattern: reader.text("pattern"), path: reader.optionalText("path") });
  },
  summarize: (input) =>
    `glob ${sanitizeLine(input.pattern)}${input.path === null ? "" : ` in ${sanitizeLine(input.path)}`}`,
  target: (input) => ({ kind: "path", value: input.path ?? "." }),
  run: (input, context) =>
    withFileErrors("glob", async () => {
      const place = await searchPlace(input.path, context);
      if (place.kind !== "directory") throw new BmoError("failed", `${place.target.shown}: "path" must be a folder`);
      const folder = join(place.target.realPath, "/");
      const wanted = pathFilter(input.pattern.startsWith(folder) ? input.pattern.slice(folder.length) : input.pattern);
      const limited = withSearchLimit(context);
      const { paths, complete } = await listFiles(place.target.realPath, limited);
      const { paths: matching } = await filterPaths(paths, wanted, limited.signal);
      const note = limitNote(context, limited);
      const shown = firstPaths(matching, MOST_PATHS).map((path) =>
        displayPath(context.workspace, join(place.target.realPath, path)),
      );
      if (shown.length < matching.length) shown.push(`[… ${matching.length - shown.length} more; narrow the pattern]`);
      if (note !== null) shown.push(note);
      else if (!complete) shown.push("[the tree is too large to be listed whole; give a path]");
      return textOutput(shown.length === 0 ? "No file." : shown.join("\n"));
    }),
};
