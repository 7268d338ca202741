// `bmo demo` where something is in its way, or somebody leaves it: a clear end, and no folder left behind.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { demoScript } from "../../src/demo/script.ts";
import { startPty } from "../support/pty.ts";
import { BMO, cleanEnvironment, createPlace, type Place } from "./harness.ts";

function temporary(place: Place): { folder: string; environment: Record<string, string> } {
  const folder = join(place.home, "tmp");
  mkdirSync(folder);
  return { folder, environment: { TMPDIR: folder } };
}

test("no folder to work in, no script to read: exit 2 that says what", async () => {
  const place = createPlace();
  const nowhere = await place.run(["demo", "--yes"], { environment: { TMPDIR: join(place.home, "missing") } });
  expect({ code: nowhere.code, stderr: nowhere.stderr }).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /^bmo: no folder for the sample project can be made in .*missing \(ENOENT\)\n.*TMPDIR/,
    ) as string,
  });
  const scriptless = await place.run(["demo", "--yes", "--script", "missing.json"]);
  expect({ code: scriptless.code, stderr: scriptless.stderr }).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^bmo: --script .*missing\.json cannot be read \(ENOENT\)\n/) as string,
  });
});

test("with the scripted edit the sample's test passes and it exits 0; with the edit taken out it exits 1", async () => {
  const place = createPlace();
  const script = demoScript(0) as { scenes: { replies: { calls?: { name: string }[] }[] }[] };
  const run = async (): Promise<{ code: number | null; last: string | undefined; models: boolean }> => {
    writeFileSync(join(place.workspace, "replies.json"), JSON.stringify(script));
    const { code, stdout } = await place.run(["demo", "--yes", "--script", "replies.json"]);
    return {
      code,
      last: stdout.split("\n").findLast((line) => line.startsWith("its test after:")),
      models: stdout.includes("planning model: demo/planner, execution model: demo/executor"),
    };
  };
  expect(await run()).toEqual({ code: 0, last: "its test after: passes", models: true });
  for (const { replies } of script.scenes)
    for (const reply of replies)
      if (reply.calls !== undefined) reply.calls = reply.calls.filter(({ name }) => name !== "edit");
  const without = await run();
  expect({ ...without, last: without.last?.startsWith("its test after: fails") }).toEqual({
    code: 1,
    last: true,
    models: true,
  });
});

test("ended by a signal it leaves no folder", async () => {
  const place = createPlace();
  const { folder, environment } = temporary(place);
  const finished = await place.run(["demo", "--yes"], {
    environment,
    onStart: (child) =>
      void (async () => {
        for (let waited = 0; waited < 400 && readdirSync(folder).length === 0; waited++) await delay(10);
        await delay(50);
        child.kill("SIGTERM");
      })(),
  });
  expect(finished).toMatchObject({ code: 143 });
  expect(readdirSync(folder)).toEqual([]);
});

test.each([
  ["Ctrl+C", "\u0003", 130],
  ["Ctrl+D", "\u0004", 3],
  ["/reject", "/reject\r", 3],
])("%s where it waits for /approve: exit without a trace, nothing was changed", async (_name, keys, code) => {
  const place = createPlace();
  const { folder, environment } = temporary(place);
  const program = startPty([process.execPath, BMO, "demo"], {
    cwd: place.workspace,
    columns: 120,
    rows: 60,
    environment: cleanEnvironment({ HOME: place.home, BMO_HOME: join(place.home, "bmo"), ...environment }),
  });
  onTestFinished(() => program.dispose());
  await program.waitFor("/reject to leave:");
  program.write(keys);
  expect((await program.exited).exitCode).toBe(code);
  expect(program.output()).not.toMatch(/\n\s+at |Error:/);
  expect(readdirSync(folder)).toEqual([]);
});
