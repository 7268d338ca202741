// What the REPL asks of the outside world: sessions, files for completion, the user's shell and editor.

import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp, type App, type RunFacts } from "./app.ts";
import { chooseSession, type SessionChoice } from "./choose-session.ts";
import { openAgent, type OpenedAgent } from "./create-app.ts";
import { settleTrust } from "./trust-question.ts";
import { readGitConfigFacts } from "../containment/git-config.ts";
import { isProtectedPath } from "../containment/protected.ts";
import { judgeCommand } from "../permission/shell.ts";
import { findSession, listSessions } from "../session/list.ts";
import { workspaceDirectory } from "../session/location.ts";
import { listFiles } from "../tools/search-files.ts";
import { comparePaths } from "../util/path-order.ts";
import { makeTemporaryFolder } from "../util/own-temporaries.ts";
import { runInteractive, runProcess } from "../util/process.ts";
import { shellArguments } from "../util/shell-report.ts";
import { ownPath } from "./wire-containment.ts";
import type { CommandLine } from "./arguments.ts";
import type { Ask } from "../types/permission.ts";
import type { OpenedSession, ReplOptions, SessionRequest } from "../ui/options.ts";

type Services = Pick<
  ReplOptions,
  | "workspace"
  | "initial"
  | "openSession"
  | "listSessions"
  | "initialPrompt"
  | "startWithApprove"
  | "historyFile"
  | "listFiles"
  | "skillNames"
  | "runShell"
  | "readImage"
  | "editText"
  | "unsettled"
>;

function textOf(environment: App["environment"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Sorting more takes longer than a key may wait; the list itself begins with the first ones in any case. */
const SORTED_FILES = 5_000;

async function editText(app: App, text: string, extension: string): Promise<string | null> {
  const editor = app.environment["VISUAL"] || app.environment["EDITOR"] || "vi";
  const folder = makeTemporaryFolder(tmpdir(), "bmo-edit");
  const path = join(folder, `text${extension}`);
  try {
    await writeFile(path, text, { mode: 0o600 });
    // An editor may come with arguments ("code --wait"): the user's own shell line, with the file as its last word.
    const code = await runInteractive({
      argv: ["/bin/sh", "-c", `${editor} "$1"`, "sh", path],
      cwd: app.workspace,
      environment: textOf(app.environment),
    });
    if (code !== 0) return null;
    const edited = await readFile(path, "utf8");
    return edited === text ? null : edited;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function onlyReads({ workspace, readRoots, home }: App, command: string): Promise<boolean> {
  const verdict = await judgeCommand(command, {
    workspace,
    readRoots,
    planCommands: [],
    gitConfig: readGitConfigFacts,
    isProtected: (path) => isProtectedPath(path, workspace, home),
  });
  return verdict.verdict === "read_only";
}

export async function createReplServices(line: CommandLine, facts: RunFacts): Promise<Services> {
  const app = await createApp(line, facts);
  const prompt = line.subcommand === "approve" ? "" : line.prompt.join(" ").trim();
  const first: SessionChoice | "pick" = line.resume === null ? "pick" : await chooseSession(app);
  let opened: OpenedAgent | null = null;
  let initialUsed = false;
  const unanswered = new Set<string>();

  const openSession = async (request: SessionRequest, ask: Ask): Promise<OpenedSession> => {
    await settleTrust(app, ask, unanswered);
    const session: SessionChoice =
      !initialUsed && first !== "pick"
        ? first
        : request.kind === "new"
          ? { kind: "new" }
          : { kind: "open", path: findSession(app.dataDirectory, request.id).path, fork: false };
    initialUsed = true;
    const next = await openAgent(app, { session, ask, headless: false });
    opened = next;
    return { agent: next.agent, context: next.context, notices: next.notices, transcript: next.transcript() };
  };

  return {
    workspace: app.workspace,
    initial: first === "pick" ? { kind: "pick" } : { kind: "new" },
    openSession,
    listSessions: () => Promise.resolve(listSessions(app.dataDirectory, { workspace: app.workspace })),
    initialPrompt: prompt === "" ? null : prompt,
    startWithApprove: line.subcommand === "approve",
    historyFile: join(workspaceDirectory(app.dataDirectory, app.workspace), "history.jsonl"),
    listFiles: async (onSome) => {
      const { paths } = await listFiles(
        app.workspace,
        { searchPath: ownPath(app), signal: new AbortController().signal },
        onSome,
      );
      return paths.length <= SORTED_FILES ? paths.sort(comparePaths) : paths;
    },
    skillNames: () => opened?.skillNames() ?? Promise.resolve([]),
    runShell: async (command, onOutput, signal) => {
      // What reads waits for nobody; what may write must not be taken for the effect of another run's command.
      const release = (await onlyReads(app, command))
        ? null
        : await opened?.containment.lock(signal, ({ pid, session }) =>
            onOutput(`waiting for another run in this workspace: process ${pid}, session ${session}\n`),
          );
      const result = await runProcess({
        argv: shellArguments(command),
        cwd: app.workspace,
        environment: textOf(app.environment),
        timeoutSeconds: 0,
        signal,
        onOutput,
      }).finally(release);
      return {
        exitCode: result.exitCode,
        output: [result.output, ...result.notes].filter((part) => part !== "").join("\n"),
      };
    },
    readImage: (path) => opened?.readImage(path) ?? Promise.resolve(null),
    unsettled: () => opened?.containment.unsettled ?? null,
    editText: (text, extension) => editText(app, text, extension),
  };
}
