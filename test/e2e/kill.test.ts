// `kill -9` at points that the server sets: every session goes on with a history that the vendors accept, no record is
// lost, files are whole, no process is left over.

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChildProcess } from "node:child_process";
import { beforeAll, describe, expect, test } from "vitest";
import { readSession } from "../../src/session/reader.ts";
import { isPlanning, resultOf } from "./scenario.ts";
import {
  appears,
  FIRST_RUN,
  kill,
  killScene,
  leftOver,
  NEW,
  OLD,
  SECOND,
  sessionFile,
  wholeRecords,
  type KillScene,
  type Setup,
} from "./kill-scene.ts";
import type { SeenRequest } from "../support/vendor-server.ts";
import type { WireName } from "./harness.ts";
import { needBubblewrap } from "../support/need.ts";

interface Point {
  name: string;
  setup: Setup;
  /** Number of the request whose reply is interrupted, and where; "hold": when the waiting command has begun. */
  at: { request: number; moment: "head" | "delta" | "late" | { afterMs: number } } | "hold";
}

/** Everything a point is judged by, gathered while its place still stands. */
interface Outcome {
  killed: boolean;
  torn: string[];
  leftAfterKill: string[];
  leftAtEnd: string[];
  lost: boolean;
  refused: string[];
  /** Requests to the executor that do not hold what it has to do. */
  uninformed: number[];
  code: number | null;
  stderr: string;
  plan: string | null;
  files: { first: boolean; second: boolean };
}

const SANDBOX = !needBubblewrap().missing;
const WIRES: WireName[] = ["anthropic", "responses", "chat"];
const DELAYS = [0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 30];

/**
 * Requests of an undisturbed run: plan: look, plan; execute: look, edit, write, end (a last one for the second ticket).
 */
function points(): Point[] {
  const list: Point[] = [];
  const wire = (): WireName => WIRES[list.length % WIRES.length] ?? "anthropic";
  const replies = (unit: Setup["unit"], requests: number[], moments: ("head" | "delta" | "late")[]): void => {
    for (const request of requests) {
      for (const moment of moments)
        list.push({
          name: `unit ${unit}, reply ${request}, ${moment}`,
          setup: { wire: wire(), unit, hold: "none" },
          at: { request, moment },
        });
    }
  };
  replies("plan", [1, 2, 3, 4, 5, 6], ["head", "delta", "late"]);
  replies("ticket", [3, 4, 5, 6, 7], ["head", "delta"]);
  replies("off", [2, 3], ["delta", "late"]);
  for (const [index, afterMs] of DELAYS.entries()) {
    const unit = index % 2 === 0 ? "plan" : "ticket";
    const request = [4, 5, 2, 6][index % 4] ?? 4;
    list.push({
      name: `unit ${unit}, ${afterMs} ms after reply ${request}`,
      setup: { wire: wire(), unit, hold: "none" },
      at: { request, moment: { afterMs } },
    });
  }
  for (const unit of ["plan", "ticket", "off"] as const)
    list.push({
      name: `unit ${unit}, between the intent of a command and its result`,
      setup: { wire: wire(), unit, hold: "bash" },
      at: "hold",
    });
  for (const unit of ["plan", "ticket"] as const)
    for (let more = 0; more < 2; more++)
      list.push({
        name: `unit ${unit}, in a verify command (${more + 1})`,
        setup: { wire: wire(), unit, hold: "verify" },
        at: "hold",
      });
  return list;
}

const EVENT: Record<"head" | "delta" | "late", number> = { head: 0, delta: 4, late: 7 };

