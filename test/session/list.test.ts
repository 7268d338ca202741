// Which sessions are found, and which one `-c` means.

import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { findSession, latestSession, listSessions } from "../../src/session/list.ts";
import { holderPath, looksLikeSessionId } from "../../src/session/location.ts";
import { createSession, openSession } from "../../src/session/store.ts";
import { encodeLine } from "../../src/util/jsonl.ts";
import { BmoError } from "../../src/util/errors.ts";
import type { SessionRecord } from "../../src/types/session.ts";
import { richRecords, steppingClock, temporaryDirectory, unchanged } from "./samples.ts";

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const turn: SessionRecord = { type: "turn_start", turn: 1, stage: "plan", ticket: null, text: "do it" };

function write(
  dataDirectory: string,
  workspace: string,
  start: string,
  records: SessionRecord[] | ((id: string) => SessionRecord[]),
): { id: string; path: string } {
  const log = createSession({ dataDirectory, workspace, now: steppingClock(start), redact: unchanged });
  for (const record of typeof records === "function" ? records(log.id) : records) log.append(record);
  log.close();
  return { id: log.id, path: log.path };
}

test("a list says what each session was about, latest first, over all workspaces or one", () => {
  const data = temporaryDirectory();
  expect(listSessions(data)).toEqual([]);
  const rich = write(data, "/repo", "2026-11-20T10:00:00.000Z", (id) => richRecords(id, "/repo"));
  const other = write(data, "/other", "2026-11-21T10:00:00.000Z", [{ type: "command", text: "/status" }]);
  writeFileSync(join(dirname(rich.path), "20261120-100000000-abcdef.jsonl"), "not ours\n");
  writeFileSync(join(dirname(rich.path), "20261120-100000000-abcdea.jsonl"), "");
  mkdirSync(join(dirname(rich.path), "20261120-100000000-abcdeb.jsonl"));
  const expected = [
    {
      id: other.id,
      workspace: "/other",
      created_at: "2026-11-21T10:00:01.000Z",
      updated_at: "2026-11-21T10:00:02.000Z",
      title: "/status",
      turns: 0,
      plan_state: null,
      models: [],
      cost_usd: 0,
      cost_is_estimate: false,
      held_by: null,
      path: other.path,
    },
    {
      id: rich.id,
      workspace: "/repo",
      created_at: "2026-11-20T10:00:01.000Z",
      updated_at: "2026-11-20T10:00:51.000Z",
      title: "mend the sum – ünïcödé 🙂",
      turns: 3,
      plan_state: "executing",
      models: ["house/planner", "house/executor"],
      cost_usd: null,
      cost_is_estimate: false,
      held_by: null,
      path: rich.path,
    },
  ];
  expect(listSessions(data)).toEqual(expected);
  expect(listSessions(data, { workspace: "/repo" })).toEqual(expected.slice(1));
});

test("an index that is stale, torn, foreign, forged or gone gives the same list", () => {
  const data = temporaryDirectory();
  const { id, path } = write(data, "/repo", "2026-11-20T10:00:00.000Z", [turn]);
  const index = join(data, "sessions", "index", id);
  const first = listSessions(data);
  expect(first).toMatchObject([{ title: "do it", turns: 1 }]);
  const kept = readFileSync(index, "utf8");
  expect([modeOf(index), modeOf(join(data, "sessions", "index", "key")), modeOf(dirname(index))]).toEqual([
    0o600, 0o600, 0o700,
  ]);
  const forged = kept.replace('"title":"do it"', '"title":"from the index"');
  const resealed = `${createHash("sha256").update(forged.slice(65).trimEnd()).digest("hex")} ${forged.slice(65)}`;
  for (const broken of [
    "",
    "{",
    kept.slice(0, 80),
    kept.slice(0, -2),
    forged,
    resealed,
    forged.slice(65),
    kept.replace(/^./, "x"),
    `${"0".repeat(64)} {"version":1}\n`,
    "\0".repeat(200),
  ]) {
    writeFileSync(index, broken);
    expect(listSessions(data)).toEqual(first);
    expect(readFileSync(index, "utf8").startsWith(kept.slice(65, 90), 65)).toBe(true);
  }
  for (const key of ["", "short", Buffer.alloc(32, 7)]) {
    writeFileSync(join(data, "sessions", "index", "key"), key);
    expect(listSessions(data)).toEqual(first);
  }
  rmSync(dirname(index), { recursive: true });
  writeFileSync(join(data, "sessions", "index"), "a file where the folder should be");
  expect(listSessions(data)).toEqual(first);
  rmSync(join(data, "sessions", "index"));
  expect(listSessions(data)).toEqual(first);
  const opened = openSession(path, { now: steppingClock("2026-11-22T10:00:00.000Z"), redact: unchanged });
  opened.log.append({ ...turn, turn: 2 });
  expect(listSessions(data)).toMatchObject([{ title: "do it", turns: 2, held_by: process.pid }]);
  opened.log.close();
  rmSync(path);
  expect(listSessions(data)).toEqual([]);
  expect(existsSync(index)).toBe(false);
});

