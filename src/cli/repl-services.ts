// What the REPL asks of the outside world: sessions, trust, files for completion, the user's shell and editor.

import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp, type App, type RunFacts } from "./app.ts";
import { chooseSession, type SessionChoice } from "./choose-session.ts";
import { openAgent, type OpenedAgent } from "./create-app.ts";
import { readGitConfigFacts } from "../containment/git-config.ts";
import { createTrustStore } from "../containment/trust.ts";
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
import type { RunLine } from "./run-line.ts";
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

/**
 * Asks whether this directory's project configuration may count: only where there is something to trust, and again when
 * that changes. A yes and a no are kept, no answer only for this run.
 *
 * @param unanswered digests that were asked about in this run without an answer; added to here.
 */
async function settleTrust(app: App, ask: Ask, unanswered: Set<string>): Promise<void> {
  const trust = app.loaded().trust ?? null;
  if (trust === null) return;
  const store = createTrustStore(app.dataDirectory);
  const { directory, digest, items } = trust;
  const refused = store.isRefused(directory, digest);
  // The flag says otherwise: the next start without it asks again.
  if (refused && app.flags.trust) store.revoke(directory);
  if (trust.trusted || app.flags.trust || refused || unanswered.has(digest)) return;
  const reply = await ask({ kind: "trust", directory, items }, new AbortController().signal);
  if (reply.answer === "deny") store.refuse(directory, digest);
  else if (reply.answer !== "allow_once" && reply.answer !== "allow_session" && reply.answer !== "allow_project")
    unanswered.add(digest);
  else {
    if (reply.answer === "allow_project") store.trust(directory, digest);
    else app.trustedOnce.add(digest);
    await app.reload(true);
  }
}

export async function createReplServices(line: RunLine, facts: RunFacts): Promise<Services> {
  const app = await createApp(line, facts);
  const prompt = line.start.kind === "prompt" ? line.start.words.join(" ").trim() : "";
  const first: SessionChoice | "pick" = line.session.kind === "pick" ? "pick" : await chooseSession(app, line.session);
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
    const next = await openAgent(app, { session, ask, headless: false, limits: line.limits });
    opened = next;
    return { agent: next.agent, context: next.context, notices: next.notices, transcript: next.transcript() };
  };

  return {
    workspace: app.workspace,
    initial: first === "pick" ? { kind: "pick" } : { kind: "new" },
    openSession,
    listSessions: () => Promise.resolve(listSessions(app.dataDirectory, { workspace: app.workspace })),
    initialPrompt: prompt === "" ? null : prompt,
    startWithApprove: line.start.kind === "approval",
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
