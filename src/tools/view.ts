// The tool `view`: a file with line numbers, an image, or the entries of a folder. Remembers what was read, for the
// guards of edits.

import { closeSync, readSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { kindOf, openRegular, readRegular } from "../util/regular-file.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import type { ToolContext, ToolDefinition, ToolOutput } from "../types/tool.ts";
import { createArgumentReader } from "./arguments.ts";
import { checkReadable, missingMessage, resolveTarget, withFileErrors, type Target } from "./file-access.ts";
import { errorOutput, textOutput } from "../util/tool-output.ts";
import { encodingOf } from "./text-file.ts";
import { IMAGE_CAP_BYTES, imageTypeOf } from "./view-image.ts";
import { readLines } from "./view-lines.ts";

interface ViewInput {
  path: string;
  offset: number | null;
  limit: number | null;
}

const DEFAULT_LINES = 1_000;
const MOST_ENTRIES = 500;
const SNIFF_BYTES = 8_192;

async function viewFolder(target: Target, context: ToolContext): Promise<ToolOutput> {
  const entries = await readdir(target.realPath, { withFileTypes: true });
  const names = entries
    .map((entry) => {
      const suffix = entry.isDirectory() ? "/" : entry.isSymbolicLink() ? "@" : "";
      return (
        sanitizeLine(entry.name) +
        suffix +
        (context.isProtected(join(target.realPath, entry.name)) ? " (credentials: not readable)" : "")
      );
    })
    .sort();
  const shown = names.slice(0, MOST_ENTRIES);
  if (shown.length < names.length) shown.push(`[… ${names.length - shown.length} more entries; use glob]`);
  return textOutput([`${target.shown}/ (${names.length} entries)`, ...shown].join("\n"));
}

async function viewImage(
  target: Target,
  type: NonNullable<ReturnType<typeof imageTypeOf>>,
  size: number,
  context: ToolContext,
): Promise<ToolOutput> {
  const text = `${target.shown}: ${type}, ${size} bytes`;
  if (!context.acceptsImages) return errorOutput(`${text}. The current model takes no images`);
  const loaded = await readRegular(target.realPath, IMAGE_CAP_BYTES);
  if (loaded === null) return errorOutput(`${text}. Larger than models take (${IMAGE_CAP_BYTES} bytes)`);
  return {
    content: [
      { type: "text", text },
      { type: "image", mediaType: type, data: loaded.bytes.toString("base64") },
    ],
    isError: false,
    display: [{ kind: "text", text }],
  };
}

async function viewFile(target: Target, input: ViewInput, context: ToolContext): Promise<ToolOutput> {
  const { descriptor, identity } = await openRegular(target.realPath);
  try {
    const head = Buffer.alloc(Math.min(SNIFF_BYTES, Math.max(identity.size, 1)));
    const sniffed = head.subarray(0, readSync(descriptor, head, 0, head.length, 0));
    const image = imageTypeOf(sniffed);
    if (image !== null) return await viewImage(target, image, identity.size, context);
    const sniffedEncoding = encodingOf(sniffed);
    if (sniffedEncoding === "binary")
      return errorOutput(`${target.shown}: binary file, ${identity.size} bytes; not shown`);
    // "other" may only mean that the first bytes end inside a character: reading the whole file shows it.
    const encoding = sniffedEncoding === "other" ? "utf-8" : sniffedEncoding;
    const first = input.offset ?? 1;
    const range = await readLines(descriptor, encoding, first, input.limit ?? DEFAULT_LINES, context.signal);
    context.readFiles.set(target.realPath, range.digest);
    if (range.totalLines === 0) return textOutput(`${target.shown}: empty file`);
    if (range.listing.length === 0)
      return errorOutput(`${target.shown} has ${range.totalLines} lines; offset ${first} is beyond its end`);
    const notes: string[] = [];
    if (first > 1 || range.last < range.totalLines) {
      const next = range.last < range.totalLines ? `; continue with offset ${range.last + 1}` : "";
      notes.push(`[lines ${first}-${range.last} of ${range.totalLines}${next}]`);
    }
    if (!range.endsWithNewline && range.last === range.totalLines) notes.push("[no newline at the end]");
    if (encoding !== "utf-8") notes.push(`[${encoding}: can be read, not edited]`);
    else if (range.invalid) notes.push("[holds bytes that are not UTF-8, shown as \ufffd: it may not be editable]");
    return textOutput([...range.listing, ...notes].join("\n"), [
      { kind: "text", text: `${target.shown}: ${range.listing.length} of ${range.totalLines} lines` },
    ]);
  } finally {
    closeSync(descriptor);
  }
}

export const viewTool: ToolDefinition<ViewInput> = {
  spec: {
    name: "view",
    description:
      "Read a file (lines as `12|text`), an image, or list a folder. offset = first line, limit = number of lines.",
    schema: {
      type: "object",
      properties: { path: { type: "string" }, offset: { type: "integer" }, limit: { type: "integer" } },
      required: ["path"],
    },
  },
  access: "read",
  stages: ["plan", "execute", "chat"],
  parse(input) {
    const reader = createArgumentReader("view", input, ["path", "offset", "limit"]);
    return reader.finish({
      path: reader.text("path"),
      offset: reader.integer("offset", 1, Number.MAX_SAFE_INTEGER),
      limit: reader.integer("limit", 1, 100_000),
    });
  },
  summarize(input) {
    const range =
      input.offset === null && input.limit === null
        ? ""
        : ` from line ${input.offset ?? 1}${input.limit === null ? "" : `, ${input.limit} lines`}`;
    return `view ${sanitizeLine(input.path)}${range}`;
  },
  target: (input) => ({ kind: "path", value: input.path }),
  run: (input, context) =>
    withFileErrors("view", async () => {
      const target = resolveTarget(input.path, context);
      checkReadable(target, context);
      const kind = await kindOf(target.realPath);
      if (kind === "missing") return errorOutput(await missingMessage(target, context));
      if (kind === "directory") return await viewFolder(target, context);
      if (kind !== "file") return errorOutput(`${target.shown}: is a ${kind}; only regular files are opened`);
      return await viewFile(target, input, context);
    }),
};