test("a file changed in its place, with size and time kept, is read again", () => {
  const data = temporaryDirectory();
  const { path } = write(data, "/repo", "2026-11-20T10:00:00.000Z", [turn]);
  expect(listSessions(data)).toMatchObject([{ title: "do it" }]);
  const { atime, mtime } = statSync(path);
  const other = readFileSync(path, "utf8")
    .split("\n")
    .map((line) =>
      line.includes('"do it"')
        ? encodeLine(
            JSON.parse(line.replace('"do it"', '"do or"').replace(/,"sum":"[0-9a-f]+"\}$/, "}")) as object,
          ).trimEnd()
        : line,
    )
    .join("\n");
  writeFileSync(path, other);
  utimesSync(path, atime, mtime);
  expect(listSessions(data)).toMatchObject([{ title: "do or" }]);
});

test("the latest of exactly this workspace, by its last record, not counting those with commands only", () => {
  const data = temporaryDirectory();
  expect(latestSession(data, "/repo")).toBeNull();
  const older = write(data, "/repo", "2026-11-20T10:00:00.000Z", [turn]);
  const newer = write(data, "/repo", "2026-11-20T11:00:00.000Z", [turn]);
  write(data, "/repo", "2026-11-20T12:00:00.000Z", [
    { type: "command", text: "/status" },
    { type: "overrides", overrides: { model: null, tier: null } },
    { type: "notice", level: "info", text: "turn_start" },
  ]);
  write(data, "/repo/below", "2026-11-20T13:00:00.000Z", [turn]);
  write(data, "/", "2026-11-20T13:00:00.000Z", [turn]);
  expect(latestSession(data, "/repo")).toEqual({ ...newer, heldBy: null });
  const opened = openSession(older.path, { now: steppingClock("2026-11-21T10:00:00.000Z"), redact: unchanged });
  opened.log.append({ type: "command", text: "/status" });
  expect(latestSession(data, "/repo")).toEqual({ ...older, heldBy: process.pid });
  opened.log.close();
  mkdirSync(join(dirname(older.path), "20991231-000000000-abcdef.jsonl"));
  writeFileSync(join(dirname(older.path), "20991231-000000000-abcde0.jsonl"), "{}\n");
  // A torn end, and a long record at both ends, do not hide the session.
  appendFileSync(older.path, '{"seq":9,"at":"2030');
  expect(latestSession(data, "/repo")?.id).toBe(older.id);
  const long = write(data, "/repo", "2026-11-22T10:00:00.000Z", [
    { type: "notice", level: "info", text: "n".repeat(200_000) },
    turn,
    { type: "notice", level: "info", text: "n".repeat(200_000) },
  ]);
  expect(latestSession(data, "/repo")?.id).toBe(long.id);
  expect(existsSync(holderPath(long.path))).toBe(false);
});

test("a session is found by id, by its beginning and by its ending; none and several are said", () => {
  const data = temporaryDirectory();
  const first = write(data, "/repo", "2026-11-20T10:00:00.000Z", [turn]);
  const second = write(data, "/other", "2026-11-20T10:00:00.000Z", [turn]);
  expect(findSession(data, first.id)).toEqual(first);
  expect(findSession(data, second.id.slice(0, -2)).id.slice(0, 19)).toBe(second.id.slice(0, 19));
  const ending = first.id.slice(-6);
  if (looksLikeSessionId(ending)) expect(findSession(data, ending)).toEqual(first);
  expect(() => findSession(data, "20261120-")).toThrow(/fits 2 sessions/);
  expect(() => findSession(data, "20251120-")).toThrow(BmoError);
  write(data, "/third", "2025-11-21T10:00:00.000Z", [turn]);
  for (const word of ["", "2", "2025", "20251121"]) {
    expect(() => findSession(data, word), word).toThrow(/there is no session/);
  }
  expect(() => findSession(data, "../../etc/passwd")).toThrow(/there is no session/);
});

test("what can be meant as an id", () => {
  for (const id of ["20261121-093042123-1f0c9a", "20261121-", "20261121-0930", "20261121-093042123-1f", "1f0c9a"])
    expect(looksLikeSessionId(id), id).toBe(true);
  for (const word of [
    "",
    "fix",
    "decade",
    "20261121",
    "2026-11-21",
    "1f0c9",
    "20261121-0930-1f",
    "mend the 1f0c9a",
    "1F0C9A",
  ])
    expect(looksLikeSessionId(word), word).toBe(false);
});
