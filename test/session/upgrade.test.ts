// Sessions that earlier versions wrote still open, and mean what they meant.

import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { workspaceDirectory } from "../../src/session/location.ts";
import { listSessions } from "../../src/session/list.ts";
import { readSession, readSessionHeader } from "../../src/session/reader.ts";
import { replay } from "../../src/session/replay.ts";
import { resumeSession } from "../../src/session/store.ts";
import { createUpgrade } from "../../src/session/upgrade.ts";
import type { JsonObject } from "../../src/types/json.ts";
import { samplePlan, steppingClock, temporaryDirectory, unchanged } from "./samples.ts";

/** Written by the version in which a grant was a text and a ticket's report was read off the talk. */
const OLD = fileURLToPath(new URL("fixtures/before-grants.jsonl", import.meta.url));

test("a session of the version before opens without a complaint: grants, choices and reports are there", () => {
  const { header, records, notices } = readSession(OLD);
  expect(notices).toEqual([]);
  const { state, notices: told } = replay(header, records);
  expect(told).toEqual([
    "turn 3 was interrupted before its end",
    "bash (npm test) was running when the session was interrupted; what it did is unknown",
  ]);
  expect(state.grants).toEqual([
    { kind: "rule", rule: "bash(npm *)" },
    { kind: "scope", plan: samplePlan.hash, action: "create", path: "src/with (odd) name.js" },
  ]);
  expect(state.overrides).toEqual({ model: null, tier: { value: "smart", once: false, from: "command" } });
  expect(state.progress.reports).toEqual({ t1: "Mended." });
  expect(state.workflow).toMatchObject({ stage: "execute", plan: { state: "executing", hash: samplePlan.hash } });
});

test("it is listed, and continued in records of today", () => {
  const data = temporaryDirectory();
  const path = join(workspaceDirectory(data, "/repo"), `${readSessionHeader(OLD).id}.jsonl`);
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(OLD, path);
  expect(listSessions(data)).toMatchObject([{ title: "mend the sum – ünïcödé 🙂", plan_state: "executing", turns: 3 }]);
  const { log } = resumeSession(path, { now: steppingClock(), redact: unchanged });
  log.append({ type: "grant", grant: { kind: "rule", rule: "view" } });
  log.close();
  expect(log.state.grants.map((grant) => grant.kind)).toEqual(["rule", "scope", "rule"]);
  expect(replay(readSessionHeader(path), readSession(path).records).state.grants).toEqual(log.state.grants);
});

test("what is of today, or of nobody, passes as it is", () => {
  const upgrade = createUpgrade();
  const records: JsonObject[] = [
    { type: "grant", grant: { kind: "rule", rule: "scope(sha256:00 create x)" } },
    { type: "turn_start", turn: 1, ticket: "t1" },
    { type: "ticket_report", ticket: "t1", text: "Done." },
    { type: "workflow", event: { type: "ticket_changed", ticket: "t1", state: "done" } },
    { type: "workflow", event: null },
    { type: "overrides", overrides: null },
    { type: "message", message: { role: "assistant", content: "no list" } },
    { type: "of a newer version", anything: [1] },
  ];
  expect(records.flatMap(upgrade)).toEqual(records);
});
