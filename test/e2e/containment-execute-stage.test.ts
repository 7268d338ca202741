// After approval the plan holds: the probes with scope src/** outside and inside of it. What lands outside comes back,
// with a copy whose named command works; what lands inside stays; what the user saves meanwhile is never lost.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { bash, commitAll, isGit, pathWithout, probes, treeOf, SANDBOXES } from "./containment-scene.ts";
import { isPlanning, planInput, resultOf, scene, submit, ticket, type Scene } from "./scenario.ts";
import type { JsonObject } from "../../src/types/json.ts";
import type { ScriptedCall, SeenRequest } from "../support/vendor-server.ts";
import { needBubblewrap } from "../support/need.ts";

const commandsOf = (calls: ScriptedCall[]): string[] =>
  calls.flatMap(({ input }) => (typeof input?.["command"] === "string" ? [input["command"]] : []));

interface Executed {
  one: Scene;
  results(): string[];
  environment: Record<string, string>;
}

/** A plan over src/** with these commands; an executor that makes all calls at once, then says done. */
async function executing(
  calls: ScriptedCall[],
  sandboxed: boolean,
  commands: string[] = [],
  more: JsonObject = {},
): Promise<Executed> {
  let last: SeenRequest | null = null;
  const plan = planInput([ticket("t1", { "src/**": "modify" }, { commands, ...more })]);
  const one = await scene({
    replies(request) {
      if (isPlanning(request)) return submit(plan);
      const first = last === null;
      last = request;
      return first ? { calls } : { text: "done" };
    },
  });
  one.place.file("a.txt", "one\n");
  one.place.file("src/keep.txt", "kept\n");
  one.place.file("notes.txt", "notes\n");
  commitAll(one.place);
  return {
    one,
    results: () => (last?.toolResults ?? []).map(({ text }) => text),
    environment: sandboxed ? {} : { PATH: pathWithout("bwrap") },
  };
}

function without(tree: Record<string, string>, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !path.startsWith(prefix)));
}

const INSIDE = [1, 2, 3, 4, 5, 6, 7].map((number) => `src/f${number}`);

describe.each(SANDBOXES)("%s", (_name, sandboxed) => {
  const sandbox = needBubblewrap(sandboxed);

  test.skipIf(sandbox.missing).each([
    ["default", "in the plan"],
    ["bypassPermissions", "in the plan"],
    ["bypassPermissions", "not in the plan"],
  ])(sandbox.title("mode %s, commands %s: outside restored, inside kept, exit 4"), async (mode, planned) => {
    const calls = [...probes("src/"), ...probes()];
    const { one, results, environment } = await executing(
      calls,
      sandboxed,
      planned === "in the plan" ? commandsOf(calls) : [],
    );
    const before = treeOf(one.place.workspace, isGit);
    const finished = await one.place.run(["-p", "--json", "--approve", "--permission-mode", mode, "do it"], {
      environment,
    });
    const result = resultOf(finished);
    expect(result).toMatchObject({ exit_code: 4, status: "denied", plan: { state: "done" } });
    const after = treeOf(one.place.workspace, isGit);
    expect(without(after, "src/f")).toEqual(before);
    expect(Object.keys(after).filter((path) => path.startsWith("src/f"))).toEqual(INSIDE);
    const told = results();
    expect(told[7]).toContain("src/");
    expect(told[15]).toContain("On branch main");
    // Six commands were put back, the write tool was refused.
    expect(
      result.files.filter(({ rolled_back: back }) => back).map(({ path, in_scope: scope }) => [path, scope]),
    ).toEqual([1, 2, 3, 4, 5, 6].map((number) => [`f${number}`, false]));
    expect(result.files.filter(({ in_scope: scope }) => scope).map(({ path, action }) => `${action} ${path}`)).toEqual(
      INSIDE.map((path) => `create ${path}`),
    );
    expect(result.denials.map(({ tool }) => tool)).toEqual([...Array.from({ length: 6 }, () => "bash"), "write"]);
    for (const number of [8, 9, 10, 11, 12, 13])
      expect(told[number]).toMatch(/put back, because outside the approved scope[\s\S]*to bring it back: cp -a /);
    // The command that is named brings the bytes back.
    const restore = /bring it back with: (cp -a .*)$/m.exec(finished.stderr)?.[1] ?? "";
    execFileSync("/bin/bash", ["-c", restore]);
    expect(one.place.read("f1")).toBe("x\n");
    rmSync(join(one.place.workspace, "f1"));
    expect(without(treeOf(one.place.workspace, isGit), "src/f")).toEqual(before);
  });

  test.skipIf(sandbox.missing)(
    sandbox.title("mode default, commands not in the plan: refused, and nothing is out of scope"),
    async () => {
      const { one, results, environment } = await executing([...probes("src/"), ...probes()], sandboxed);
      const before = treeOf(one.place.workspace, isGit);
      const result = resultOf(await one.place.run(["-p", "--json", "--approve", "do it"], { environment }));
      expect(result).toMatchObject({ exit_code: 4 });
      expect(without(treeOf(one.place.workspace, isGit), "src/f")).toEqual(before);
      expect(one.place.read("src/f7")).toBe("x");
      expect(results().filter((text) => text.startsWith("Refused"))).toHaveLength(13);
      expect(results()[15]).toContain("On branch main");
    },
  );

  test.skipIf(sandbox.missing)(
    sandbox.title("deleting, replacing, moving and linking outside: all of it comes back, byte and mode"),
    async () => {
      const command =
        "rm a.txt; rm -rf docs; chmod 600 notes.txt; mv tool.sh src/tool.sh; ln -sf /etc/passwd link; mkdir -p new/deep; echo x > new/deep/f; echo in > src/keep.txt; rmdir void; rm .gitignore; echo y > build/out";
      const { one, environment } = await executing([bash(command)], sandboxed, [command]);
      one.place.file("docs/deep/a.md", "doc\r\n\0bin");
      one.place.file("tool.sh", "#!/bin/sh\n");
      execFileSync(
        "/bin/bash",
        ["-c", "chmod 751 tool.sh; ln -s a.txt link; mkdir void build; echo o > build/out; echo build > .gitignore"],
        { cwd: one.place.workspace },
      );
      commitAll(one.place);
      const before = treeOf(one.place.workspace, isGit);
      const result = resultOf(await one.place.run(["-p", "--json", "--approve", "do it"], { environment }));
      expect(result.exit_code).toBe(4);
      const after = treeOf(one.place.workspace, isGit);
      expect(after).toEqual({
        ...before,
        "src/keep.txt": "644 in\n",
        "src/tool.sh": "751 #!/bin/sh\n",
        "build/out": "644 y\n",
      });
    },
  );

  test.skipIf(sandbox.missing)(
    sandbox.title("what the user saves while the command runs is kept in the copy"),
    async () => {
      const command = "touch src/started; until [ -e src/go ]; do sleep 0.05; done; echo spoiled > a.txt";
      const { one, environment } = await executing([bash(command)], sandboxed, [command]);
      const running = one.place.run(["-p", "--json", "--approve", "do it"], { environment });
      while (!existsSync(join(one.place.workspace, "src/started")))
        await new Promise((resolve) => setTimeout(resolve, 20));
      writeFileSync(join(one.place.workspace, "notes.txt"), "saved by the user\n");
      mkdirSync(join(one.place.workspace, "mine"));
      writeFileSync(join(one.place.workspace, "mine", "idea.txt"), "an idea\n");
      one.place.file("src/go", "");
      const finished = await running;
      expect(resultOf(finished).exit_code).toBe(4);
      expect(one.place.read("a.txt")).toBe("one\n");
      const [, copy = "", restore = ""] =
        /a copy is kept in (\S+); bring it back with: (.*)$/m.exec(finished.stderr) ?? [];
      expect(readFileSync(join(copy, "notes.txt"), "utf8")).toBe("saved by the user\n");
      execFileSync("/bin/bash", ["-c", restore]);
      expect(one.place.read("notes.txt")).toBe("saved by the user\n");
      expect(one.place.read("mine/idea.txt")).toBe("an idea\n");
    },
  );
});

