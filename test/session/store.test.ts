// Session files as bytes on disk, and as several processes meet over them.

import { execFileSync, fork, spawnSync, type ChildProcess } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { createSession, forkSession, openSession, removeSession } from "../../src/session/store.ts";
import { readSession } from "../../src/session/reader.ts";
import { replay } from "../../src/session/replay.ts";
import { messagesIn } from "../../src/session/state.ts";
import { readHolder } from "../../src/session/holder.ts";
import { holderPath } from "../../src/session/location.ts";
import { encodeLine } from "../../src/util/jsonl.ts";
import { BmoError } from "../../src/util/errors.ts";
import { createRedactor } from "../../src/util/redact.ts";
import { assistant, richRecords, steppingClock, temporaryDirectory, unchanged, user } from "./samples.ts";
import { need, needOrdinaryUser } from "../support/need.ts";

const options = (): { now: () => Date; redact: (text: string) => string } => ({
  now: steppingClock(),
  redact: unchanged,
});
const writer = fileURLToPath(new URL("./writer.ts", import.meta.url));

function errorOf(act: () => unknown): BmoError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof BmoError) return thrown;
    throw thrown;
  }
  return expect.fail("nothing was thrown");
}

/** A process that holds a session and appends; resolves once it has said it is ready. */
async function startWriter(...parameters: string[]): Promise<ChildProcess & { ready: string }> {
  const child = fork(writer, parameters, { execArgv: ["--import", "tsx"], stdio: "inherit" });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const ready = await new Promise<string>((resolve, reject) => {
    child.once("message", (message) => resolve(String(message)));
    child.once("exit", () => reject(new Error("the writer ended early")));
  });
  return Object.assign(child, { ready });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
}

