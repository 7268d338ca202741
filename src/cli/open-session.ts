// Opens the session that a run works in: its records, and the log file beside them.

import { appendFileSync } from "node:fs";
import { copySession, createSession, resumeSession } from "../session/store.ts";
import { BmoError } from "../util/errors.ts";
import type { App } from "./app.ts";
import type { SessionChoice } from "./choose-session.ts";
import type { SessionLog } from "../session/log.ts";
import type { AgentEvent } from "../types/event.ts";

export interface OpenSession {
  log: SessionLog;
  /** Where it began. */
  workspace: string;
  notices: string[];
  /** The events that show it as it was; none of a new one. */
  transcript(): AgentEvent[];
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
  const { dataDirectory, workspace } = app;
  if (session.kind === "new") {
    const log = createSession({ ...options, dataDirectory, workspace });
    return { log, workspace, notices: [], transcript: () => [] };
  }
  const { path, notices } = session.fork
    ? copySession(session.path, { ...options, dataDirectory })
    : { path: session.path, notices: [] };
  const { log, header, transcript, ...resumed } = resumeSession(path, options);
  return { log, workspace: header.workspace, notices: [...notices, ...resumed.notices], transcript };
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
