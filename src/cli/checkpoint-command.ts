// `bmo checkpoint list|diff|restore`: what bmo changed in this workspace since a point, and the way back.

import { Argument } from "commander";
import {
  createCheckpoints,
  type CheckpointChange,
  type Checkpoints,
  type UndoResult,
} from "../containment/checkpoint.ts";
import { createCommandJournal } from "../containment/command-journal.ts";
import { lockExecution } from "../containment/lock.ts";
import { EXIT, type ExitCode } from "../types/error.ts";
import { sanitizeText } from "../util/sanitize.ts";
import { textTable } from "../util/text-table.ts";
import { createRecoverer, recoveryText, type Recoverer } from "./recover.ts";
import { findProgram } from "./wire-containment.ts";
import { printJson, type Call, type Subcommand, type SubcommandIo } from "./subcommand.ts";
import type { App } from "./app.ts";

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
      `Left alone: ${one.path} (${one.reason})${one.copy === null ? "" : `; the earlier version is in ${one.copy}`}`,
    );
  return lines.join("\n");
}

interface Scene {
  io: SubcommandIo;
  app: App;
  checkpoints: Checkpoints;
  recoverer: Recoverer;
}

/** Settles first what a killed run left here: it would count as a change otherwise. */
async function openScene({ io, app: createApp }: Call): Promise<Scene> {
  const app = await createApp();
  const recoverer = createRecoverer({
    ground: app,
    git: findProgram("git", app),
    journal: createCommandJournal(app.dataDirectory),
    ask: null,
  });
  for (const one of await recoverer.atStart()) io().stderr(`bmo: ${sanitizeText(recoveryText(one))}\n`);
  const checkpoints = createCheckpoints({ workspace: app.workspace, dataDirectory: app.dataDirectory, sessionId: "" });
  return { io: io(), app, checkpoints, recoverer };
}

function list({ io, checkpoints }: Scene): ExitCode {
  const all = checkpoints.list();
  const rows = all.map(({ id, at, files, undone, label }) => [
    id,
    at.slice(0, 19).replace("T", " "),
    `${files} files`,
    undone ? "undone" : "",
    label,
  ]);
  if (io.json) printJson(io, all);
  else io.stdout(rows.length === 0 ? "no checkpoint in this workspace yet\n" : `${textTable(rows)}\n`);
  return EXIT.done;
}

async function diff(id: string | undefined, { io, checkpoints }: Scene): Promise<ExitCode> {
  const changes = checkpoints.diff(id ?? checkpoints.list().at(-1)?.id ?? null);
  const named = changes.map(({ path, action }) => ({ path, action }));
  if (io.json) printJson(io, named);
  else io.stdout(await changesText(changes));
  return EXIT.done;
}

async function restore(id: string, { io, app, checkpoints, recoverer }: Scene): Promise<ExitCode> {
  const release = await lockExecution({
    workspace: app.workspace,
    dataDirectory: app.dataDirectory,
    sessionId: "checkpoint restore",
    signal: new AbortController().signal,
  });
  const restored = await checkpoints.restore(id).finally(release);
  const result: UndoResult = { ...restored, refused: [...restored.refused, ...recoverer.unresolved()] };
  const { refused, copy, restoreCommand } = result;
  if (io.json) printJson(io, { restored: result.restored, refused, copy, restore_command: restoreCommand });
  else io.stdout(`${undoText(result)}\n`);
  return refused.length > 0 ? EXIT.denied : EXIT.done;
}

export const checkpointCommand: Subcommand = {
  name: "checkpoint",
  summary: "list, compare or restore checkpoints",
  details: "A checkpoint holds what execution changed here, until it is taken back.",
  actions: [
    { name: "list", summary: "the checkpoints of this workspace", run: async (call) => list(await openScene(call)) },
    {
      name: "diff",
      summary: "what changed since a checkpoint",
      arguments: [new Argument("[id]", "a checkpoint; by default the last one")],
      run: async (call) => diff(call.words[0], await openScene(call)),
    },
    {
      name: "restore",
      summary: "take back what changed since a checkpoint",
      arguments: [new Argument("<id>", "the id of a checkpoint")],
      run: async (call) => restore(call.words[0] ?? "", await openScene(call)),
    },
  ],
};
