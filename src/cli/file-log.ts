// The session's log file beside its records: `Tier assignment:` and the like, one line each; on stderr with --verbose.

import { appendFileSync } from "node:fs";
import type { App } from "./app.ts";

export function createFileLog(sessionPath: string, app: App): (line: string) => void {
  const path = sessionPath.replace(/\.jsonl$/, ".log");
  return (line) => {
    const text = `${new Date().toISOString()} ${app.redactor.redact(line)}\n`;
    appendFileSync(path, text, { mode: 0o600 });
    if (app.line.verbose) process.stderr.write(text);
  };
}
