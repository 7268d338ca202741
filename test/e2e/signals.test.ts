// Signals at every stage of a run: the documented code, the session saved and accepted afterwards, no process left
// over.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  expectResumable,
  isPlanning,
  openServer,
  planInput,
  planThen,
  resultOf,
  scene,
  submit,
  ticket,
  userToml,
  type Scene,
} from "./scenario.ts";
import { createPlace, type Finished } from "./harness.ts";

const SIGNALS: [NodeJS.Signals, number][] = [
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGTERM", 143],
];

/** Processes whose command line holds the mark; bmo itself passes it to nobody else. */
function processesWith(mark: string): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return (
        readFileSync(`/proc/${name}/cmdline`, "utf8").includes(mark) &&
        !readFileSync(`/proc/${name}/cmdline`, "utf8").includes("vitest")
      );
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === undefined) throw thrown;
      return false; // Ended while we looked.
    }
  });
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(20);
}

const mark = (): string => `sleep ${randomInt(10_000, 99_999)}.${randomInt(1000, 9999)}`;

/** Runs, sends the signal when `ready` resolves, and waits for the end. */
function interrupted(
  { place }: Scene,
  words: string[],
  signal: NodeJS.Signals,
  ready: () => Promise<unknown>,
): Promise<Finished> {
  return place.run(words, { onStart: (child) => void ready().then(() => child.kill(signal)) });
}

function expectAborted(finished: Finished, code: number): void {
  const result = resultOf(finished);
  expect({ code: finished.code, signal: finished.signal, status: result.status }).toEqual({
    code,
    signal: null,
    status: "aborted",
  });
  expect(result.session_id).not.toBeNull();
}

describe.each(SIGNALS)("%s", (signal, code) => {
  test("while waiting for the server", async () => {
    const one = await scene({ faults: [{ kind: "stall", after: 0 }], replies: () => ({ text: "never" }) });
    expectAborted(await interrupted(one, ["-p", "--json", "first words"], signal, () => one.server.arrived(1)), code);
    await expect(one.server.closed(1)).resolves.toBe("cut");
    await expectResumable(one, "first words");
  });

  test("while waiting for piped text: no session yet, but the object that was promised", async () => {
    const place = createPlace();
    for (const format of ["json", "stream-json"]) {
      const finished = await place.run(["-p", "--output-format", format, "-"], {
        stdin: "open",
        onStart: (child) => void delay(1_500).then(() => child.kill(signal)),
      });
      expect(resultOf(finished)).toMatchObject({ status: "aborted", exit_code: code, session_id: null, error: null });
    }
  });

  test("in the moment in which the session takes over from the start", async () => {
    const server = await openServer({ replies: () => ({ text: "never" }) });
    const place = createPlace();
    place.configure(userToml(server.url));
    const preload = join(place.home, "signal-at-take-over.cjs");
    writeFileSync(
      preload,
      `const off = process.off; process.off = (name, ...rest) => { if (name === "${signal}") process.kill(process.pid, name); return off.call(process, name, ...rest); };`,
    );
    const finished = await place.run(["-p", "--json", "first words"], {
      environment: { NODE_OPTIONS: `--require=${preload}` },
    });
    expectAborted(finished, code);
  });

  test("in mid-stream, text and events already written", async () => {
    let begun = (): void => undefined;
    const streaming = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const server = await openServer({
      replies: () => ({ text: ["some ", "words ", "that ", "come ", "slowly"] }),
      async onEvent(_request, index) {
        if (index < 5) return;
        begun();
        await delay(60_000, undefined, { ref: false });
      },
    });
    const place = createPlace();
    place.configure(userToml(server.url));
    const finished = await interrupted({ server, place }, ["-p", "--json", "first words"], signal, () => streaming);
    expectAborted(finished, code);
    const next = await openServer({ replies: () => ({ text: "x" }) });
    place.configure(userToml(next.url));
    await expectResumable({ server: next, place }, "first words");
  });

  test("in a command of the plan stage: nothing is left over", async () => {
    const command = mark();
    const one = await scene({ replies: () => ({ calls: [{ name: "bash", input: { command } }] }) });
    const finished = await interrupted(
      one,
      ["-p", "--json", "--no-plan", "--dangerously-skip-permissions", "first words"],
      signal,
      () => until(() => processesWith(command.replace(" ", "\0")).length > 0),
    );
    expectAborted(finished, code);
    expect(processesWith(command.replace(" ", "\0"))).toEqual([]);
    expect(processesWith(command)).toEqual([]);
    await expectResumable(one, "first words");
  });

  test("in a command of an approved plan, with children that ignore signals: nothing is left over, /approve continues", async () => {
    const sleep = mark();
    const command = "sh hold.sh";
    let calls = 0;
    const plan = planInput([ticket("t1", { "a.txt": "modify" }, { commands: [`bash(${command})`] })]);
    const one = await scene({
      replies: (request) =>
        isPlanning(request)
          ? submit(plan)
          : calls++ === 0
            ? { calls: [{ name: "bash", input: { command } }] }
            : { text: "finished" },
    });
    one.place.file("a.txt", "a\n");
    one.place.file("hold.sh", `trap '' INT TERM HUP\n(trap '' INT TERM HUP; ${sleep}) &\n${sleep}\nwait\n`);
    const finished = await interrupted(one, ["-p", "--json", "--approve", "first words"], signal, () =>
      until(() => processesWith(sleep.replace(" ", "\0")).length > 1),
    );
    expectAborted(finished, code);
    expect(resultOf(finished).plan?.state).toBe("executing");
    expect(processesWith(sleep.replace(" ", "\0"))).toEqual([]);
    const gone = await one.place.run(["-c", "-p", "/approve"]);
    expect({ code: gone.code, stdout: gone.stdout, stderr: gone.stderr }).toMatchObject({
      code: 0,
      stdout: "finished\n",
    });
    expect(one.server.requests.flatMap((request) => request.violations)).toEqual([]);
  });

  test("in a verify command", async () => {
    const sleep = mark();
    const one = await scene({
      replies: planThen(planInput([ticket("t1", { "a.txt": "modify" }, { verify: [sleep] })]), [{ text: "edited" }]),
    });
    one.place.file("a.txt", "a\n");
    const finished = await interrupted(one, ["-p", "--json", "--approve", "first words"], signal, () =>
      until(() => processesWith(sleep.replace(" ", "\0")).length > 0),
    );
    expectAborted(finished, code);
    expect(processesWith(sleep.replace(" ", "\0"))).toEqual([]);
  });

  test("while a retry is waited for", async () => {
    const one = await scene({ faults: [{ kind: "status", status: 429, headers: { "retry-after": "60" }, times: 2 }] });
    const finished = await one.place.run(["-p", "--json", "first words"], {
      onStart(child) {
        let said = "";
        child.stderr?.on("data", (chunk: Buffer) => {
          said += chunk.toString();
          if (said.includes("waiting 60 s")) child.kill(signal);
        });
      },
    });
    expectAborted(finished, code);
    one.server.clearFaults();
    await expectResumable(one, "first words");
  });

  test("before there is a session, while stdin is read", async () => {
    const one = await scene({});
    const finished = await one.place.run(["-p", "-"], {
      stdin: "open",
      onStart: (child) => void delay(1_000).then(() => child.kill(signal)),
    });
    expect({ code: finished.code, signal: finished.signal, stdout: finished.stdout }).toEqual({
      code,
      signal: null,
      stdout: "",
    });
  });
});