async function runPoint(point: Point): Promise<Outcome> {
  const { at, setup } = point;
  let child: ChildProcess | null = null;
  let armed = true;
  const strike = (): void => {
    if (!armed || child === null) return;
    armed = false;
    kill(child);
  };
  const scene = await killScene(setup, (request, event) => {
    if (!armed || at === "hold" || request.number !== at.request) return;
    if (typeof at.moment === "string") {
      if (event === EVENT[at.moment]) strike();
    } else if (event === 0) {
      const { afterMs } = at.moment;
      void scene.server.closed(request.number).then(() => setTimeout(strike, afterMs));
    }
  });
  const { server, place } = scene;
  try {
    if (at === "hold") void appears(join(place.workspace, "marks"), setup.hold).then(strike);
    const first = await place.run(FIRST_RUN[setup.unit], { onStart: (started) => (child = started) });
    armed = false;
    const leftAfterKill = await leftOver(place);
    const torn = [place.read("a.txt"), existsSync(join(place.workspace, "b.txt")) ? place.read("b.txt") : SECOND]
      .filter((text) => ![OLD, NEW, SECOND].includes(text))
      .map((text) => text.slice(-200));
    const path = sessionFile(place);
    const before = readFileSync(path);
    const approved = readSession(path).records.some((record) => record.type === "approval");
    const requestsBefore = server.requests.length;

    if (setup.hold !== "none") place.file("marks/go", "");
    const goOn =
      setup.unit === "off"
        ? ["-c", "-p", "--json", "--no-plan", "--permission-mode", "bypassPermissions", "go on please"]
        : approved
          ? ["-c", "-p", "--json", "/approve"]
          : ["-c", "-p", "--json", "--approve", "go on please"];
    const second = await place.run(goOn);
    const result = second.stdout === "" ? null : resultOf(second);
    const after = readFileSync(path);
    const whole = wholeRecords(before);
    return {
      killed: first.signal === "SIGKILL",
      torn,
      leftAfterKill,
      leftAtEnd: await leftOver(place),
      lost: !after.subarray(0, whole.length).equals(whole),
      refused: server.requests.slice(requestsBefore).flatMap((request) => request.violations),
      uninformed: uninformed(server.requests.slice(requestsBefore), setup),
      code: second.code,
      stderr: second.stderr,
      plan: result?.plan?.state ?? null,
      files: {
        first: place.read("a.txt") === NEW,
        second: existsSync(join(place.workspace, "b.txt")) && place.read("b.txt") === SECOND,
      },
    };
  } finally {
    await server.close();
  }
}

function uninformed(requests: readonly SeenRequest[], setup: Setup): number[] {
  if (setup.unit === "off") return [];
  return requests
    .filter((request) => !isPlanning(request) && !/Make the (first|second)/.test(request.userTexts.join("\n")))
    .map((request) => request.number);
}

