// The records are the state: what a running agent knows is what its session file says, record by record.

import fc from "fast-check";
import { expect, test } from "vitest";
import { readSession } from "../../src/session/reader.ts";
import { freeze } from "../../src/session/resume.ts";
import { initialSession, reduceSession, type SessionState } from "../../src/session/state.ts";
import { createSession, resumeSession } from "../../src/session/store.ts";
import { Sequence } from "../../src/util/sequence.ts";
import type { SessionRecord } from "../../src/types/session.ts";
import { richRecords, steppingClock, temporaryDirectory } from "./samples.ts";

/** A state as plain data, with all that it holds in memory. */
const plain = (state: SessionState): unknown => JSON.parse(JSON.stringify(state));
const withoutPlaces = (state: SessionState): unknown =>
  JSON.parse(JSON.stringify(state, (key, value: unknown) => (key === "place" ? undefined : value)));
const options = { now: steppingClock(), redact: (text: string) => text.replaceAll("s3cr3t", "[redacted]") };

/** Records in any order, with texts that are changed before they are written. */
const anyRecords = (id: string): fc.Arbitrary<SessionRecord[]> =>
  fc.array(
    fc.oneof(
      fc.constantFrom(...richRecords(id, "/repo")),
      fc.record({ type: fc.constant("command" as const), text: fc.constantFrom("/status", "say s3cr3t") }),
      fc.record({
        type: fc.constant("workflow" as const),
        event: fc.record({
          type: fc.constant("workflow_switched" as const),
          enabled: fc.boolean(),
          by: fc.constantFrom("user" as const, "flag" as const),
        }),
      }),
    ),
    { maxLength: 30 },
  );

test("the file, folded at every prefix, is the live state at that moment; no state is changed afterwards", () => {
  fc.assert(
    fc.property(
      fc.integer().chain(() => anyRecords("x")),
      fc.nat(30),
      (records, deferred) => {
        const log = createSession({ ...options, dataDirectory: temporaryDirectory(), workspace: "/repo" });
        const live: { state: SessionState; then: unknown }[] = [];
        for (const [index, record] of [...richRecords(log.id, "/repo").slice(0, 20), ...records].entries()) {
          if (index === deferred) log.defer({ type: "workflow", event: { type: "stage_reset" } });
          log.append(record);
          live.push({ state: log.state, then: plain(log.state) });
        }
        log.close();
        const { header, records: read } = readSession(log.path);
        const folded: SessionState[] = [];
        read.reduce((before, record) => {
          const state = reduceSession(before, record);
          folded.push(state);
          return state;
        }, initialSession(header));
        for (const { state, then } of live) expect(plain(state)).toEqual(then);
        const written = folded.map(withoutPlaces);
        for (const { state } of live) expect(written).toContainEqual(withoutPlaces(state));
        expect(withoutPlaces(log.state)).toEqual(written.at(-1));
        const resumed = resumeSession(log.path, options);
        resumed.log.close();
        expect(freeze(resumed.log.state)).toEqual(freeze(log.state));
      },
    ),
    { numRuns: 25 },
  );
}, 120_000);

test("a list that grows leaves the one it grew from as it was, also where two grow from the same", () => {
  const first = Sequence.of([1]);
  const [left, right] = [first.add(2), first.add(3)];
  expect([first, left, right, left.add(4), right.add(5)].map((list) => list.toArray())).toEqual([
    [1],
    [1, 2],
    [1, 3],
    [1, 2, 4],
    [1, 3, 5],
  ]);
  expect([left.at(-1), left.at(0), left.at(2), left.at(-3), [...right]]).toEqual([2, 1, undefined, undefined, [1, 3]]);
});
