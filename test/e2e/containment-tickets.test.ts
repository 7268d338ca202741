// A plan of three tickets carried to its end on a sample repository: a verification that fails once, a kill in the
// middle, the report, and the way back by /undo and by bmo checkpoint.

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bash, commitAll, isGit, pathWithout, treeOf, SANDBOXES } from "./containment-scene.ts";
import { isPlanning, planInput, resultOf, scene, submit, ticket, type Scene } from "./scenario.ts";
import type { JsonObject } from "../../src/types/json.ts";
import type { ScriptedReply, SeenRequest } from "../support/vendor-server.ts";
import { needBubblewrap } from "../support/need.ts";

const SUM = "export function sum(list) {\n  return list.reduce((total, one) => total + one);\n}\n";
const SUM_TEST =
  'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { sum } from "../src/sum.js";\ntest("sum", () => assert.equal(sum([1, 2]), 3));\n';
const MEAN_TEST =
  'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { mean } from "../src/mean.js";\ntest("mean", () => assert.equal(mean([1, 3]), 2));\n';
const WRONG = 'import { sum } from "./sum.js";\nexport const mean = (list) => sum(list);\n';
const RIGHT = 'import { sum } from "./sum.js";\nexport const mean = (list) => sum(list) / list.length;\n';

const PLAN = planInput([
  ticket("t1", { "src/sum.js": "modify" }, { verify: ["node --test test/sum.test.js"] }),
  ticket(
    "t2",
    { "src/mean.js": "create", "test/mean.test.js": "create" },
    { depends_on: ["t1"], verify: ["node --test test/mean.test.js"] },
  ),
  ticket(
    "t3",
    { "docs/**": "modify", "old/legacy.js": "delete", "tool.sh": "modify", link: "modify", "void/": "delete" },
    {
      depends_on: ["t2"],
      commands: ["bash(chmod *)", "bash(rm *)", "bash(rmdir *)", "bash(ln *)", "bash(mkdir *)"],
      verify: ["test -x tool.sh"],
    },
  ),
]);

const write = (path: string, content: string): ScriptedReply => ({
  calls: [{ name: "write", input: { path, content } }],
});
const T3_COMMANDS = [
  "chmod 750 tool.sh",
  "rm -r old/legacy.js",
  "ln -sfn docs link",
  "rmdir void",
  "mkdir -p docs/empty/deep",
];

