// Bad input on the command line and around the process: prompts, sessions, commands, homes, terminals.

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectFailure, planInput, resultOf, scene, submit, ticket, userToml } from "./scenario.ts";
import { cleanEnvironment, createPlace } from "./harness.ts";

const PLAN = planInput([ticket("t1", { "a.txt": "modify" })]);

describe("prompts", () => {
  test.each([
    ["no words and a closed pipe", ["-p"], ""],
    ["only blanks", ["-p", "   "], " \n\t\n"],
    ["an empty argument", [""], null],
  ])("empty prompt (%s): exit 2", async (_name, words, stdin) => {
    const { place, server } = await scene({});
    const before = place.digest();
    expectFailure(await place.run(words, { stdin }), 2, /prompt is empty/);
    expect(server.requests).toEqual([]);
    expect(place.digest()).toBe(before);
  });

  test.each([
    ["bytes that are no UTF-8", Buffer.from([0x68, 0xff, 0xfe, 0x00, 0x81])],
    ["NUL in text", Buffer.from("abc\0def\n")],
    ["an ELF head", Buffer.concat([Buffer.from("\x7fELF\x02\x01\x01", "latin1"), randomBytes(4096)])],
  ])("piped binary (%s): exit 2", async (_name, bytes) => {
    const { place, server } = await scene({});
    expectFailure(await place.run(["-p", "what is this"], { stdin: bytes }), 2, /binary/);
    expect(server.requests).toEqual([]);
  });

  test("a prompt of 1 MB reaches the model whole: only its provider knows how many tokens that is", async () => {
    const text = `${"lorem ipsum dolor ".repeat(58_255)}\nEND-OF-PROMPT`;
    expect(text.length).toBeGreaterThan(1_048_576);
    const { place, server } = await scene({ replies: () => ({ text: "read it" }) }, { facts: "" });
    expect(await place.run(["-p"], { stdin: text })).toMatchObject({ code: 0, stdout: "read it\n" });
    expect(server.requests[0]?.userTexts.join("\n")).toContain(text);
    expect(existsSync(join(place.workspace, ".bmo"))).toBe(false);
  });

  test("a prompt of 1 MB as JSON, in a window that holds it", async () => {
    const { place, server } = await scene({ replies: () => ({ text: "read it" }) }, { facts: "" });
    place.configure(userToml(server.url, { facts: "" }).replace("context_window = 200000", "context_window = 1000000"));
    const text = "x".repeat(1_048_576);
    const result = resultOf(await place.run(["--json"], { stdin: text }));
    expect(result).toMatchObject({ status: "done", exit_code: 0, result: "read it", plan: null });
    expect(server.requests[0]?.raw).toContain(text);
  });

  test("text that looks like escape sequences reaches the terminal as text only", async () => {
    const { place } = await scene({ replies: () => ({ text: "\u001b]0;owned\u0007plain\u001b[31m red\u009b2J" }) });
    const finished = await place.run(["-p", "hi"]);
    expect(finished.code).toBe(0);
    expect(`${finished.stdout}${finished.stderr}`).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    expect(finished.stdout).toContain("plain");
  });
});

describe("options", () => {
  test.each([
    [["--max-turns", "0"], /--max-turns.*0[\s\S]*above 0/],
    [["--max-turns", "1.5"], /whole number/],
    [["--timeout", "-3"], /--timeout/],
    [["--timeout", "soon"], /--timeout.*soon/],
    [["--max-budget-usd", "0"], /--max-budget-usd/],
    [["--output-format", "xml"], /xml[\s\S]*json/],
    [["--permission-mode", "yolo"], /yolo[\s\S]*acceptEdits/],
    [["--fork-session"], /-c or -r/],
    [["-c", "-r", "20200101-000000000-abc123"], /exclude/],
    [["--frobnicate"], /--frobnicate/],
    [["-C", "no/such/folder"], /no\/such\/folder/],
    [["--add-dir", "no/such/folder"], /no\/such\/folder/],
    [["--config", "no-such-file.toml"], /no-such-file\.toml/],
    [["-r"], /-r needs the id/],
  ])("%j: exit 2 says what is allowed", async (flags, cause) => {
    const { place, server } = await scene({});
    expectFailure(await place.run(["-p", "hello", ...flags], {}), 2, cause);
    expect(server.requests).toEqual([]);
  });
});

describe("sessions", () => {
  test("-r with an unknown id: exit 2 names it", async () => {
    const { place, server } = await scene({});
    expectFailure(await place.run(["-p", "-r", "20200101-000000000-abc123", "hello"]), 2, /20200101-000000000-abc123/);
    expect(server.requests).toEqual([]);
  });

  test("-c with none: exit 2, also where only commands were given before", async () => {
    const { place } = await scene({});
    expectFailure(await place.run(["-c", "-p", "hello"]), 2, /no session to continue/);
    expect((await place.run(["-p", "/status"])).code).toBe(0);
    expectFailure(await place.run(["-c", "-p", "hello"]), 2, /no session to continue/);
  });

  test("a torn last line of the session file is skipped with a notice", async () => {
    const { place, server } = await scene({ replies: () => ({ text: "ok" }) });
    const first = resultOf(await place.run(["--json", "first words"]));
    const file = sessionFile(place.home, first.session_id ?? "");
    writeFileSync(file, '{"type":"message","conv', { flag: "a" });
    const finished = await place.run(["-c", "-p", "second words"]);
    expect(finished).toMatchObject({ code: 0, stdout: "ok\n" });
    expect(finished.stderr).toMatch(/last record of the session was cut off/);
    expect(server.requests.at(-1)?.userTexts.join("\n")).toContain("first words");
  });
});

