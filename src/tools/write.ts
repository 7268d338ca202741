// The tool `write`: creates a file or replaces one that was read as a whole.

import { basename } from "node:path";
import { sha256 } from "../util/canonical-json.ts";
import { BmoError } from "../util/errors.ts";
import { normalizeEndings, usualEnding, type LineEnding } from "../util/line-endings.ts";
import { kindOf, readRegular, type FileIdentity } from "../util/regular-file.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { linesOf } from "../util/text-lines.ts";
import type { ToolContext, ToolDefinition } from "../types/tool.ts";
import { createArgumentReader } from "./arguments.ts";
import { changedLines, compareTexts, diffBlock } from "./changed-lines.ts";
import {
  checkNewName,
  checkWritablePlace,
  checkWriteBits,
  commitWrite,
  EDIT_CAP_BYTES,
  permitWrites,
  resolveTarget,
  withFileErrors,
  writeNotes,
  type Target,
} from "./file-access.ts";
import { textOutput } from "../util/tool-output.ts";
import { decodeTextFile, encodeTextFile, encodingOf } from "./text-file.ts";

interface WriteInput {
  path: string;
  content: string;
}

interface PlannedWrite {
  target: Target;
  /** Text that stands there now; null for a new file, "" for one that is no text. */
  before: string | null;
  identity: FileIdentity | null;
  after: string;
  bytes: Buffer;
}

/** An existing text file keeps its byte order mark and, where the content has plain newlines, its line ends. */
function encodeLike(content: string, current: Buffer | null): { before: string | null; bytes: Buffer } {
  const given = normalizeEndings(content);
  const plain = { ...given, byteOrderMark: false };
  if (current === null) return { before: null, bytes: encodeTextFile(plain) };
  if (encodingOf(current) !== "utf-8") return { before: "", bytes: encodeTextFile(plain) };
  const old = decodeTextFile(current);
  const usual: LineEnding = usualEnding(old.endings);
  const endings = given.endings.map((ending) => (ending === "\n" ? usual : ending));
  return {
    before: old.text,
    bytes: encodeTextFile({
      text: given.text,
      endings,
      byteOrderMark: old.byteOrderMark && !content.startsWith("\ufeff"),
    }),
  };
}

async function planWrite(input: WriteInput, context: ToolContext): Promise<PlannedWrite> {
  const target = resolveTarget(input.path, context);
  const fail = (reason: string): BmoError => new BmoError("failed", `${target.shown}: ${reason}`);
  checkWritablePlace(target, context);
  if (Buffer.byteLength(input.content) > EDIT_CAP_BYTES) throw fail("the content is too large");
  const after = normalizeEndings(input.content).text;
  const kind = await kindOf(target.realPath);
  if (kind === "missing") {
    if (/[/\\]$/.test(input.path))
      throw fail(`ends like a folder; name the file, e.g. ${basename(target.realPath)}/index.ts`);
    await checkNewName(target, context);
    return { target, identity: null, after, ...encodeLike(input.content, null) };
  }
  if (kind !== "file") throw fail(`is a ${kind}, not a file`);
  const loaded = await readRegular(target.realPath, EDIT_CAP_BYTES);
  if (loaded === null) throw fail("exists and is too large to be replaced here");
  const known = context.readFiles.get(target.realPath);
  if (known === undefined) throw fail("exists and was not read in this session. View it first, or use edit");
  if (known !== sha256(loaded.bytes)) throw fail("was changed on disk since it was read. View it again");
  checkWriteBits(target.realPath, loaded.identity);
  const encoded = encodeLike(input.content, loaded.bytes);
  if (encoded.bytes.equals(loaded.bytes)) throw fail("holds exactly this content already; nothing to do");
  return { target, identity: loaded.identity, after, ...encoded };
}

export const writeTool: ToolDefinition<WriteInput> = {
  spec: {
    name: "write",
    description: "Create a file, or replace one you have viewed as a whole.",
    schema: {
      type: "object",
      properties: { path: { type: "string" }, content: { type: "string" } },
      required: ["path", "content"],
    },
  },
  access: "write",
  stages: ["execute", "chat"],
  parse(input) {
    const reader = createArgumentReader("write", input, ["path", "content"]);
    return reader.finish({ path: reader.text("path"), content: reader.text("content", { empty: true }) });
  },
  summarize: (input) =>
    `write ${sanitizeLine(input.path)} (${linesOf(input.content).length === 1 ? "1 line" : `${linesOf(input.content).length} lines`})`,
  target: (input) => ({ kind: "path", value: input.path }),
  async preview(input, context) {
    const plan = await planWrite(input, context);
    return [diffBlock(plan.target.shown, await compareTexts(plan.before, plan.after))];
  },
  run: (input, context) =>
    withFileErrors("write", async () => {
      const plan = await planWrite(input, context);
      const action = plan.identity === null ? "create" : "modify";
      const write = { target: plan.target, action, bytes: plan.bytes, expected: plan.identity } as const;
      await permitWrites([write], context);
      await commitWrite(write, context);
      const notes = writeNotes(input.path, plan.target, plan.identity, context)
        .map((note) => `\nNote: ${note}.`)
        .join("");
      const size = `${linesOf(plan.after).length === 1 ? "1 line" : `${linesOf(plan.after).length} lines`}, ${plan.bytes.byteLength} bytes`;
      const change = await compareTexts(plan.before, plan.after);
      const changed = plan.before === null || plan.before === "" ? "" : changedLines(change);
      const listing = changed === "" ? "" : `\n${changed}`;
      const text = `${action === "create" ? "Created" : "Replaced"} ${plan.target.shown} (${size}).${listing}${notes}`;
      return textOutput(text, [diffBlock(plan.target.shown, change)], [{ path: plan.target.relativePath, action }]);
    }),
};
