// `bmo checkpoint list|diff|restore`: what bmo changed in this workspace since a point, and the way back.

import { createCheckpoints, type CheckpointChange, type UndoResult } from "../containment/checkpoint.ts";
import { createCommandJournal } from "../containment/command-journal.ts";
import { lockExecution } from "../containment/lock.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import { BmoError } from "../util/errors.ts";
import { sanitizeText } from "../util/sanitize.ts";
import { textTable } from "../util/text-table.ts";
import { createRecoverer, recoveryText } from "./recover.ts";
import { findProgram } from "./wire-containment.ts";
import { printJson, type SubcommandIo } from "./subcommand-io.ts";
import type { App } from "./app.ts";
import { SUBCOMMAND_USAGE } from "./subcommand-usage.ts";

const USAGE = SUBCOMMAND_USAGE.checkpoint;

function isText(bytes: Buffer): boolean {
  return !bytes.subarray(0, 8_000).includes(0);
}

/** Net changes as unified diffs; binary files by name alone. */
export async function changesText(changes: readonly CheckpointChange[]): Promise<string> {
  const { createTwoFilesPatch } = await import("diff");
  return changes
    .map(({ path, action, before, after, tooLarge }) => {
      if (tooLarge) return `${action} ${path} (too large to show)\n`;
      if ((before !== null && !isText(before)) || (after !== null && !isText(after)))
        return `${action} ${path} (binary)\n`;
      const patch = createTwoFilesPatch(
        before === null ? "/dev/null" : `a/${path}`,
        after === null ? "/dev/null" : `b/${path}`,
        before?.toString("utf8") ?? "",
        after?.toString("utf8") ?? "",
        undefined,
        undefined,
        { timeout: 2_000 },
      );
      return patch === undefined ? `${action} ${path} (too different to show)\n` : patch.replace(/^=+\n/, "");
    })
    .join("\n");
}

export function undoText({ restored, refused, copy, restoreCommand }: UndoResult): string {
  const lines =
    restored.length === 0
      ? ["Nothing was put back."]
      : [
          `Put back: ${restored.join(", ")}.`,
          `What was there before is kept in ${copy}; to bring it back: ${restoreCommand}`,
        ];
  for (const one of refused)
    lines.push(
      `Left alone: ${one.path} (${one.reason})${one.copy === null ? "" : `; the earlier version lies in ${one.copy}`}`,
    );
  return lines.join("\n");
}

export async function runCheckpointCommand(given: readonly string[], io: SubcommandIo, app: App): Promise<ExitCode> {
  const [action = "list", id, ...more] = given;
  if (more.length > 0) throw new BmoError("usage", `bmo checkpoint ${action} takes no ${more.join(" ")}`, USAGE);
  const recoverer = createRecoverer({
    ground: app,
    git: findProgram("git", app),
    journal: createCommandJournal(app.dataDirectory),
    ask: null,
  });
  for (const one of await recoverer.atStart()) io.stderr(`bmo: ${sanitizeText(recoveryText(one))}\n`);
  const checkpoints = createCheckpoints({ workspace: app.workspace, dataDirectory: app.dataDirectory, sessionId: "" });
  switch (action) {
    case "list": {
      const all = checkpoints.list();
      if (io.json) printJson(io, all);
      else
        io.stdout(
          all.length === 0
            ? "no checkpoint in this workspace yet\n"
            : `${textTable(all.map((one) => [one.id, one.at.slice(0, 19).replace("T", " "), `${one.files} files`, one.undone ? "undone" : "", one.label]))}\n`,
        );
      return EXIT.done;
    }
    case "diff": {
      const changes = checkpoints.diff(id ?? checkpoints.list().at(-1)?.id ?? null);
      if (io.json)
        printJson(
          io,
          changes.map((change) => ({ path: change.path, action: change.action })),
        );
      else io.stdout(await changesText(changes));
      return EXIT.done;
    }
    case "restore": {
      if (id === undefined) throw new BmoError("usage", "bmo checkpoint restore needs the id of a checkpoint", USAGE);
      const release = await lockExecution({
        workspace: app.workspace,
        dataDirectory: app.dataDirectory,
        sessionId: "checkpoint restore",
        signal: new AbortController().signal,
      });
      const restored = await checkpoints.restore(id).finally(release);
      const result: UndoResult = { ...restored, refused: [...restored.refused, ...recoverer.unresolved()] };
      if (io.json)
        printJson(io, {
          restored: result.restored,
          refused: result.refused,
          copy: result.copy,
          restore_command: result.restoreCommand,
        });
      else io.stdout(`${undoText(result)}\n`);
      return result.refused.length > 0 ? EXIT.denied : EXIT.done;
    }
    default:
      throw new BmoError("usage", `bmo checkpoint has no "${action}"`, USAGE);
  }
}