describe("appending", () => {
  test("a session without a record leaves no file; the first record brings file, header and modes", () => {
    const directory = join(temporaryDirectory(), "data");
    const log = createSession({ dataDirectory: directory, workspace: "/repo/a b", ...options() });
    expect(existsSync(log.path)).toBe(false);
    log.append({ type: "command", text: "/status" });
    log.append({ type: "turn_start", turn: 1, stage: "plan", ticket: null, text: "hello" });
    const lines = readFileSync(log.path, "utf8").split("\n");
    expect(lines).toHaveLength(4);
    expect(lines.slice(0, 3).map((line) => JSON.parse(line))).toMatchObject([
      { seq: 0, type: "session", version: 1, id: log.id, workspace: "/repo/a b", forked_from: null },
      { seq: 1, type: "command", text: "/status" },
      { seq: 2, type: "turn_start", text: "hello" },
    ]);
    expect(lines[1]).toMatch(/,"sum":"[0-9a-f]{16}"\}$/);
    expect(statSync(log.path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(log.path)).mode & 0o777).toBe(0o700);
    expect(readHolder(holderPath(log.path))).toBe(process.pid);
    log.close();
    expect(existsSync(holderPath(log.path))).toBe(false);
  });

  test("ids sort by the time of the session", () => {
    const now = steppingClock();
    const ids = Array.from(
      { length: 5 },
      () => createSession({ dataDirectory: temporaryDirectory(), workspace: "/w", now, redact: unchanged }).id,
    );
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(5);
  });

  test("keys in use are in no byte of the file, and what is structure stays", () => {
    const secret = 'sk-"odd\\key"/1234567890';
    const redactor = createRedactor();
    redactor.add(secret);
    redactor.add("assistant");
    const log = createSession({
      dataDirectory: temporaryDirectory(),
      workspace: "/repo",
      now: steppingClock(),
      redact: (text) => redactor.redact(text),
    });
    log.append({ type: "message", conversation: 1, turn: 1, message: user(`my key is ${secret}!`) });
    log.append({
      type: "message",
      conversation: 1,
      turn: 1,
      message: {
        role: "assistant",
        model: "assistant/x",
        content: [
          {
            type: "tool_call",
            id: "a",
            name: "bash",
            input: { command: `echo ${secret}`, [secret]: { model: secret, role: [secret] } },
          },
        ],
      },
    });
    log.append({ type: "shell", command: "env", output: `KEY=${secret}`, exit_code: 0 });
    log.append({
      type: "turn_end",
      turn: 1,
      reason: "error",
      error: { code: "credentials", message: `refused ${secret}`, hint: secret },
    });
    log.close();
    const text = readFileSync(log.path, "utf8");
    for (const spelling of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
      expect(text).not.toContain(spelling);
    expect(text.match(/\[redacted\]/g)?.length).toBe(8);
    const { records, notices } = readSession(log.path);
    expect(notices).toEqual([]);
    expect(records[1]).toMatchObject({ message: { role: "assistant", model: "assistant/x" } });
  });

  test("a data directory that is a file or below one is a usage error that names it", () => {
    const file = join(temporaryDirectory(), "file");
    writeFileSync(file, "");
    const error = errorOf(() => createSession({ dataDirectory: join(file, "data"), workspace: "/repo", ...options() }));
    expect(error.info()).toMatchObject({ code: "usage", hint: "Set BMO_HOME to a folder that you may write to." });
    expect(error.message).toContain(file);
  });

  const ordinaryUser = needOrdinaryUser("root may write anywhere");
  test.skipIf(ordinaryUser.missing)(ordinaryUser.title("a data directory without permission is a usage error"), () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o500);
    expect(
      errorOf(() => createSession({ dataDirectory: join(directory, "x"), workspace: "/repo", ...options() })).code,
    ).toBe("usage");
  });

  const tmpfs = mkdtempSync(join(tmpdir(), "bmo-full-"));
  const mounted =
    process.platform === "linux" &&
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", tmpfs], { stdio: "ignore" }).status === 0;
  const fullDisk = need(mounted, "a small file system cannot be mounted here");
  test.skipIf(fullDisk.missing)(
    fullDisk.title("a full disk: an error, nothing half-written, and the next append goes on"),
    () => {
      onTestFinished(() => {
        execFileSync("umount", [tmpfs]);
        rmSync(tmpfs, { recursive: true, force: true });
      });
      const log = createSession({ dataDirectory: tmpfs, workspace: "/repo", ...options() });
      log.append({ type: "notice", level: "info", text: "before" });
      const sizeBefore = statSync(log.path).size;
      const error = errorOf(() => log.append({ type: "notice", level: "info", text: "x".repeat(200_000) }));
      expect(error.code).toBe("failed");
      expect(error.message).toContain("no space left");
      expect(statSync(log.path).size).toBe(sizeBefore);
      log.append({ type: "notice", level: "info", text: "after" });
      log.close();
      const content = readSession(log.path);
      expect(content.notices).toEqual([]);
      expect(
        content.records.map((record) => (record.type === "notice" ? `${record.seq} ${record.text}` : record.type)),
      ).toEqual(["1 before", "2 after"]);
    },
  );
  if (!mounted) rmSync(tmpfs, { recursive: true, force: true });
});

