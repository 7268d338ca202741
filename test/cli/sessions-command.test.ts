// `bmo sessions` and `bmo stats` over sessions on disk.

import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { jsonOf, readTurns, viewSession } from "../../src/cli/session-view.ts";
import { sessionsCommand } from "../../src/cli/sessions-command.ts";
import { statsCommand } from "../../src/cli/stats-command.ts";
import { readSession } from "../../src/session/reader.ts";
import { createSession, forkSession, resumeSession } from "../../src/session/store.ts";
import { safeJson } from "../../src/util/sanitize.ts";
import { printedJson } from "../../src/util/snake-keys.ts";
import type { SubcommandIo } from "../../src/cli/subcommand.ts";
import type { SessionRecord } from "../../src/types/session.ts";
import { callSubcommand } from "./io.ts";
import { richRecords, steppingClock, temporaryDirectory, unchanged } from "../session/samples.ts";

interface Recorded extends SubcommandIo {
  out(): string;
  err(): string;
}

function recorder(json = false, workspace = "/repo"): Recorded {
  let out = "";
  let err = "";
  return {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    environment: {},
    workspace,
    home: "/home/x",
    isTerminal: false,
    json,
    question: () => Promise.reject(new Error("nobody is there")),
    out: () => out,
    err: () => err,
  };
}

const sessions = (args: readonly string[], io: Recorded, dataDirectory: string): Promise<number> =>
  callSubcommand(sessionsCommand, args, { io, app: { dataDirectory } });
const stats = (args: readonly string[], io: Recorded, dataDirectory: string): Promise<number> =>
  callSubcommand(statsCommand, args, { io, app: { dataDirectory } });

function data(): { directory: string; id: string; path: string } {
  const directory = temporaryDirectory();
  const log = createSession({ dataDirectory: directory, workspace: "/repo", now: steppingClock(), redact: unchanged });
  for (const record of richRecords(log.id, "/repo")) log.append(record);
  log.close();
  return { directory, id: log.id, path: log.path };
}