test("a signal goes before every other code: a refusal and a limit as well", async () => {
  const one = await scene({
    replies: planThen(planInput([ticket("t1", { "a.txt": "modify" })]), [
      { calls: [{ name: "write", input: { path: "other.txt", content: "x" } }] },
      { text: "x" },
    ]),
    faults: [],
  });
  const finished = await one.place.run(["-p", "--json", "--approve", "do it"], {
    onStart(child) {
      void one.server.arrived(3).then(() => undefined);
      void one.server.arrived(2).then(() => one.server.addFaults([{ kind: "stall", after: 0 }]));
      void one.server.arrived(3).then(() => child.kill("SIGTERM"));
    },
  });
  const result = resultOf(finished);
  expect({ code: finished.code, denials: result.denials.length }).toEqual({ code: 143, denials: 1 });
});

test("a second signal leaves at once", async () => {
  const one = await scene({ faults: [{ kind: "stall", after: 0 }], replies: () => ({ text: "never" }) });
  const finished = await one.place.run(["-p", "first words"], {
    onStart(child) {
      void one.server.arrived(1).then(() => {
        child.kill("SIGINT");
        child.kill("SIGINT");
      });
    },
  });
  expect({ code: finished.code, signal: finished.signal }).toEqual({ code: 130, signal: null });
});

test.each(SIGNALS)(
  "a second and a third %s wait for the settling: what was out of scope is back, and the terminal says what is waited for",
  async (signal, code) => {
    const command = "trap '' INT TERM HUP; echo evil > README.md; echo in > a.txt; echo begun > marks/begun; sleep 60";
    const one = await scene({
      replies: planThen(planInput([ticket("t1", { "a.txt": "modify" }, { commands: [command] })]), [
        { calls: [{ name: "bash", input: { command } }] },
      ]),
    });
    for (const path of ["README.md", "a.txt"]) one.place.file(path, "as it was\n");
    one.place.file("marks/.keep", "");
    one.place.file(".gitignore", "marks/\n");
    const finished = await one.place.run(["-p", "--approve", "do it"], {
      onStart(child) {
        let told = "";
        child.stderr?.on("data", (chunk: Buffer) => {
          told += chunk.toString();
          if (/waiting until the effects/.test(told)) child.kill(signal);
          else if (/ending the command/.test(told)) child.kill(signal);
        });
        void until(() => readdirSync(`${one.place.workspace}/marks`).includes("begun")).then(() => child.kill(signal));
      },
    });
    expect({ code: finished.code, signal: finished.signal }).toEqual({ code, signal: null });
    expect(finished.stderr).toMatch(
      /ending the command .* and settling its effects[\s\S]*waiting until the effects of the command .* are settled/,
    );
    expect([one.place.read("README.md"), one.place.read("a.txt")]).toEqual(["as it was\n", "in\n"]);
    expect((await one.place.run(["-c", "-p", "/undo all"])).code).toBe(0);
    expect(one.place.read("a.txt")).toBe("as it was\n");
  },
);