describe("reading what is not as it was written", () => {
  function written(): { path: string; lines: string[] } {
    const log = createSession({ dataDirectory: temporaryDirectory(), workspace: "/repo", ...options() });
    for (const text of ["one", "two", "three"]) log.append({ type: "notice", level: "info", text });
    log.close();
    return { path: log.path, lines: readFileSync(log.path, "utf8").split("\n").slice(0, -1) };
  }
  const texts = (path: string): string[] =>
    readSession(path).records.flatMap((record) => (record.type === "notice" ? [record.text] : []));

  test("a damaged record in the middle is skipped with a notice and stays in the file", () => {
    const { path, lines } = written();
    const damaged = [...lines.slice(0, 2), (lines[2] ?? "").replace("two", "TWO"), lines[3]].join("\n") + "\n";
    writeFileSync(path, damaged);
    expect(texts(path)).toEqual(["one", "three"]);
    expect(readSession(path).notices).toEqual(["line 3 of the session file is damaged and was skipped"]);
    openSession(path, options()).log.close();
    expect(readFileSync(path, "utf8")).toBe(damaged);
  });

  test("a removed record is noticed by its number", () => {
    const { path, lines } = written();
    writeFileSync(path, `${[lines[0], lines[1], lines[3]].join("\n")}\n`);
    expect(readSession(path).notices).toEqual(["1 record is missing before line 3 of the session file"]);
  });

  test("unknown types and wrong forms are skipped with notices", () => {
    const { path } = written();
    appendFileSync(
      path,
      encodeLine({ seq: 4, at: "2026-11-21T09:00:00.000Z", type: "hologram", x: 1 }) +
        encodeLine({
          seq: 5,
          at: "2026-11-21T09:00:00.000Z",
          type: "message",
          conversation: 1,
          turn: 1,
          message: { role: "user", content: "text" },
        }),
    );
    expect(texts(path)).toEqual(["one", "two", "three"]);
    expect(readSession(path).notices).toEqual([
      "line 6 of the session file does not have the form of a record and was skipped",
      "records of unknown types were skipped: hologram; a newer bmo may have written them",
    ]);
  });

  test("another version, a foreign file, an empty file, binary, a folder: refused by name, unchanged", () => {
    const { path } = written();
    const refused: [content: string | Buffer, phrase: string][] = [
      [
        encodeLine({
          seq: 0,
          at: "x",
          type: "session",
          version: 2,
          id: "x",
          workspace: "/",
          created_at: "",
          forked_from: null,
        }),
        "session version 2",
      ],
      ['{"type":"session","version":7}\n', "session version 7"],
      ['{"role":"user"}\n', "not a session file"],
      ["", "is empty"],
      [Buffer.from([0, 255, 254, 10, 10, 3]), "not a session file"],
    ];
    for (const [content, phrase] of refused) {
      writeFileSync(path, content);
      for (const act of [() => readSession(path), () => openSession(path, options())]) {
        const error = errorOf(act);
        expect(error.code).toBe("usage");
        expect(error.message).toContain(phrase);
      }
      expect(readFileSync(path)).toEqual(Buffer.from(content));
      expect(existsSync(holderPath(path))).toBe(false);
    }
    expect(errorOf(() => readSession(dirname(path))).code).toBe("usage");
    expect(errorOf(() => readSession(`${path}.gone`)).message).toContain("ENOENT");
  });
});

