// `bmo sessions`: lists, shows, removes and exports sessions. No model, no network.

import { EXIT, type ExitCode } from "../types/error.ts";
import { findSession, latestSession, listSessions } from "../session/list.ts";
import { readSession } from "../session/reader.ts";
import { removeSession } from "../session/store.ts";
import { BmoError } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { formatUsd } from "../util/money.ts";
import { sanitizeLine } from "../util/sanitize.ts";
import { printedJson } from "../util/snake-keys.ts";
import { textTable } from "../util/text-table.ts";
import { jsonOf, markdownOf, readTurns, viewSession, viewText } from "./session-view.ts";
import { printJson, printPieces, type SubcommandIo } from "./subcommand-io.ts";
import type { SessionSummary } from "../types/session.ts";
import { SUBCOMMAND_USAGE } from "./subcommand-usage.ts";

const ACTIONS = ["list", "show", "rm", "export"];
const USAGE = SUBCOMMAND_USAGE.sessions;

/** `given` stands after the subcommand's name. @throws BmoError usage. */
export function runSessionsCommand(given: readonly string[], io: SubcommandIo, dataDirectory: string): ExitCode {
  const words = given.filter((word) => !word.startsWith("-"));
  const flags = given.filter((word) => word.startsWith("-"));
  const [action = "list", ...rest] = words;
  const strange = flags.find((flag) => flag !== "--json" && !(flag === "--all" && action === "list"));
  if (strange !== undefined)
    throw new BmoError("usage", `bmo sessions ${action} does not take ${sanitizeLine(strange)}`, USAGE);
  switch (action) {
    case "list":
      if (rest[0] !== undefined)
        throw new BmoError("usage", `bmo sessions list takes no argument, got ${sanitizeLine(rest[0])}`, USAGE);
      return list(io, dataDirectory, flags.includes("--all"));
    case "show":
      return show(rest, io, dataDirectory);
    case "rm":
      return remove(rest, io, dataDirectory);
    case "export":
      return exportSession(rest, io, dataDirectory);
    default: {
      const [near] = nearestNames(action, ACTIONS);
      throw new BmoError(
        "usage",
        `bmo sessions has no action ${sanitizeLine(action)}`,
        near === undefined ? USAGE : `Did you mean ${near}? ${USAGE}`,
      );
    }
  }
}

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
function chooseOne(given: readonly string[], io: SubcommandIo, dataDirectory: string): string {
  const [wanted, ...more] = given;
  if (more.length > 0) throw new BmoError("usage", "one session at a time", USAGE);
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

function show(given: readonly string[], io: SubcommandIo, dataDirectory: string): ExitCode {
  const view = viewSession(readTurns(chooseOne(given, io, dataDirectory)));
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

function exportSession(given: readonly string[], io: SubcommandIo, dataDirectory: string): ExitCode {
  const content = readSession(chooseOne(given, io, dataDirectory));
  for (const notice of content.notices) io.stderr(`bmo: ${sanitizeLine(notice)}\n`);
  printPieces(io, io.json ? jsonOf(content) : markdownOf(content));
  return EXIT.done;
}

function remove(given: readonly string[], io: SubcommandIo, dataDirectory: string): ExitCode {
  if (given.length === 0) throw new BmoError("usage", "bmo sessions rm needs the id of a session", USAGE);
  // All are found before the first is removed: a mistyped id removes nothing.
  const found = new Map(given.map((wanted) => findSession(dataDirectory, wanted)).map(({ id, path }) => [id, path]));
  for (const path of found.values()) removeSession(path);
  if (io.json) printJson(io, { removed: [...found.keys()] });
  else io.stdout([...found.keys()].map((id) => `removed ${id}\n`).join(""));
  return EXIT.done;
}
