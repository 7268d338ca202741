// The index of a session says nothing that its file does not say: whatever was written, in however many runs, and
// whatever happened to index or file meanwhile, going on and listing give what a reading of the whole file gives.

import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { listSessions } from "../../src/session/list.ts";
import { stampOf, readIndexBody } from "../../src/session/index-file.ts";
import type { LogOptions } from "../../src/session/log.ts";
import { readSession } from "../../src/session/reader.ts";
import { messagesOf } from "../../src/session/repair.ts";
import { replay } from "../../src/session/replay.ts";
import type { SessionState } from "../../src/session/state.ts";
import { transcriptOf } from "../../src/session/transcript.ts";
import { createSession, removeSession, resumeSession } from "../../src/session/store.ts";
import { encodeLine } from "../../src/util/jsonl.ts";
import type { SessionRecord } from "../../src/types/session.ts";
import {
  costEntry,
  header,
  richRecords,
  route,
  steppingClock,
  temporaryDirectory,
  unchanged,
  user,
} from "./samples.ts";

const options = (): LogOptions => ({
  now: steppingClock(),
  indexedFrom: 0,
  redact: unchanged,
});

/** A state as plain data. */
function plain(state: SessionState): object {
  const talk = Array.from({ length: state.lastConversation }, (_, index) => messagesOf(state, index + 1));
  return { ...state, talk, routedTurns: state.routedTurns.toArray(), routes: [], ledger: [] };
}

/** What a resumed session gives, as plain data; the lock is given back. */
function resumed(path: string): object {
  const { log, notices, header: found, transcript } = resumeSession(path, options());
  const { state } = log;
  const books = { routes: log.routes(state), ledger: log.ledger(state) };
  log.close();
  return { found, notices, state: plain(state), ...books, transcript: transcript() };
}

function readWhole(path: string): object {
  const { header: found, records, notices: told } = readSession(path);
  const { state, notices, ...rest } = replay(found, records);
  return {
    found,
    notices: [...told, ...notices],
    state: plain(state),
    ...rest,
    transcript: transcriptOf(records),
  };
}

const indexOf = (data: string, path: string): string =>
  join(data, "sessions", "index", path.replace(/^.*\//, "").replace(".jsonl", ""));
const known = (path: string): boolean => readIndexBody(path, stampOf(path) ?? "") !== null;

/** A ticket ends with its report: the end alone is how earlier versions wrote it. */
function withReport(record: SessionRecord): SessionRecord[] {
  if (record.type !== "workflow" || record.event.type !== "ticket_changed" || record.event.state !== "done")
    return [record];
  return [{ type: "ticket_report", ticket: record.event.ticket, text: "Done." }, record];
}

/** Records in any order, as a session that was interrupted again and again might hold them. */
const anyRecords = (id: string): fc.Arbitrary<SessionRecord[]> =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...richRecords(id, "/repo")),
        fc
          .record({
            turn: fc.integer({ min: 1, max: 6 }),
            stage: fc.constantFrom("plan" as const, "execute" as const, "gate" as const),
          })
          .map(({ turn, stage }): SessionRecord => ({
            type: "route",
            route: route(`r_${turn}`, turn, "house/planner", stage),
          })),
        fc
          .record({
            turn: fc.integer({ min: 1, max: 6 }),
            cost: fc.constantFrom(0, 0.1, 0.2, null),
            conversation: fc.constantFrom(1, 2, undefined),
          })
          .map(({ turn, cost, conversation }): SessionRecord => ({
            type: "cost",
            entry: {
              ...costEntry(`c_${turn}`, turn, "house/planner", cost),
              ...(conversation === undefined ? {} : { conversation }),
            },
          })),
        fc.string({ unit: "grapheme" }).map((text): SessionRecord => ({
          type: "message",
          conversation: 1,
          turn: 1,
          message: user(`${text},"sum":"0123456789abcdef"},"message":{`),
        })),
      ),
      { maxLength: 25 },
    )
    .map((records) => records.flatMap(withReport));

