import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runProcess, runToBytes, runToString, type RunRequest } from "../../src/util/process.ts";
import { shellArguments } from "../../src/util/shell-report.ts";
import { needBubblewrap, needProc, programPath } from "../support/need.ts";

const directory = mkdtempSync(join(tmpdir(), "bmo-process-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8" };
const proc = needProc();

function request(command: string, more: Partial<RunRequest> = {}): RunRequest {
  return {
    argv: shellArguments(command),
    cwd: directory,
    environment,
    timeoutSeconds: 30,
    signal: new AbortController().signal,
    ...more,
  };
}
const shell = (command: string, more: Partial<RunRequest> = {}) => runProcess(request(command, more));

/** Living processes whose command line holds the token; zombies have none. */
function alive(token: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "latin1").includes(token);
      } catch {
        return false;
      }
    });
}

describe("runProcess", () => {
  test("gives output of both streams in true order, and the exit code", async () => {
    const result = await shell("echo one; echo two >&2; echo three; exit 7");
    expect(result).toEqual({
      exitCode: 7,
      signalName: null,
      timedOut: false,
      aborted: false,
      began: true,
      output: "one\ntwo\nthree\n",
      totalBytes: 14,
      truncated: false,
      notes: [],
    });
  });

  test.each([
    ["false; echo on", ["part failed with exit code 1: false"]],
    ["false | cat; echo on", ["pipeline ending in `cat`: exit codes of its parts 1 | 0"]],
    ["ls /nowhere-at-all | wc -l", ["pipeline ending in `wc -l`: exit codes of its parts 2 | 0"]],
    ["if false; then :; fi; test -d /nowhere || echo none", []],
    ["yes | head -1", []],
    ["echo a; false", []],
    ["set -u; false; echo on", ["part failed with exit code 1: false"]],
    ["true && echo fine; echo done", []],
  ])("tells a failed part of `%s`", async (command, notes) => {
    expect((await shell(command)).notes).toEqual(notes);
  });

  test("the report leaves exit code, $?, PIPESTATUS and strict modes as they are", async () => {
    expect((await shell("false | true; echo $?; set -eu; false; echo never")).exitCode).toBe(1);
    expect((await shell("true; echo $?; (exit 5); echo $?")).output).toBe("0\n5\n");
    expect((await shell("exec 19>&-; false; echo fine")).output).toBe("fine\n");
    expect((await shell("set -x; : quiet")).output).toBe("+ : quiet\n");
  });

  test("stdin is closed and there is no terminal", async () => {
    const result = await shell("cat; read line || echo no input; (exec </dev/tty) 2>/dev/null || echo no terminal");
    expect(result.output).toBe("no input\nno terminal\n");
  });

  test("nothing of the parent's environment is inherited", async () => {
    const result = await shell("env | cut -d= -f1 | sort | tr '\\n' ' '");
    expect(
      result.output
        .split(" ")
        .filter((name) => !["BMO_RUN_ID", "LANG", "PATH", "PWD", "SHLVL", "_", ""].includes(name)),
    ).toEqual([]);
  });

  test.each([
    [["/nowhere/program"], directory, 127, "program not found: /nowhere/program"],
    [[join(directory, "plain.txt")], directory, 126, `${join(directory, "plain.txt")} cannot be started (EACCES)`],
    [["/bin/true"], join(directory, "missing"), 126, `working directory is missing: ${join(directory, "missing")}`],
    [["/bin/echo", "a\0b"], directory, 126, "the command line holds a NUL character"],
    [["/bin/echo", "x".repeat(4_000_000)], directory, 126, "the command line is longer than the system allows"],
  ])("a program that cannot be started is a plain result (%#)", async (argv, cwd, exitCode, output) => {
    writeFileSync(join(directory, "plain.txt"), "text");
    const result = await runProcess({ ...request(""), argv, cwd });
    expect([result.exitCode, result.output]).toEqual([exitCode, output]);
  });

  test("a signal is named", async () => {
    expect(await shell("kill -SEGV $$")).toMatchObject({ exitCode: null, signalName: "SIGSEGV" });
  });

  test("100 MB of output stay bounded: head, tail and the count", async () => {
    const before = process.memoryUsage().rss;
    const result = await shell("echo first; head -c 100000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo; echo last", {
      outputCap: 10_000,
    });
    expect(result.totalBytes).toBeGreaterThan(100_000_000);
    expect(result.truncated).toBe(true);
    expect(result.output.length).toBeLessThan(10_200);
    expect(result.output.startsWith("first\nxxx")).toBe(true);
    expect(result.output).toMatch(/\[… \d+ characters left out …\]/);
    expect(result.output.endsWith("x\nlast\n")).toBe(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
  });

  test("binary output becomes size and digest, invalid UTF-8 replacement characters", async () => {
    expect((await shell("printf '\\000\\001abc'")).output).toBe(
      `[binary output: 5 bytes, sha256 ${createHash("sha256").update("\0\x01abc").digest("hex")}]`,
    );
    expect((await shell("printf 'a\\377b\\n'")).output).toBe("a\ufffdb\n");
  });

  test("characters cut at chunk borders, escapes and overwritten lines come out clean", async () => {
    const result = await shell(
      "printf '\\xe2'; sleep 0.05; printf '\\x82\\xac\\n'; printf '\\033[3'; sleep 0.05; printf '1mred\\033[0m\\n10%%\\r20%%\\r100%%\\n\\033]0;title\\007end\\n'",
    );
    expect(result.output).toBe("€\nred\n100%\nend\n");
  });

  test("live output is the same clean text", async () => {
    const pieces: string[] = [];
    await shell("printf 'a\\033[31mb\\n'; echo c", { onOutput: (text) => pieces.push(text) });
    expect(pieces.join("")).toBe("ab\nc\n");
  });

  test("a time limit ends the command and keeps its output", async () => {
    const result = await shell("echo begun; sleep 60", { timeoutSeconds: 0.2 });
    expect(result).toMatchObject({
      timedOut: true,
      aborted: false,
      output: "begun\n",
      exitCode: null,
      signalName: "SIGTERM",
    });
  });

  test("an abort before the start runs nothing", async () => {
    const result = await shell("touch never", { signal: AbortSignal.abort() });
    expect(result.aborted).toBe(true);
    expect(existsSync(join(directory, "never"))).toBe(false);
  });

  test("a child that holds the pipes does not hold the answer; it is ended and reported", async () => {
    const result = await shell("sleep 987.1 & echo done");
    expect(result.output).toBe("done\n");
    expect(result.notes).toEqual(["1 background process ended together with the command"]);
    expect(alive("987.1")).toEqual([]);
  });

  test("what is about to end by itself may do so: process substitution writes its file", async () => {
    expect((await shell("echo kept > >(sleep 0.03; cat > substituted.txt)")).notes).toEqual([]);
    expect(readFileSync(join(directory, "substituted.txt"), "utf8")).toBe("kept\n");
  });

  test.skipIf(proc.missing)(proc.title("a daemon in a session of its own does not outlive the command"), async () => {
    const result = await shell("setsid sleep 987.2 >/dev/null 2>&1 </dev/null & sleep 0.2; echo done");
    expect(result.output).toBe("done\n");
    expect(alive("987.2")).toEqual([]);
  });

  test.skipIf(proc.missing)(
    proc.title("after cancellation no member survives: TERM ignored, grandchildren, own sessions, double forks"),
    async () => {
      const controller = new AbortController();
      const script = [
        "trap '' TERM",
        "(trap '' TERM; sleep 987.3; sleep 987.3) &",
        "setsid bash -c \"trap '' TERM; sleep 987.3; sleep 987.3\" &",
        "(setsid bash -c 'sleep 987.3 & disown' &)",
        "sleep 0.3; echo ready; sleep 987.3; sleep 987.3",
      ].join("\n");
      const result = await shell(script, {
        signal: controller.signal,
        graceSeconds: 0.2,
        onOutput: (text) => {
          if (text.includes("ready")) controller.abort();
        },
      });
      expect(result).toMatchObject({ aborted: true, timedOut: false, output: "ready\n" });
      expect(alive("987.3")).toEqual([]);
    },
  );

  test.skipIf(proc.missing)(proc.title("twenty awkward commands at their limit leave nothing"), async () => {
    const awkward = [
      "sleep 987.4",
      "trap '' TERM; while :; do sleep 987.4; done",
      "setsid -f sleep 987.4; sleep 987.4",
      "nohup sleep 987.4 & wait",
      "while :; do sleep 987.4 & sleep 0.01; done",
    ];
    for (let round = 0; round < 4; round++) {
      const results = await Promise.all(
        awkward.map((command) => shell(command, { timeoutSeconds: 0.3, graceSeconds: 0.1 })),
      );
      expect(results.map((result) => result.timedOut)).toEqual(awkward.map(() => true));
    }
    expect(alive("987.4")).toEqual([]);
  });
});

const bubblewrap = programPath("bwrap") ?? "";
const sandbox = needBubblewrap();

describe("inside a sandbox", () => {
  const sandboxed = (command: string, more: Partial<RunRequest> = {}) =>
    runProcess({
      ...request(command, more),
      argv: [
        bubblewrap,
        "--ro-bind",
        "/",
        "/",
        "--unshare-pid",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--die-with-parent",
        ...shellArguments(command),
      ],
    });

  test.skipIf(sandbox.missing)(sandbox.title("the report of failed parts comes through"), async () => {
    expect(await sandboxed("false | cat; echo on")).toMatchObject({
      exitCode: 0,
      output: "on\n",
      notes: ["pipeline ending in `cat`: exit codes of its parts 1 | 0"],
    });
  });

  test.skipIf(sandbox.missing)(sandbox.title("a limit ends everything in it"), async () => {
    const command = "trap '' TERM; (env -i setsid sleep 987.6 &); while :; do sleep 987.6; done";
    expect((await sandboxed(command, { timeoutSeconds: 0.3, graceSeconds: 0.1 })).timedOut).toBe(true);
    expect(alive("987.6")).toEqual([]);
  });
});

describe("runToBytes and runToString", () => {
  test("keep streams apart, take input, give bytes", async () => {
    const result = await runToBytes({
      argv: ["/bin/sh", "-c", "cat; printf '\\377\\000'; echo oops >&2; exit 3"],
      cwd: directory,
      environment,
      input: "in",
    });
    expect(result.stdout).toEqual(Buffer.from([0x69, 0x6e, 0xff, 0x00]));
    expect(result).toMatchObject({
      exitCode: 3,
      stderr: "oops\n",
      started: true,
      truncated: false,
      timedOut: false,
      aborted: false,
    });
  });

  test("stop at the cap, at the limit, and where there is no program", async () => {
    const capped = await runToString({ argv: ["/usr/bin/yes"], cwd: directory, environment, capBytes: 1_000 });
    expect([capped.truncated, capped.stdout.length]).toEqual([true, 1_000]);
    expect(
      await runToString({ argv: ["/bin/sleep", "60"], cwd: directory, environment, timeoutSeconds: 0.1 }),
    ).toMatchObject({ timedOut: true, stdout: "" });
    expect(await runToString({ argv: ["/nowhere/rg"], cwd: directory, environment })).toMatchObject({
      started: false,
      exitCode: 127,
      stderr: "program not found: /nowhere/rg",
    });
  });
});