function sessionFile(home: string, id: string): string {
  const found = readdirSync(home, { recursive: true, encoding: "utf8" }).find(
    (name) => name.includes(id) && name.endsWith(".jsonl"),
  );
  return join(home, found ?? "missing");
}

describe("commands", () => {
  test("an unknown slash command: exit 2 names the nearest and /help", async () => {
    const { place, server } = await scene({});
    expectFailure(await place.run(["-p", "/aprove"]), 2, /\/aprove[\s\S]*\/approve[\s\S]*\/help/);
    expect(server.requests).toEqual([]);
  });

  test("/approve with no plan: exit 2, nothing happens", async () => {
    const { place, server } = await scene({ replies: () => ({ text: "an answer" }) });
    const before = place.digest();
    expectFailure(await place.run(["-p", "/approve"]), 2, /no plan/);
    expect((await place.run(["-p", "a question"])).code).toBe(0);
    expectFailure(await place.run(["-c", "-p", "/approve"]), 2, /no plan/);
    expect(server.requests).toHaveLength(1);
    expect(place.digest()).toBe(before);
  });

  test("/approve after /reject: exit 2", async () => {
    const { place } = await scene({ replies: () => submit(PLAN) });
    place.file("a.txt", "a\n");
    expect((await place.run(["-p", "plan it"])).code).toBe(3);
    expect((await place.run(["-c", "-p", "/reject"])).code).toBe(0);
    expectFailure(await place.run(["-c", "-p", "/approve"]), 2, /no plan|rejected/);
  });
});

describe("surroundings", () => {
  test("no HOME at all: the run works with BMO_HOME, and without it finds a place or says where it looked", async () => {
    const { place } = await scene({ replies: () => ({ text: "fine" }) });
    expect(await place.run(["-p", "hello"], { environment: { HOME: undefined } })).toMatchObject({
      code: 0,
      stdout: "fine\n",
    });
    expect(await place.run(["-p", "hello"], { environment: { HOME: "" } })).toMatchObject({
      code: 0,
      stdout: "fine\n",
    });
  });

  test.each([
    ["a file stands in the way", (root: string) => join(root, "file", "data")],
    ["a place where nobody may write", () => "/sys/bmo-data"],
  ])("unwritable data directory (%s): exit 2 before any call", async (_name, at) => {
    const { place, server } = await scene({ replies: () => ({ text: "fine" }) });
    writeFileSync(join(place.home, "file"), "");
    const state = at(place.home);
    mkdirSync(join(place.home, "config", "bmo"), { recursive: true });
    writeFileSync(join(place.home, "config", "bmo", "bmo.toml"), userToml(server.url));
    const environment = { BMO_HOME: undefined, XDG_CONFIG_HOME: join(place.home, "config"), XDG_STATE_HOME: state };
    const finished = await place.run(["-p", "hello"], { environment });
    expectFailure(finished, 2, /data|write|director/i);
    expect(finished.stderr).toContain(state);
    expect(server.requests).toEqual([]);
    place.file(".bmorc.toml", '[options.containment]\nmode = "enforce"\n');
    const result = resultOf(await place.run(["--json", "hello"], { environment }));
    expect(result).toMatchObject({
      exit_code: 2,
      session_id: null,
      error: { code: expect.stringMatching(/configuration|usage/) as unknown },
    });
  });

  test("not a git repository: plans and executes all the same", async () => {
    const { place } = await scene({ replies: () => ({ text: "no repository needed" }) });
    expect(await place.run(["-p", "hello"])).toMatchObject({ code: 0, stdout: "no repository needed\n" });
  });

  test.each([
    ["TERM=dumb", { TERM: "dumb" }],
    ["no TERM", { TERM: undefined }],
    ["NO_COLOR", { NO_COLOR: "1" }],
    ["FORCE_COLOR", { FORCE_COLOR: "3" }],
    ["20 columns", { COLUMNS: "20", LINES: "5" }],
    ["the C locale", { LANG: "C", LC_ALL: "C" }],
  ])("%s: the same bytes on stdout", async (_name, environment) => {
    const { place } = await scene({
      replies: () => ({ text: "größer — ünïcode ✓ and a line that is longer than twenty columns" }),
    });
    const finished = await place.run(["hello"], { environment });
    expect(finished).toMatchObject({
      code: 0,
      stdout: "größer — ünïcode ✓ and a line that is longer than twenty columns\n",
    });
    expect(finished.stderr).not.toContain("\u001b");
  });

  test("the environment of these tests holds nothing of the machine's", () => {
    expect(Object.keys(cleanEnvironment()).sort()).toEqual(["LANG", "PATH", "TERM"]);
    expect(createPlace().digest()).toMatch(/^[0-9a-f]{64}$/);
  });
});