describe("sessions", () => {
  test("list: this workspace, or all", async () => {
    const { directory, id } = data();
    const log = createSession({
      dataDirectory: directory,
      workspace: "/other",
      now: steppingClock("2026-11-22T00:00:00.000Z"),
      redact: unchanged,
    });
    const record: SessionRecord = { type: "turn_start", turn: 1, stage: "chat", ticket: null, text: "\u001b[31mred" };
    log.append(record);
    const here = recorder();
    expect(await sessions([], here, directory)).toBe(0);
    expect(here.out()).toBe(
      [
        "id                         last used (UTC)   turns  plan          cost  in use by  title",
        `${id}  2026-11-21 09:00      3  executing  unknown             mend the sum – ünïcödé 🙂`,
        "",
      ].join("\n"),
    );
    const all = recorder();
    await sessions(["list", "--all"], all, directory);
    expect(all.out().split("\n")).toHaveLength(4);
    expect(all.out()).toContain(`process ${process.pid}`);
    expect(all.out()).not.toContain("\u001b");
    log.close();
    const json = recorder(true);
    await sessions(["list"], json, directory);
    expect(JSON.parse(json.out())).toMatchObject([{ id, workspace: "/repo", turns: 3, cost_usd: null }]);
    const nothing = recorder(false, "/empty");
    expect(await sessions(["list"], nothing, directory)).toBe(0);
    expect([nothing.out(), nothing.err()]).toEqual([
      "",
      "bmo: there are no sessions of /empty; --all lists those of other workspaces\n",
    ]);
  });

  test("show says the same of a session with messages that are not needed and of one whose last turn was interrupted", () => {
    const { id, path } = data();
    const view = viewSession(readSession(path));
    expect(view.notices).not.toEqual([]);
    expect(viewSession(readTurns(path))).toEqual(view);
    const { log } = resumeSession(path, { now: steppingClock("2026-11-22T00:00:00.000Z"), redact: unchanged });
    log.append({ type: "turn_end", turn: 3, reason: "done", error: null });
    log.close();
    const told = readTurns(path);
    expect(told.records.some(({ type }) => type === "message")).toBe(false);
    const { replayed, ...rest } = viewSession(told);
    const { replayed: whole, ...wanted } = viewSession(readSession(path));
    expect(rest).toEqual(wanted);
    expect([replayed.routes, replayed.ledger]).toEqual([whole.routes, whole.ledger]);
    expect(id).toBe(rest.session.id);
  });

  test("export --json, which is printed record by record, is the JSON of header and records", async () => {
    const { directory, path } = data();
    const json = recorder(true);
    expect(await sessions(["export"], json, directory)).toBe(0);
    const { header, records } = readSession(path);
    expect(json.out()).toBe(`${safeJson({ header, records: printedJson(records) }, 2)}\n`);
    const none = { header, records: [], notices: [], wholeLength: 0, endMissing: false, nextSeq: 1 };
    expect([...jsonOf(none)].join("")).toBe(`${safeJson({ header, records: [] }, 2)}\n`);
  });

  test("show: the tier of every turn, routes, plan, files and cost", async () => {
    const { directory, id } = data();
    const text = recorder();
    expect(await sessions(["show", id.slice(0, 12)], text, directory)).toBe(0);
    const shown = text.out();
    expect(shown).toMatch(
      /^1 +plan +balanced \(default\) +house\/planner +debug +stage +\$0\.0021 +awaiting_approval +mend the sum – ünïcödé 🙂$/m,
    );
    expect(shown).toMatch(
      /^2 +execute +t1 +balanced \(default\) +house\/executor +debug +stage +\$0\.0021 +done +t1: Mend$/m,
    );
    expect(shown).toMatch(/^3 +execute +t2 +no model +unknown +interrupted +t2: Describe$/m);
    for (const phrase of [
      "Plan p_1 revision 1, executing: Mend the sum",
      "t1: done",
      "create src/sum.js",
      "write: write x: not in the plan stage",
      "No price is known for house/executor",
      "Note: turn 3 was interrupted",
    ])
      expect(shown).toContain(phrase);
    const json = recorder(true);
    await sessions(["show"], json, directory);
    expect(JSON.parse(json.out())).toMatchObject({
      session: { id, workspace: "/repo" },
      turns: [
        {
          turn: 1,
          tier: "balanced",
          tier_source: "default",
          model: "house/planner",
          cost_usd: 0.0021,
          end: "awaiting_approval",
        },
        { turn: 2, ticket: "t1" },
        { turn: 3, end: null, cost_usd: null },
      ],
      routes: [{ id: "r_1" }, { id: "r_2" }],
      plan: { id: "p_1", state: "executing", tickets: { t1: "done", t2: "in_progress" } },
      totals: { calls: 3, cost_usd: null },
      files: [{ path: "src/sum.js", action: "create" }],
    });
  });

  test("export: Markdown to read, records as JSON", async () => {
    const { directory, id } = data();
    const text = recorder();
    await sessions(["export", id], text, directory);
    expect(text.out()).toContain(`# Session ${id}`);
    expect(text.out()).toContain("## Turn 2 (execute, ticket t1)\n\n> t1: Mend");
    expect(text.out()).toContain("**edit** edit src/sum.js\n\n```\ndone\n```\n\nMended.");
    const json = recorder(true);
    await sessions(["export"], json, directory);
    expect(JSON.parse(json.out())).toMatchObject({
      header: { id },
      records: { length: richRecords(id, "/repo").length },
    });
  });

  test("rm: all that are named or none", async () => {
    const { directory, id, path } = data();
    await expect(sessions(["rm", id, "20200101-"], recorder(), directory)).rejects.toThrow(
      /there is no session 20200101-/,
    );
    expect(existsSync(path)).toBe(true);
    await expect(sessions(["rm"], recorder(), directory)).rejects.toThrow(/needs the id/);
    const json = recorder(true);
    expect(await sessions(["rm", id, id.slice(0, 14)], json, directory)).toBe(0);
    expect(JSON.parse(json.out())).toEqual({ removed: [id] });
    expect(existsSync(path)).toBe(false);
  });

  test("wrong use is said with what is allowed", async () => {
    const { directory } = data();
    for (const [args, message] of [
      [["shwo"], "no action shwo"],
      [["list", "x"], "takes no argument"],
      [["show", "a", "b"], "one session"],
      [["show", "--all"], "does not take --all"],
      [["show", "zzz"], "there is no session zzz"],
    ] as const) {
      await expect(sessions(args, recorder(), directory)).rejects.toThrow(
        expect.objectContaining({ code: "usage", message: expect.stringContaining(message) as string }),
      );
    }
    await expect(sessions(["show"], recorder(false, "/empty"), directory)).rejects.toThrow(
      /there is no session of \/empty/,
    );
  });
});

describe("stats", () => {
  test("by model, by stage; a copied session is not counted twice", async () => {
    const { directory, path } = data();
    forkSession(path, { dataDirectory: directory, now: steppingClock(), redact: unchanged }).log.close();
    const text = recorder();
    expect(await stats([], text, directory)).toBe(0);
    expect(text.out()).toBe(
      [
        "model           calls  input  cache read  cache write  output     cost  baseline    saved",
        "house/executor      2    200         600           80      40  unknown   unknown  unknown",
        "house/planner       1    100         300           40      20  $0.0021   $0.0100   79.0 %",
        "total               3    300         900          120      60  unknown   unknown  unknown",
        "",
      ].join("\n"),
    );
    const json = recorder(true);
    await stats(["--by", "stage"], json, directory);
    expect(JSON.parse(json.out())).toMatchObject({
      by: "stage",
      rows: [
        { key: "execute", calls: 2, cost_usd: null },
        { key: "plan", calls: 1, cost_usd: 0.0021 },
      ],
      totals: { calls: 3 },
    });
  });

  test("nothing yet, and wrong use", async () => {
    const empty = recorder();
    expect(await stats(["--by=day"], empty, temporaryDirectory())).toBe(0);
    expect([empty.out(), empty.err()]).toEqual(["", "bmo: no model was called yet\n"]);
    for (const args of [["--by"], ["--by", "stages"], ["model"], ["--all"]])
      await expect(stats(args, recorder(), temporaryDirectory())).rejects.toThrow(
        expect.objectContaining({ code: "usage" }),
      );
    await expect(stats(["--by", "stages"], recorder(), temporaryDirectory())).rejects.toThrow(
      expect.objectContaining({ hint: "Did you mean stage?" }),
    );
  });
});