test("going on from the index gives what the whole file gives, run after run", () => {
  fc.assert(
    fc.property(
      fc.integer().chain(() => fc.array(anyRecords("x"), { minLength: 1, maxLength: 4 })),
      (runs) => {
        const data = temporaryDirectory();
        const first = createSession({ ...options(), dataDirectory: data, workspace: "/repo" });
        first.append({ type: "command", text: "/status" });
        for (const record of runs[0] ?? []) first.append(record);
        first.close();
        for (const records of runs.slice(1)) {
          expect(known(first.path)).toBe(true);
          expect(resumed(first.path)).toEqual(readWhole(first.path));
          const { log } = resumeSession(first.path, options());
          for (const record of records) log.append(record);
          log.close();
        }
        expect(known(first.path)).toBe(true);
        expect(resumed(first.path)).toEqual(readWhole(first.path));
        const fromIndex = listSessions(data);
        rmSync(join(data, "sessions", "index"), { recursive: true });
        expect(listSessions(data)).toEqual(fromIndex);
        expect(resumed(first.path)).toEqual(readWhole(first.path));
      },
    ),
    { numRuns: 60 },
  );
});

function session(data: string): string {
  const log = createSession({ ...options(), dataDirectory: data, workspace: "/repo" });
  for (const record of richRecords(log.id, "/repo")) log.append(record);
  log.close();
  return log.path;
}

test.each<[string, (path: string, index: string) => void]>([
  ["the file cut anywhere", (path) => truncateSync(path, statSync(path).size - 57)],
  [
    "a record written by one who died",
    (path) =>
      appendFileSync(path, encodeLine({ seq: 99, at: "2026-11-21T10:00:00.000Z", type: "command", text: "/cost" })),
  ],
  ["half a record written by one who died", (path) => appendFileSync(path, '{"seq":99,"at":')],
  [
    "another file of the same name",
    (path) =>
      writeFileSync(
        path,
        encodeLine({ seq: 0, at: "2026-11-21T10:00:00.000Z", ...header("20261121-090001000-abcdef", "/repo") }),
      ),
  ],
  [
    "a byte changed in its middle, times put back",
    (path) => {
      const bytes = readFileSync(path);
      const { atime, mtime } = statSync(path);
      const at = Math.floor(bytes.length / 2);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(path, bytes);
      utimesSync(path, atime, mtime);
    },
  ],
  ["no index", (_, index) => rmSync(index)],
  ["an empty index", (_, index) => writeFileSync(index, "")],
  ["an index cut anywhere", (_, index) => truncateSync(index, statSync(index).size - 100)],
  [
    "an index of another session",
    (path, index) => {
      const other = session(path.replace(/\/sessions\/.*$/, ""));
      copyFileSync(indexOf(path.replace(/\/sessions\/.*$/, ""), other), index);
    },
  ],
  [
    "an index in which an approved plan waits",
    (_, index) =>
      writeFileSync(
        index,
        readFileSync(index, "utf8")
          .replaceAll('"interrupted":false', '"interrupted":true')
          .replaceAll('"grants":[', '"grants":["bash",'),
      ),
  ],
  [
    "a folder in its place",
    (_, index) => {
      rmSync(index);
      mkdirSync(index);
    },
  ],
  ["a key of another", (_, index) => writeFileSync(join(index, "..", "key"), "not a key")],
])("%s: the same state, the same list, and the index is made again", (_, spoil) => {
  const data = temporaryDirectory();
  const path = session(data);
  expect(known(path)).toBe(true);
  spoil(path, indexOf(data, path));
  const whole = readWhole(path);
  const [listed] = listSessions(data).filter((one) => one.path === path);
  expect(listed).toMatchObject({
    updated_at: readSession(path).records.at(-1)?.at ?? readSession(path).header.created_at,
  });
  expect(resumed(path)).toEqual(whole);
  const { log } = resumeSession(path, options());
  log.append({ type: "turn_end", turn: 3, reason: "done", error: null });
  log.close();
  expect({ ...resumed(path), notices: [] }).toEqual({ ...readWhole(path), notices: [] });
});

test("a removed session leaves no index", () => {
  const data = temporaryDirectory();
  const path = session(data);
  removeSession(path);
  expect([existsSync(path), existsSync(indexOf(data, path))]).toEqual([false, false]);
});

test("a short session has no index, and gets one at the end of the turn in which it becomes a long one", () => {
  const data = temporaryDirectory();
  const byDefault = { now: steppingClock(), redact: unchanged };
  const log = createSession({ ...byDefault, dataDirectory: data, workspace: "/repo" });
  const turn = (number: number, text: string): boolean => {
    log.append({ type: "turn_start", turn: number, stage: "plan", ticket: null, text });
    log.append({ type: "turn_end", turn: number, reason: "done", error: null });
    return known(log.path);
  };
  expect(turn(1, "short")).toBe(false);
  expect(turn(2, "long ".repeat(60_000))).toBe(true);
  log.close();
  expect(resumed(log.path)).toEqual(readWhole(log.path));
});