describe("several processes", () => {
  test("a session held by a live process is refused and named; a copy is possible", async () => {
    const directory = temporaryDirectory();
    const child = await startWriter(directory, "hold");
    const error = errorOf(() => openSession(child.ready, options()));
    expect(error.code).toBe("usage");
    expect(error.message).toContain(`process ${String(child.pid)}`);
    expect(error.hint).toContain("--fork-session");
    expect(errorOf(() => removeSession(child.ready)).message).toContain("in use");
    const copy = forkSession(child.ready, { dataDirectory: directory, ...options() });
    expect(copy.records.map((record) => record.type)).toEqual(["notice"]);
    copy.log.close();

    child.kill("SIGKILL");
    await ended(child);
    const opened = openSession(child.ready, options());
    expect(opened.notices).toEqual([]);
    expect(readHolder(holderPath(child.ready))).toBe(process.pid);
    opened.log.close();
  });

  test("killed at any moment while appending: nothing whole is lost", async () => {
    const directory = temporaryDirectory();
    for (let round = 0; round < 4; round++) {
      const child = await startWriter(directory, "flood");
      let confirmed = 0;
      await new Promise<void>((resolve) => {
        child.on("message", (message) => {
          confirmed = Number(message);
          if (confirmed >= 20 * (round + 1)) resolve();
        });
      });
      child.kill("SIGKILL");
      await ended(child);
      const opened = openSession(child.ready, options());
      expect(opened.records.length).toBeGreaterThanOrEqual(confirmed);
      expect(opened.records.map((record) => record.seq)).toEqual(opened.records.map((_, index) => index + 1));
      expect(opened.notices.filter((notice) => !notice.includes("was cut off"))).toEqual([]);
      opened.log.close();
    }
  });

  test("a lock of a process that is gone, of another with its number, or with rubbish in it keeps nobody out", () => {
    const log = createSession({ dataDirectory: temporaryDirectory(), workspace: "/repo", ...options() });
    log.append({ type: "notice", level: "info", text: "x" });
    log.close();
    const dead = spawnSync(process.execPath, ["-e", "0"]).pid;
    for (const content of [`${dead} 1@x\n`, `${process.ppid} 1@other-boot\n`, "rubbish", "", `${"9".repeat(40)}\n`]) {
      if (content.startsWith(String(process.ppid)) && process.platform !== "linux") continue;
      writeFileSync(holderPath(log.path), content);
      const opened = openSession(log.path, options());
      expect(readHolder(holderPath(log.path))).toBe(process.pid);
      expect(errorOf(() => openSession(log.path, options())).message).toContain(`process ${process.pid}`);
      opened.log.close();
    }
    expect(readdirSync(dirname(log.path))).toEqual([`${log.id}.jsonl`]);
  });
});

describe("copies", () => {
  test("a copy keeps the history and awaits its own approval; the original stays approved", () => {
    const directory = temporaryDirectory();
    const log = createSession({ dataDirectory: directory, workspace: "/repo", ...options() });
    for (const record of richRecords(log.id, "/repo")) log.append(record);
    log.close();
    const before = readFileSync(log.path);
    const copy = forkSession(log.path, { dataDirectory: directory, ...options() });
    expect(copy.header).toMatchObject({ workspace: "/repo", forked_from: log.id });
    expect(copy.log.id).not.toBe(log.id);
    const replayed = replay(copy.header, copy.records);
    expect(replayed.state.workflow).toMatchObject({
      stage: "plan",
      approval: null,
      plan: { state: "awaiting_approval", tickets: { t1: "done" } },
    });
    expect(replayed.state.grants).toEqual([]);
    expect(messagesIn(replayed.state, 1)).toHaveLength(4);
    copy.log.append({ type: "message", conversation: 1, turn: 4, message: assistant("on") });
    copy.log.close();
    expect(readSession(copy.log.path).notices).toEqual([]);
    expect(readFileSync(log.path)).toEqual(before);
    const original = readSession(log.path);
    expect(replay(original.header, original.records).state.workflow.plan?.state).toBe("executing");
  });

  test("a copy made with cp has no approval either", () => {
    const directory = temporaryDirectory();
    const log = createSession({ dataDirectory: directory, workspace: "/repo", ...options() });
    for (const record of richRecords("20260101-000000000-000000", "/repo")) log.append(record);
    log.close();
    const { header, records } = readSession(log.path);
    const replayed = replay(header, records);
    expect(replayed.state.workflow).toMatchObject({
      stage: "plan",
      approval: null,
      plan: { state: "awaiting_approval" },
    });
    expect(replayed.notices.join("\n")).toContain("was not given in this session");
  });

  test("removing takes everything that lies under the id", () => {
    const log = createSession({ dataDirectory: temporaryDirectory(), workspace: "/repo", ...options() });
    log.append({ type: "notice", level: "info", text: "x" });
    log.close();
    const directory = dirname(log.path);
    writeFileSync(join(directory, `${log.id}.log`), "line");
    mkdirSync(join(directory, log.id, "pre-images"), { recursive: true });
    writeFileSync(join(directory, "other.txt"), "");
    removeSession(log.path);
    expect(readdirSync(directory)).toEqual(["other.txt"]);
  });
});