test("what the user saved between two commands is not touched", async () => {
  const { one } = await executing([bash("echo 1 > f"), bash("echo 2 > src/b")], true, ["echo 1 > f", "echo 2 > src/b"]);
  one.server.setReplies((request) => {
    if (isPlanning(request))
      return submit(planInput([ticket("t1", { "src/**": "modify" }, { commands: ["echo 1 > f", "echo 2 > src/b"] })]));
    if (request.toolResults.length === 0) return { calls: [bash("echo 1 > f")] };
    if (request.toolResults.length === 1) {
      one.place.file("notes.txt", "saved by the user\n");
      return { calls: [bash("echo 2 > src/b")] };
    }
    return { text: "done" };
  });
  expect((await one.place.run(["-p", "--approve", "do it"])).code).toBe(4);
  expect([one.place.read("notes.txt"), one.place.read("src/b"), existsSync(join(one.place.workspace, "f"))]).toEqual([
    "saved by the user\n",
    "2\n",
    false,
  ]);
});

test("looser containment is the user's: warn keeps and records, off does not look; a project's file loosens nothing", async () => {
  const calls = [bash("echo 1 > f")];
  const { one } = await executing(calls, true, ["echo 1 > f"]);
  const file = join(one.place.home, "bmo", "bmo.toml");
  const user = readFileSync(file, "utf8");
  const script = (request: SeenRequest): ReturnType<typeof submit> =>
    isPlanning(request)
      ? submit(planInput([ticket("t1", { "src/**": "modify" }, { commands: ["echo 1 > f"] })]))
      : request.toolResults.length === 0
        ? { calls }
        : { text: "done" };
  one.server.setReplies(script);
  const run = async (): Promise<[number, boolean, boolean | undefined]> => {
    const result = resultOf(await one.place.run(["-p", "--json", "--approve", "--trust", "do it"]));
    const there = existsSync(join(one.place.workspace, "f"));
    rmSync(join(one.place.workspace, "f"), { force: true });
    return [result.exit_code, there, result.files.find(({ path }) => path === "f")?.in_scope];
  };
  one.place.file(".bmorc.toml", '[options.containment]\nmode = "off"\n');
  expect(await run()).toEqual([4, false, false]);
  rmSync(join(one.place.workspace, ".bmorc.toml"));
  writeFileSync(file, `${user}\n[options.containment]\nmode = "warn"\n`);
  expect(await run()).toEqual([0, true, false]);
  writeFileSync(file, `${user}\n[options.containment]\nmode = "off"\n`);
  expect(await run()).toEqual([0, true, undefined]);
  expect(dirname(file)).toContain("home");
});