/** A few at a time: the machine may have two cores only. */
async function runAll(all: readonly Point[], atOnce: number): Promise<Map<string, Outcome | Error>> {
  const outcomes = new Map<string, Outcome | Error>();
  const queue = [...all];
  const worker = async (): Promise<void> => {
    for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
      outcomes.set(
        point.name,
        await runPoint(point).catch((thrown: unknown) =>
          thrown instanceof Error ? thrown : new Error(String(thrown)),
        ),
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return outcomes;
}

describe("kill -9", () => {
  const all = points();
  let outcomes = new Map<string, Outcome | Error>();

  beforeAll(async () => {
    outcomes = await runAll(all, 3);
  }, 180_000);

  test("there are at least 50 points", () => {
    expect(all.length).toBeGreaterThanOrEqual(50);
  });

  test.each(all)("$name", ({ name, setup, at }) => {
    const outcome = outcomes.get(name);
    if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error("the point did not run");
    expect(outcome).toEqual({
      ...outcome,
      killed: true,
      torn: [],
      // Only the sandbox ends a command together with a bmo that could not end it any more.
      leftAfterKill: at === "hold" && !SANDBOX ? outcome.leftAfterKill : [],
      leftAtEnd: [],
      lost: false,
      refused: [],
      uninformed: [],
      code: 0,
      plan: setup.unit === "off" ? null : "done",
      files: { first: true, second: true },
    });
  });
});

/**
 * The appends to break off: the first `each` that follow each kind of record. `from` and `to` bound the bytes of the
 * broken one.
 */
function cutsOf(whole: Buffer, each: number): { from: number; to: number }[] {
  const ends = [...whole.entries()].flatMap(([index, byte]) => (byte === 0x0a ? [index + 1] : []));
  const times = new Map<string, number>();
  return ends.slice(1, -1).flatMap((from, index) => {
    const record = JSON.parse(whole.subarray(ends[index], from).toString("utf8")) as {
      type: string;
      event?: { type: string };
      message?: { role: string };
    };
    const kind = `${record.type} ${record.event?.type ?? record.message?.role ?? ""}`;
    times.set(kind, (times.get(kind) ?? 0) + 1);
    return (times.get(kind) ?? 0) > each ? [] : [{ from, to: ends[index + 2] ?? from }];
  });
}

/** One cut of a finished session, resumed through the program; the files are as the records say. */
async function resumeCut(
  { place, server, setup }: KillScene,
  path: string,
  whole: Buffer,
  cut: number,
): Promise<string[]> {
  const bytes = whole.subarray(0, cut);
  writeFileSync(path, bytes);
  const { records } = readSession(path);
  const did = (tool: string): boolean =>
    records.some(
      (record) =>
        record.type === "message" &&
        record.message.role === "tool" &&
        record.message.toolName === tool &&
        !record.message.isError,
    );
  place.file("a.txt", did("edit") ? NEW : OLD);
  if (!did("write")) rmSync(join(place.workspace, "b.txt"), { force: true });
  const approved = records.some((record) => record.type === "approval");
  const done = records.some((record) => record.type === "workflow" && record.event.type === "plan_finished");
  const before = server.requests.length;
  const finished = await place.run([
    "-c",
    "-p",
    "--json",
    ...(approved || done ? ["/approve"] : ["--approve", "go on please"]),
  ]);
  const requests = server.requests.slice(before);
  const wrong = requests.flatMap((request) => request.violations);
  for (const number of uninformed(requests, setup)) wrong.push(`request ${number} does not say what to do`);
  if (finished.code !== 0) wrong.push(`exit ${finished.code}: ${finished.stderr}`);
  const after = readFileSync(path);
  const kept = wholeRecords(bytes);
  if (!after.subarray(0, kept.length).equals(kept)) wrong.push("an earlier record is lost");
  if (place.read("a.txt") !== NEW || !existsSync(join(place.workspace, "b.txt")) || place.read("b.txt") !== SECOND)
    wrong.push("the job is not done");
  return wrong.map((text) => `cut after ${records.length} records (${records.at(-1)?.type ?? "none"}): ${text}`);
}

describe("a session cut inside an append", () => {
  test.each(["plan", "ticket"] as const)("unit %s: goes on from every record, whole or torn", async (unit) => {
    const scenes = await Promise.all(WIRES.map((wire) => killScene({ wire, unit, hold: "none" })));
    const wrong = await Promise.all(
      scenes.map(async (scene, share) => {
        const first = await scene.place.run(FIRST_RUN[unit]);
        expect({ code: first.code, stderr: first.stderr }).toMatchObject({ code: 0 });
        const path = sessionFile(scene.place);
        const whole = readFileSync(path);
        const found: string[] = [];
        for (const [index, { from, to }] of cutsOf(whole, unit === "plan" ? 1 : 2).entries()) {
          if (index % scenes.length !== share) continue;
          // Now and then nothing of the next record is there, else the write broke off somewhere inside it.
          found.push(
            ...(await resumeCut(
              scene,
              path,
              whole,
              index % 5 === 0 ? from : from + 1 + ((index * 7919) % (to - from - 2)),
            )),
          );
        }
        await scene.server.close();
        return found;
      }),
    );
    expect(wrong.flat()).toEqual([]);
  });
});
