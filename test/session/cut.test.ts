// A session file cut at every byte still opens, loses no earlier record and gives a history that a vendor accepts.

import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createSession, openSession } from "../../src/session/store.ts";
import { readSession } from "../../src/session/reader.ts";
import type { SessionState } from "../../src/session/state.ts";
import type { Message } from "../../src/types/message.ts";
import { messagesOf } from "../../src/session/repair.ts";
import { replay } from "../../src/session/replay.ts";
import { BmoError } from "../../src/util/errors.ts";
import { complaints } from "../support/complaints.ts";
import { richRecords, steppingClock, temporaryDirectory, unchanged } from "./samples.ts";

function conversations(state: SessionState): Message[][] {
  return Array.from({ length: state.lastConversation }, (_, index) => messagesOf(state, index + 1));
}

test("cut at every byte: opens, keeps every whole record, takes the next one, history well-formed", () => {
  const directory = temporaryDirectory();
  const options = { now: steppingClock(), redact: unchanged };
  const log = createSession({ dataDirectory: directory, workspace: "/repo", ...options });
  const records = richRecords(log.id, "/repo");
  for (const record of records) log.append(record);
  log.close();
  const whole = readFileSync(log.path);
  const original = readSession(log.path).records;
  expect(original).toHaveLength(records.length);
  const ends = [...whole.entries()].flatMap(([index, byte]) => (byte === 0x0a ? [index + 1] : []));
  const headerEnd = ends[0] ?? 0;
  const path = join(directory, `${log.id}.jsonl`);

  for (let cut = 0; cut < headerEnd - 1; cut++) {
    writeFileSync(path, whole.subarray(0, cut));
    expect(() => readSession(path)).toThrow(BmoError);
  }
  // The same records give the same history: it is looked at once for each count of records.
  let replayed = -1;
  for (let cut = headerEnd - 1; cut <= whole.length; cut++) {
    writeFileSync(path, whole.subarray(0, cut));
    // A record is whole once all but its line end is there.
    const expected = ends.filter((end) => end - 1 <= cut).length - 1;
    const content = readSession(path);
    const notices = content.notices.length;
    if (content.records.length !== expected)
      expect.fail(`cut at ${cut}: ${content.records.length} records instead of ${expected}`);
    if (expected !== replayed) {
      const session = replay(content.header, content.records);
      const wrong = conversations(session.state).flatMap(complaints);
      if (wrong.length > 0) expect.fail(`cut at ${cut}: ${wrong.join("; ")}`);
      replayed = expected;
    }
    const torn = content.wholeLength < cut;
    if (notices !== (torn ? 1 : 0)) expect.fail(`cut at ${cut}: notices ${content.notices.join("; ")}`);
    if (cut % 37 !== 0 && cut < whole.length - 1) continue;
    const opened = openSession(path, options);
    opened.log.append({ type: "notice", level: "info", text: "went on" });
    opened.log.close();
    const after = readSession(path);
    expect(after.notices).toEqual([]);
    expect(after.records.slice(0, -1)).toEqual(original.slice(0, expected));
    expect(after.records.at(-1)).toMatchObject({ type: "notice", text: "went on", seq: expected + 1 });
  }
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("any one byte changed: the file still opens, and at most the record it stands in and its neighbour are lost", () => {
  const directory = temporaryDirectory();
  const options = { now: steppingClock(), redact: unchanged };
  const log = createSession({ dataDirectory: directory, workspace: "/repo", ...options });
  for (const record of richRecords(log.id, "/repo")) log.append(record);
  log.close();
  const whole = readFileSync(log.path);
  const original = readSession(log.path).records;
  const headerEnd = whole.indexOf(0x0a) + 1;
  for (let position = headerEnd; position < whole.length; position += 11) {
    const damaged = Buffer.from(whole);
    damaged[position] = (damaged[position] ?? 0) ^ 0x11;
    writeFileSync(log.path, damaged);
    const content = readSession(log.path);
    const kept = content.records.map((record) => record.seq);
    const missing = original.filter((record) => !kept.includes(record.seq));
    expect({ position, lost: [1, 2].includes(missing.length), told: content.notices.length > 0 }).toEqual({
      position,
      lost: true,
      told: true,
    });
    const session = replay(content.header, content.records);
    expect({
      position,
      complaints: conversations(session.state).flatMap(complaints),
    }).toEqual({
      position,
      complaints: [],
    });
  }
});
