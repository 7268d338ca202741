// The state of a session from all its records, and what the user should know of it.

import { initialSession, lastRoutes, reduceSession, type SessionState } from "./state.ts";
import { scanSession, type SessionScan, type TakeRecord } from "./reader.ts";
import type { LedgerEntry } from "../types/ledger.ts";
import type { Route } from "../types/route.ts";
import type { SessionHeader, StoredRecord } from "../types/session.ts";

export interface ReplayedSession {
  state: SessionState;
  routes: Route[];
  ledger: LedgerEntry[];
  notices: string[];
}

function present<Value>(kept: Iterable<{ value: Value | null }>): Value[] {
  return [...kept].flatMap(({ value }) => (value === null ? [] : [value]));
}

export function replay(header: SessionHeader, records: readonly StoredRecord[]): ReplayedSession {
  const state = records.reduce((before, record) => reduceSession(before, record), initialSession(header));
  return {
    state,
    routes: present(lastRoutes(state)),
    ledger: present(state.ledger),
    notices: noticesOf(state),
  };
}

/** What the user should know: an interruption, calls whose effects are unknown, consent that does not count. */
export function noticesOf({ notices, openTurn, intents }: SessionState): string[] {
  const open = Object.values(intents).filter(({ turn }) => turn === openTurn?.turn);
  return [
    ...notices,
    ...(openTurn === null ? [] : [`turn ${openTurn.turn} was interrupted before its end`]),
    ...open.map(({ what }) => `${what} was running when the session was interrupted; what it did is unknown`),
  ];
}

/**
 * The state that the records of these types come to, straight from the file; null = of all types.
 * @throws BmoError usage as `scanSession`.
 */
export function foldSession(
  path: string,
  wanted: ReadonlySet<string> | null,
  also: TakeRecord = () => undefined,
): SessionScan & { state: SessionState } {
  let state: SessionState | null = null;
  const scan = scanSession(path, wanted, (record, place, header) => {
    state = reduceSession(state ?? initialSession(header), record, place);
    also(record, place, header);
  });
  return { ...scan, state: state ?? initialSession(scan.header) };
}