/** What the executor does in each ticket, by what its conversation holds so far. */
function work(request: SeenRequest): ScriptedReply {
  if (isPlanning(request)) return submit(PLAN);
  const told = request.userTexts.join("\n");
  const ticketId = /What (t\d) does/.exec(told)?.[1] ?? "t?";
  const failed = /node --test test\/mean\.test\.js.*failed|failed \(exit code/.test(told);
  const { toolResults: results } = request;
  const done = results.length;
  switch (ticketId) {
    case "t1":
      return (
        [
          { calls: [{ name: "view", input: { path: "src/sum.js" } }] },
          { calls: [{ name: "edit", input: { path: "src/sum.js", old: "total + one);", new: "total + one, 0);" } }] },
        ][done] ?? { text: "sum takes empty lists" }
      );
    case "t2":
      if (failed && done < 3) return write("src/mean.js", RIGHT);
      return (
        [write("test/mean.test.js", MEAN_TEST), write("src/mean.js", WRONG)][done] ?? {
          text: failed ? "mean is right now" : "mean is there",
        }
      );
    case "t3":
      if (!existsIn(request, "docs/mean.md")) return write("docs/mean.md", "# mean\n");
      return (
        T3_COMMANDS.map((command): ScriptedReply => ({ calls: [bash(command)] })).find(
          (reply) => !ran(request, reply),
        ) ?? { text: "documented" }
      );
    default:
      return { text: `no ticket in: ${told}` };
  }
}

const callsIn = (request: SeenRequest): string => JSON.stringify(request.body["messages"]);
const existsIn = (request: SeenRequest, path: string): boolean => callsIn(request).includes(`"path":"${path}"`);
const ran = (request: SeenRequest, reply: ScriptedReply): boolean =>
  callsIn(request).includes(JSON.stringify(reply.calls?.[0]?.input?.["command"] ?? ""));

interface Sample {
  one: Scene;
  before: Record<string, string>;
  /** What a tar taken before holds, unpacked. */
  unpacked: string;
}

async function sample(unit: string): Promise<Sample> {
  const one = await scene({ replies: work }, { tables: `[options.phase_model]\nunit = "${unit}"\n` });
  const { place } = one;
  place.file("package.json", '{"type":"module","scripts":{"test":"node --test"}}\n');
  place.file("src/sum.js", SUM);
  place.file("test/sum.test.js", SUM_TEST);
  place.file("docs/intro.md", "intro\r\nwithout an end");
  place.file("old/legacy.js", Buffer.from([0, 255, 10, 13]));
  place.file("tool.sh", "#!/bin/sh\n");
  place.file("notes.txt", "the user's\n");
  chmodSync(join(place.workspace, "tool.sh"), 0o640);
  chmodSync(join(place.workspace, "old", "legacy.js"), 0o400);
  symlinkSync("src", join(place.workspace, "link"));
  mkdirSync(join(place.workspace, "void"));
  commitAll(place);
  const unpacked = mkdtempSync(join(place.home, "tar-"));
  execFileSync("/bin/bash", [
    "-c",
    `tar -C "$0" --exclude=./.git -cf "$1.tar" . && tar -C "$1" -xpf "$1.tar"`,
    place.workspace,
    unpacked,
  ]);
  return { one, before: treeOf(place.workspace, isGit), unpacked };
}

/**
 * Runs plan and approval; kills the process when the third ticket has written its first file; goes on in a new process.
 */
async function throughAKill(
  { one, environment }: { one: Scene; environment: Record<string, string | undefined> },
  resume: string[],
): Promise<ReturnType<typeof resultOf>> {
  const { place, server } = one;
  const planned = resultOf(await place.run(["-p", "--json", "mend sum, add mean"], { environment }));
  expect(planned.exit_code).toBe(3);
  let kill = (): void => undefined;
  let killed = false;
  server.setReplies((request) => {
    if (!killed && existsSync(join(place.workspace, "docs/mean.md"))) {
      killed = true;
      kill();
      return { text: "too late" };
    }
    return work(request);
  });
  const first = await place.run(["approve", planned.plan?.id ?? ""], {
    environment,
    onStart: (child) => (kill = () => void child.kill("SIGKILL")),
  });
  expect(first).toMatchObject({ code: null, signal: "SIGKILL" });
  expect(existsSync(join(place.workspace, "docs/mean.md"))).toBe(true);
  server.setReplies(work);
  return resultOf(
    await place.run(
      resume.map((word) => (word === "ID" ? (planned.plan?.id ?? "") : word)),
      { environment },
    ),
  );
}

describe.each(SANDBOXES)("%s", (_name, sandboxed) => {
  const sandbox = needBubblewrap(sandboxed);
  test.skipIf(sandbox.missing).each([
    ["ticket", ["approve", "ID", "--json"]],
    ["ticket", ["-c", "-p", "--json", "/approve"]],
  ])(sandbox.title('unit = "%s", resumed by %j: fixed, killed, resumed, reported, undone'), async (unit, resume) => {
    const scenery = await sample(unit);
    const { one, before, unpacked } = scenery;
    const environment = sandboxed ? {} : { PATH: pathWithout("bwrap") };
    const result = await throughAKill({ one, environment }, resume);
    expect({ code: result.exit_code, error: result.error, denials: result.denials }).toEqual({
      code: 0,
      error: null,
      denials: [],
    });
    expect(result).toMatchObject({
      result: "documented",
      plan: {
        state: "done",
        tickets: [
          { id: "t1", state: "done" },
          { id: "t2", state: "done" },
          { id: "t3", state: "done" },
        ],
      },
    });
    // Tickets that were done before the kill were not done again.
    const texts = one.server.requests
      .filter((request) => !isPlanning(request))
      .map(({ userTexts }) => /What (t\d) does/.exec(userTexts.join("\n"))?.[1]);
    expect([...new Set(texts.slice(texts.indexOf("t3")))]).toEqual(["t3"]);
    expect(
      one.server.requests.filter(({ userTexts }) =>
        /test\/mean\.test\.js` of ticket t2 failed/.test(userTexts.join("\n")),
      ).length,
    ).toBeGreaterThan(0);
    expect(one.place.read("src/mean.js")).toBe(RIGHT);
    const report = (result as unknown as { report: JsonObject }).report;
    expect(report).toMatchObject({
      state: "done",
      unplanned_commands: [],
      skipped_tickets: [],
      failed_tickets: [],
      rollbacks: [],
      out_of_scope: [],
    });
    const touched = (report["touched_files"] as { path: string; action: string }[])
      .map(({ path, action }) => `${action} ${path}`)
      .sort();
    expect(touched).toEqual(
      [
        "create docs/empty/deep/",
        "create docs/mean.md",
        "create src/mean.js",
        "create test/mean.test.js",
        "delete old/legacy.js",
        "delete void/",
        "modify link",
        "modify src/sum.js",
        "modify tool.sh",
      ].sort(),
    );
    const tickets = report["tickets"] as { id: string; cost_usd: number; report: string }[];
    expect(tickets.map((one) => [one.id, one.report])).toEqual([
      ["t1", "sum takes empty lists"],
      ["t2", "mean is right now"],
      ["t3", "documented"],
    ]);
    for (const { cost_usd: cost } of tickets) expect(cost).toBeGreaterThan(0);

    const undone = await one.place.run(["-c", "-p", "/undo all"], { environment });
    expect({ code: undone.code, stderr: undone.stderr }).toMatchObject({ code: 0 });
    expect(treeOf(one.place.workspace, isGit)).toEqual(before);
    expect(treeOf(unpacked)).toEqual(before);
  });

  test.skipIf(sandbox.missing)(
    sandbox.title('unit = "plan": all verified, killed, resumed, undone; the user\'s edits survive the undo'),
    async () => {
      const { one, before } = await sample("plan");
      const environment = sandboxed ? {} : { PATH: pathWithout("bwrap") };
      // In one turn: the executor does everything, wrong at first.
      const steps: ScriptedReply[] = [
        write("src/mean.js", WRONG),
        write("test/mean.test.js", MEAN_TEST),
        { calls: [{ name: "view", input: { path: "src/sum.js" } }] },
        { calls: [{ name: "edit", input: { path: "src/sum.js", old: "total + one);", new: "total + one, 0);" } }] },
        ...T3_COMMANDS.map((command) => ({ calls: [bash(command)] })),
        { text: "all done" },
      ];
      let at = 0;
      let kill = (): void => undefined;
      one.server.setReplies((request) => {
        if (isPlanning(request)) return submit(PLAN);
        if (at === 6) kill();
        if (request.userTexts.join("\n").includes("failed (exit code")) {
          if (existsInWorkspace(one, RIGHT)) return { text: "mended" };
          // What was written in another process must be read again before it is changed.
          return isViewed(request)
            ? write("src/mean.js", RIGHT)
            : { calls: [{ name: "view", input: { path: "src/mean.js" } }] };
        }
        return steps[at++] ?? { text: "all done" };
      });
      const planned = resultOf(await one.place.run(["-p", "--json", "do it"], { environment }));
      const first = await one.place.run(["approve", planned.plan?.id ?? ""], {
        environment,
        onStart: (child) => (kill = () => void child.kill("SIGKILL")),
      });
      expect(first.signal).toBe("SIGKILL");
      kill = () => undefined;
      at = 6;
      const result = resultOf(await one.place.run(["-c", "-p", "--json", "/approve"], { environment }));
      expect({
        code: result.exit_code,
        error: result.error,
        states: result.plan?.tickets.map(({ state }) => state),
      }).toEqual({ code: 0, error: null, states: ["done", "done", "done"] });
      expect(one.place.read("src/mean.js")).toBe(RIGHT);

      one.place.file("src/sum.js", "the user's own\n");
      one.place.file("notes.txt", "edited meanwhile\n");
      one.place.file("docs/empty/deep/mine.md", "mine\n");
      const undone = await one.place.run(["-c", "-p", "/undo all"], { environment });
      expect(undone.stdout + undone.stderr).toMatch(/Left alone: src\/sum\.js/);
      const expected: Record<string, string> = {
        ...before,
        "src/sum.js": "644 the user's own\n",
        "notes.txt": "644 edited meanwhile\n",
        "docs/empty/": "755",
        "docs/empty/deep/": "755",
        "docs/empty/deep/mine.md": "644 mine\n",
      };
      expect(treeOf(one.place.workspace, isGit)).toEqual(expected);
      const offered = /Left alone: src\/sum\.js[^\n]*is in (\S+)/.exec(undone.stdout)?.[1] ?? "";
      expect(readFileSync(offered, "utf8")).toBe(SUM);
    },
  );
});

const isViewed = (request: SeenRequest): boolean => request.toolResults.some(({ text }) => text.includes("sum(list);"));

function existsInWorkspace(one: Scene, text: string): boolean {
  return existsSync(join(one.place.workspace, "src/mean.js")) && one.place.read("src/mean.js") === text;
}

test("bmo checkpoint list, diff, restore: by ticket, from another process, as JSON too; unknown and ambiguous ids are refused", async () => {
  const { one, before } = await sample("ticket");
  const { place } = one;
  expect((await place.run(["checkpoint"])).stdout).toContain("no checkpoint");
  expect((await place.run(["-p", "--approve", "do it"])).code).toBe(0);
  const after = treeOf(place.workspace, isGit);
  const listed = JSON.parse((await place.run(["checkpoint", "list", "--json"])).stdout) as {
    id: string;
    ticket: string | null;
    files: number;
  }[];
  expect(listed.map(({ ticket: of, files }) => [of, files])).toEqual([
    [null, 0],
    ["t1", 1],
    ["t2", 2],
    ["t3", 6],
  ]);
  expect((await place.run(["checkpoint", "list"])).stdout).toMatch(/before ticket t2/);
  const [, , second, third] = listed;
  const diff = await place.run(["checkpoint", "diff", second?.id ?? ""]);
  expect(diff.stdout).toContain("+++ b/src/mean.js");
  expect(diff.stdout).toContain(`+${RIGHT.split("\n")[1] ?? ""}`);
  expect(diff.stdout).not.toContain("src/sum.js");
  const changed = JSON.parse((await place.run(["checkpoint", "diff", listed[0]?.id ?? "", "--json"])).stdout) as {
    path: string;
  }[];
  expect(changed.map(({ path }) => path).sort()).toEqual([
    "docs/empty/deep",
    "docs/mean.md",
    "link",
    "old/legacy.js",
    "src/mean.js",
    "src/sum.js",
    "test/mean.test.js",
    "tool.sh",
    "void",
  ]);
  for (const [words, code] of [
    [["restore"], 2],
    [["restore", "c_9"], 2],
    [["restore", "c_"], 2],
    [["burn"], 2],
    [["diff", "c_9"], 2],
  ] as const)
    expect({ words, code: (await place.run(["checkpoint", ...words])).code }).toEqual({ words, code });
  expect(treeOf(place.workspace, isGit)).toEqual(after);

  const restored = await place.run(["checkpoint", "restore", third?.id ?? "", "--json"]);
  expect(restored.code).toBe(0);
  const parsed = JSON.parse(restored.stdout) as { restored: string[]; restore_command: string };
  expect(existsSync(join(place.workspace, "docs/mean.md"))).toBe(false);
  expect(place.read("src/mean.js")).toBe(RIGHT);
  execFileSync("/bin/bash", ["-c", parsed.restore_command]);
  expect(place.read("docs/mean.md")).toBe("# mean\n");
  execFileSync("rm", ["-r", join(place.workspace, "docs/mean.md"), join(place.workspace, "docs/empty")]);
  writeFileSync(join(place.workspace, "mine.txt"), "mine\n");
  expect((await place.run(["checkpoint", "restore", listed[0]?.id ?? ""])).code).toBe(0);
  const { "mine.txt": mine, ...rest } = treeOf(place.workspace, isGit);
  expect(mine).toBe("644 mine\n");
  const { "tool.sh": tool, link: link, ...others } = before;
  expect(rest).toMatchObject(others);
  expect([tool, link]).toHaveLength(2);
});
