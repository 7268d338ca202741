// What the past of a session costs: a turn, listing, showing, exporting, stats, of an empty session and of a long one,
// in turns.

import { copyFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  createGround,
  growSession,
  measure,
  median,
  readBarely,
  sessionFile,
  startVendor,
  type Ground,
  type Measured,
} from "./ground.mts";
import { rowOf, type Row } from "./row.mts";

export async function measureSessions(messages: number, rounds: number): Promise<Row[]> {
  const vendor = await startVendor();
  const grounds: { messages: number; ground: Ground; path: string; copy: string }[] = [];
  for (const count of [2, messages]) {
    const ground = createGround(vendor.url);
    await measure(ground, ["-p", "what is here?"]);
    const path = sessionFile(ground);
    growSession(path, count);
    const copy = join(ground.root, "session.jsonl");
    copyFileSync(path, copy);
    grounds.push({ messages: count, ground, path, copy });
  }
  const figures = grounds.map(() => new Map<string, Measured[]>());
  const note = (at: number, name: string, measured: Measured): void => {
    figures[at]?.set(name, [...(figures[at]?.get(name) ?? []), measured]);
  };
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [at, { ground, path, copy }] of grounds.entries()) {
      rmSync(join(ground.home, "bmo", "sessions", "index"), { recursive: true, force: true });
      copyFileSync(copy, path);
      if (at === 1) bare.push(readBarely(path));
      note(at, "list cold", await measure(ground, ["sessions", "list"]));
      note(at, "list again", await measure(ground, ["sessions", "list"]));
      note(at, "show", await measure(ground, ["sessions", "show"]));
      note(at, "export", await measure(ground, ["sessions", "export"]));
      note(at, "export --json", await measure(ground, ["sessions", "export", "--json"]));
      note(at, "stats", await measure(ground, ["stats"]));
      // As another version left it: nothing but the records is there.
      note(at, "first turn", await measure(ground, ["-c", "-p", "and now?"]));
      vendor.requests.splice(0);
      const turn = await measure(ground, ["-c", "-p", "and now?"]);
      note(at, "turn", turn);
      note(at, "its request", { ...turn, ms: (vendor.requests[0]?.at ?? 0) - turn.startedAt });
    }
  }
  for (const name of figures[0]?.keys() ?? []) {
    const [small = [], long = []] = figures.map((one) => one.get(name) ?? []);
    const [smallMs, longMs] = [small, long].map((list) => median(list.map(({ ms }) => ms)));
    const [smallMb, longMb] = [small, long].map((list) => median(list.map(({ megabytes }) => megabytes)));
    console.log(
      `${name.padEnd(14)} ${String(Math.round(smallMs ?? 0)).padStart(6)} ms ${String(Math.round(longMs ?? 0)).padStart(6)} ms  × ${((longMs ?? 0) / (smallMs ?? 1)).toFixed(2)}   ${Math.round(smallMb ?? 0)} MB ${Math.round(longMb ?? 0)} MB  × ${((longMb ?? 0) / (smallMb ?? 1)).toFixed(2)}   CPU × ${(median(long.map(({ cpuMs }) => cpuMs)) / median(small.map(({ cpuMs }) => cpuMs))).toFixed(2)}`,
    );
  }
  console.log(
    `session files: ${grounds.map(({ messages: count, copy }) => `${count} messages ${(statSync(copy).size / 1e6).toFixed(1)} MB`).join(", ")}`,
  );
  for (const { ground } of grounds) ground.remove();
  vendor.close();
  const cpu = (name: string, at: number): number => median((figures[at]?.get(name) ?? []).map(({ cpuMs }) => cpuMs));
  const above = (name: string): number => cpu(name, 1) / cpu(name, 0);
  const reading = (name: string): number => cpu(name, 1) / median(bare);
  const past = `a session of ${messages.toLocaleString("en-US")} messages`;
  return [
    rowOf(`a turn in ${past}`, above("turn"), 2, "× in an empty one"),
    rowOf(`list with ${past}, indexed`, above("list again"), 1.2, "× an empty one"),
    rowOf(`list with ${past}, without an index`, reading("list cold"), 2, "× a bare reading"),
    rowOf(`show of ${past}`, reading("show"), 3, "× a bare reading"),
    rowOf(`export of ${past}`, reading("export"), 3, "× a bare reading"),
    rowOf(`export --json of ${past}`, reading("export --json"), 5, "× a bare reading"),
  ];
}

if (process.argv[1]?.endsWith("sessions.mts") === true)
  await measureSessions(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 5));
