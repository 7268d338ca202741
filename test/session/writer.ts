// Run as a process of its own by the tests: opens a new session in the given directory and holds it, or appends without
// end.

import { createSession } from "../../src/session/store.ts";

const [dataDirectory = "", mode = ""] = process.argv.slice(2);
const log = createSession({ dataDirectory, workspace: "/repo", now: () => new Date(), redact: (text) => text });
log.append({ type: "notice", level: "info", text: "first" });
process.send?.(log.path);

if (mode === "hold") {
  process.stdin.resume();
  setInterval(() => undefined, 60_000);
} else {
  let count = 1;
  const more = (): void => {
    log.append({ type: "notice", level: "info", text: "y".repeat(100_000 + count) });
    count += 1;
    process.send?.(count);
    setImmediate(more);
  };
  more();
}
