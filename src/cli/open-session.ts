// Opens the session that a run works in: its records, and the log file beside them.

import { appendFileSync } from "node:fs";
import { initialWorkflow, reduceWorkflow } from "../plan/workflow.ts";
import { copySession, createSession, resumeSession } from "../session/store.ts";
import { BmoError } from "../util/errors.ts";
import type { App } from "./app.ts";
import type { SessionChoice } from "./choose-session.ts";
import type { ReplayedSession } from "../session/replay.ts";
import type { SessionLog } from "../types/session.ts";

export interface OpenSession {
  log: SessionLog;
  /** null for a new one. */
  restored: ReplayedSession | null;
  /** Where it began. */
  workspace: string;
  notices: string[];
}

/** Looks up the keys in use before anything is stored: the first text of a session may carry one. */
function learnKeys(app: App): void {
  try {
    app.registry();
  } catch (thrown) {
    // What is wrong with a provider is said where it is first needed; commands work without.
    if (!(thrown instanceof BmoError)) throw thrown;
  }
}

/** @throws BmoError usage when it cannot be read or is in use. */
export function openSession(app: App, session: SessionChoice): OpenSession {
  learnKeys(app);
  const options = { now: () => new Date(), redact: app.redactor.redact };
  const rules = {
    reduce: reduceWorkflow,
    initial: initialWorkflow(app.loaded().settings.options.staged_workflow.enabled),
  };
  if (session.kind === "new")
    return {
      log: createSession({ ...options, rules, dataDirectory: app.dataDirectory, workspace: app.workspace }),
      restored: null,
      workspace: app.workspace,
      notices: [],
    };
  const { path, notices } = session.fork
    ? copySession(session.path, { ...options, dataDirectory: app.dataDirectory })
    : { path: session.path, notices: [] };
  const opened = resumeSession(path, options, rules);
  return {
    log: opened.log,
    restored: opened.restored,
    workspace: opened.header.workspace,
    notices: [...notices, ...opened.notices, ...opened.restored.notices],
  };
}

/** `Tier assignment:` and the like, one line each; on stderr with `--verbose`. */
export function createFileLog(sessionPath: string, app: App): (line: string) => void {
  const path = sessionPath.replace(/\.jsonl$/, ".log");
  return (line) => {
    const text = `${new Date().toISOString()} ${app.redactor.redact(line)}\n`;
    appendFileSync(path, text, { mode: 0o600 });
    if (app.flags.verbose) process.stderr.write(text);
  };
}
