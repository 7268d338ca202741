// `bmo sessions`: lists, shows, removes and exports sessions. No model, no network.

import { Argument, Option } from "commander";
import { EXIT, type ExitCode } from "../types/error.ts";
import { findSession, latestSession, listSessions } from "../session/list.ts";
import { readSession } from "../session/reader.ts";
import { removeSession } from "../session/store.ts";
import { BmoError } from "../util/errors.ts";
import { formatUsd } from "../util/money.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { printedJson } from "../util/snake-keys.ts";
import { textTable } from "../util/text-table.ts";
import { jsonOf, markdownOf, readTurns, viewSession, viewText } from "./session-view.ts";
import { printJson, printPieces, type Call, type Subcommand, type SubcommandIo } from "./subcommand.ts";
import type { SessionSummary } from "../types/session.ts";

function row(session: SessionSummary, withWorkspace: boolean): string[] {
  return [
    session.id,
    session.updated_at.slice(0, 16).replace("T", " "),
    String(session.turns),
    session.plan_state ?? "",
    formatUsd(session.cost_usd, session.cost_is_estimate),
    session.held_by === null ? "" : `process ${session.held_by}`,
    ...(withWorkspace ? [sanitizeLine(session.workspace)] : []),
    sanitizeLine(session.title),
  ];
}

function list(io: SubcommandIo, dataDirectory: string, all: boolean): ExitCode {
  const sessions = listSessions(dataDirectory, all ? {} : { workspace: io.workspace });
  if (io.json) {
    printJson(io, sessions);
    return EXIT.done;
  }
  if (sessions.length === 0) {
    io.stderr(
      all
        ? "bmo: there are no sessions yet\n"
        : `bmo: there are no sessions of ${sanitizeLine(io.workspace)}; --all lists those of other workspaces\n`,
    );
    return EXIT.done;
  }
  const titles = [
    "id",
    "last used (UTC)",
    "turns",
    "plan",
    "cost",
    "in use by",
    ...(all ? ["workspace"] : []),
    "title",
  ];
  io.stdout(
    `${textTable([titles, ...sessions.map((session) => row(session, all))], [titles.indexOf("turns"), titles.indexOf("cost")])}\n`,
  );
  return EXIT.done;
}

/** The session named, or the latest of this workspace. */
function chooseOne(wanted: string | undefined, io: SubcommandIo, dataDirectory: string): string {
  if (wanted !== undefined) return findSession(dataDirectory, wanted).path;
  const latest = latestSession(dataDirectory, io.workspace);
  if (latest === null)
    throw new BmoError(
      "usage",
      `there is no session of ${sanitizeLine(io.workspace)}`,
      "`bmo sessions list --all` lists those of other workspaces.",
    );
  return latest.path;
}

function show(wanted: string | undefined, io: SubcommandIo, dataDirectory: string): ExitCode {
  const view = viewSession(readTurns(chooseOne(wanted, io, dataDirectory)));
  if (io.json) {
    const { session, turns, plan, totals, files, denials, notices, replayed } = view;
    printJson(io, {
      session,
      turns: printedJson(turns),
      routes: printedJson(replayed.routes),
      plan,
      totals,
      files,
      denials,
      notices,
    });
  } else {
    io.stdout(viewText(view));
  }
  return EXIT.done;
}

function exportSession(wanted: string | undefined, io: SubcommandIo, dataDirectory: string): ExitCode {
  const content = readSession(chooseOne(wanted, io, dataDirectory));
  for (const notice of content.notices) io.stderr(`bmo: ${sanitizeLine(notice)}\n`);
  printPieces(io, io.json ? jsonOf(content) : markdownOf(content));
  return EXIT.done;
}

function remove(given: readonly string[], io: SubcommandIo, dataDirectory: string): ExitCode {
  // All are found before the first is removed: a mistyped id removes nothing.
  const found = new Map(given.map((wanted) => findSession(dataDirectory, wanted)).map(({ id, path }) => [id, path]));
  for (const path of found.values()) removeSession(path);
  if (io.json) printJson(io, { removed: [...found.keys()] });
  else io.stdout([...found.keys()].map((id) => `removed ${id}\n`).join(""));
  return EXIT.done;
}

const oneSession = (): Argument => new Argument("[session]", "the id of a session; by default the last one here");

export const sessionsCommand: Subcommand = {
  name: "sessions",
  summary: "list, show, remove or export sessions",
  actions: [
    {
      name: "list",
      summary: "the sessions of this workspace",
      options: [new Option("--all", "also those of other workspaces")],
      run: async ({ options, io, app }: Call<{ all?: true }>) =>
        list(io(), (await app()).dataDirectory, options.all === true),
    },
    {
      name: "show",
      summary: "a session turn by turn, with routes, plan, files and cost",
      arguments: [oneSession()],
      run: async ({ words, io, app }) => show(words[0], io(), (await app()).dataDirectory),
    },
    {
      name: "export",
      summary: "a whole session as Markdown; with --json its records",
      arguments: [oneSession()],
      run: async ({ words, io, app }) => exportSession(words[0], io(), (await app()).dataDirectory),
    },
    {
      name: "rm",
      summary: "remove sessions",
      arguments: [new Argument("<session...>", "the id of a session")],
      run: async ({ words, io, app }) => remove(words, io(), (await app()).dataDirectory),
    },
  ],
};
