// From requested replacements to changes that are ready to be written, for `edit`, `multiedit` and their previews.
// Writes nothing.

import { BmoError } from "../util/errors.ts";
import type { DisplayBlock, FileAction, ToolContext } from "../types/tool.ts";
import { changedLines, compareTexts, diffBlock } from "./changed-lines.ts";
import { applyReplacement, type Replacement } from "./edit-text.ts";
import { EDIT_CAP_BYTES, loadForEdit, resolveTarget, writeNotes, type LoadedFile } from "./file-access.ts";
import { decodeTextFile, encodeTextFile, type TextFile } from "./text-file.ts";

export interface EditRequest extends Replacement {
  path: string;
}

/** One file with all its replacements made. */
export interface PlannedEdit {
  file: LoadedFile;
  action: FileAction;
  before: TextFile;
  after: TextFile;
  bytes: Buffer;
  notes: string[];
}

/**
 * Makes all replacements in memory, in order, each on the result of the one before. @throws BmoError naming the file,
 * and the edit where there are several.
 */
export async function planEdits(requests: readonly EditRequest[], context: ToolContext): Promise<PlannedEdit[]> {
  const planned = new Map<string, PlannedEdit>();
  for (const [index, request] of requests.entries()) {
    const target = resolveTarget(request.path, context);
    const where = `${requests.length > 1 ? `edit ${index + 1} of ${requests.length}: ` : ""}${target.shown}`;
    try {
      let edit = planned.get(target.realPath);
      if (edit === undefined) {
        const file = await loadForEdit(target, context);
        const before = decodeTextFile(file.bytes);
        edit = {
          file,
          action: "modify",
          before,
          after: before,
          bytes: file.bytes,
          notes: writeNotes(request.path, target, file.identity, context),
        };
        planned.set(target.realPath, edit);
      }
      edit.after = applyReplacement(edit.after, request);
      edit.bytes = encodeTextFile(edit.after);
      if (edit.bytes.byteLength > EDIT_CAP_BYTES) throw new BmoError("failed", "would grow too large");
    } catch (thrown) {
      if (thrown instanceof BmoError)
        throw new BmoError(
          thrown.code,
          `${where}: ${thrown.message}${requests.length > 1 ? " (nothing was changed)" : ""}`,
          null,
          { cause: thrown },
        );
      throw thrown;
    }
  }
  return [...planned.values()];
}

/** What the model reads about one written file, and what a front end draws. */
export async function describeEdit(edit: PlannedEdit): Promise<{ text: string; display: DisplayBlock }> {
  const change = await compareTexts(edit.before.text, edit.after.text);
  const text = [`${edit.file.shown}:`, changedLines(change), ...edit.notes.map((note) => `Note: ${note}.`)].join("\n");
  return { text, display: diffBlock(edit.file.shown, change) };
}

/** Diffs for the approval card. @throws what `planEdits` throws: such a call would fail in the same way. */
export async function previewEdits(requests: readonly EditRequest[], context: ToolContext): Promise<DisplayBlock[]> {
  const described = await Promise.all((await planEdits(requests, context)).map(describeEdit));
  return described.map(({ display }) => display);
}
