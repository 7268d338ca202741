// While planning nothing is written, whatever the model calls: the tree's digest stays, the run stays alive, and what
// only reads works in the same run. With a sandbox, and with none on the PATH.

import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { treeDigest, type Place } from "./harness.ts";
import { planInput, resultOf, scene, ticket } from "./scenario.ts";
import type { ScriptedCall, ScriptedReply, SeenRequest } from "../support/vendor-server.ts";
import { needBubblewrap } from "../support/need.ts";

const WRITING_COMMANDS = [
  "echo x > f.txt",
  "echo x >> a.txt",
  "echo x >| a.txt",
  "echo x &> f.txt",
  "echo x 1> f.txt",
  "ls nothing 2> f.txt",
  "echo x <> f.txt",
  "exec 3> f.txt; echo x >&3",
  ": > a.txt",
  "> a.txt",
  "cat > f.txt <<END\nx\nEND",
  "echo x | tee f.txt",
  "dd if=/dev/zero of=f.txt bs=1 count=4",
  "sed -i s/one/two/ a.txt",
  "cp a.txt b.txt",
  "mv a.txt b.txt",
  "rm -f a.txt",
  "rm -rf src",
  "touch f.txt",
  "mkdir d",
  "ln -s a.txt l",
  "truncate -s 0 a.txt",
  "chmod 777 a.txt",
  "node -e \"require('fs').writeFileSync('f.txt','x')\"",
  "find . -name a.txt -exec rm {} +",
  "find . -name a.txt -delete",
  "find . -fprint f.txt",
  "sort -o f.txt a.txt",
  "git commit -am x",
  "git add a.txt",
  "git checkout -- a.txt",
  "git stash",
  "git -c core.pager='touch f.txt' log",
  "git diff --output=f.txt",
  "git config user.name x",
  "echo $(touch f.txt)",
  "echo `touch f.txt`",
  "cat <(touch f.txt)",
  "echo x > >(cat > f.txt)",
  "bash -c 'echo x > f.txt'",
  "sh <<< 'echo x > f.txt'",
  "eval 'echo x > f.txt'",
  "echo f.txt | xargs touch",
  "ls\ntouch f.txt",
  "touch f.txt &",
  "awk 'BEGIN { print 1 > \"f.txt\" }'",
  "PATH=. a.txt; touch f.txt",
  "rg --pre 'touch f.txt' one",
  "env touch f.txt",
  "install a.txt f.txt",
  "python3 -c \"open('f.txt','w')\"",
  'echo x > "$HOME/escaped.txt"',
  "echo x > /tmp/bmo-plan-stage-escaped.txt",
];

const FILE_CALLS: ScriptedCall[] = [
  { name: "write", input: { path: "f.txt", content: "x" } },
  { name: "write", input: { path: "a.txt", content: "x" } },
  { name: "edit", input: { path: "a.txt", old: "one", new: "two" } },
  { name: "multiedit", input: { path: "a.txt", edits: [{ old: "one", new: "two" }] } },
  { name: "submit_plan", input: { title: "x" } },
  { name: "request_replan", input: { reason: "x" } },
];

const READING: { call: ScriptedCall; shows: RegExp }[] = [
  { call: { name: "view", input: { path: "a.txt" } }, shows: /line one/ },
  { call: { name: "grep", input: { pattern: "needle" } }, shows: /src\/b\.txt/ },
  { call: { name: "glob", input: { pattern: "**/*.txt" } }, shows: /src\/b\.txt/ },
  { call: { name: "view", input: { path: "src/b.txt" } }, shows: /needle/ },
  { call: { name: "bash", input: { command: "ls" } }, shows: /a\.txt/ },
  { call: { name: "bash", input: { command: "cat a.txt" } }, shows: /line one/ },
  { call: { name: "bash", input: { command: "git status --short" } }, shows: /a\.txt|no output|src/ },
  { call: { name: "bash", input: { command: "find . -name 'b.txt'" } }, shows: /src\/b\.txt/ },
  { call: { name: "bash", input: { command: "cat a.txt | grep one && ls src" } }, shows: /line one[\s\S]*b\.txt/ },
];

/** A folder of links to what commands need, without the sandbox's program. */
function pathWithoutSandbox(place: Place): string {
  const folder = join(place.home, "bin");
  mkdirSync(folder);
  for (const directory of ["/usr/bin", "/bin", "/usr/local/bin"]) {
    for (const name of existsSync(directory) ? readdirSync(directory) : []) {
      if (
        /^(bash|sh|ls|cat|git|rg|sed|tee|grep|find|env|cp|mv|rm|touch|mkdir|dd|ln|sort|awk|mawk|truncate|chmod|xargs|install|python3|node|head)$/.test(
          name,
        ) &&
        !existsSync(join(folder, name))
      )
        symlinkSync(join(directory, name), join(folder, name));
    }
  }
  if (!existsSync(join(folder, "node"))) symlinkSync(process.execPath, join(folder, "node"));
  return folder;
}

async function git(place: Place, ...words: string[]): Promise<void> {
  const { spawnSync } = await import("node:child_process");
  const { status, stderr } = spawnSync("git", ["-c", "user.name=x", "-c", "user.email=x@example.org", ...words], {
    cwd: place.workspace,
    env: { PATH: process.env["PATH"] ?? "", HOME: place.home },
  });
  expect({ status, stderr: String(stderr) }).toMatchObject({ status: 0 });
}

describe.each([
  ["with a sandbox", true],
  ["without a sandbox", false],
] as const)("%s", (_name, sandboxed) => {
  const sandbox = needBubblewrap(sandboxed);

  test.skipIf(sandbox.missing).each([
    ["no flags", []],
    ["bypassPermissions", ["--permission-mode", "bypassPermissions"]],
    ["every tool allowed", ["--allowedTools", "bash,write,edit,multiedit"]],
  ])(sandbox.title("nothing is written in the plan stage (%s)"), async (_label, flags) => {
    const bad = [
      ...FILE_CALLS,
      ...WRITING_COMMANDS.map((command): ScriptedCall => ({ name: "bash", input: { command } })),
    ];
    const batches: ScriptedCall[][] = [];
    for (let index = 0; index < READING.length; index++) {
      const share = bad.slice(
        Math.floor((index * bad.length) / READING.length),
        Math.floor(((index + 1) * bad.length) / READING.length),
      );
      batches.push([...share, ...READING.slice(index, index + 1).map(({ call }) => call)]);
    }
    let seen: SeenRequest | null = null;
    let step = 0;
    const { place, server } = await scene({
      replies(request): ScriptedReply {
        const calls = batches[step++];
        if (calls !== undefined) return { calls };
        seen = request;
        return { text: "still alive" };
      },
    });
    place.file("a.txt", "line one\n");
    place.file("src/b.txt", "needle\n");
    await git(place, "init", "-q");
    await git(place, "add", ".");
    await git(place, "commit", "-qm", "first");
    const environment = sandboxed ? {} : { PATH: pathWithoutSandbox(place) };
    const before = place.digest();
    const finished = await place.run(["-p", "--json", ...flags, "look around"], { environment });
    expect(place.digest()).toBe(before);
    expect(existsSync(join(place.home, "escaped.txt"))).toBe(false);
    expect(existsSync("/tmp/bmo-plan-stage-escaped.txt")).toBe(false);
    const result = resultOf(finished);
    expect({ result: result.result, code: result.exit_code, plan: result.plan }).toEqual({
      result: "still alive",
      code: 0,
      plan: null,
    });
    expect(server.requests.map((request) => request.violations)).toEqual(server.requests.map(() => []));

    const results = ((seen as SeenRequest | null)?.toolResults ?? []).map(({ text }) => text);
    const calls = batches.flat();
    expect(results).toHaveLength(calls.length);
    for (const [index, call] of calls.entries()) {
      const reading = READING.find((one) => one.call === call);
      const text = results[index] ?? "";
      if (reading !== undefined) expect(`${JSON.stringify(call.input)}: ${text}`).toMatch(reading.shows);
      else if (call.name === "submit_plan") expect(text).toContain("set_plan_artifact");
      else if (call.name !== "bash") expect(text).toMatch(/not available in the plan stage/);
      else if (!sandboxed) expect(`${String(call.input?.["command"])}: ${text}`).toMatch(/Refused/);
    }
    // Refusals while planning do not make an exit code, but they are told.
    expect(result.denials.filter(({ tool }) => tool === "write")).toHaveLength(2);
    if (!sandboxed) expect(result.denials.filter(({ tool }) => tool === "bash")).toHaveLength(WRITING_COMMANDS.length);
    for (const request of server.requests)
      expect(request.tools.filter((tool) => ["write", "edit", "multiedit"].includes(tool))).toEqual([]);
  });
});

test("a plan handed in after refusals is exit 3, not 4", async () => {
  let step = 0;
  const { place } = await scene({
    replies: () =>
      step++ === 0
        ? { calls: FILE_CALLS }
        : { calls: [{ name: "set_plan_artifact", input: planInput([ticket("t1", { "a.txt": "modify" })]) }] },
  });
  place.file("a.txt", "line one\n");
  const before = treeDigest(place.workspace);
  expect((await place.run(["-p", "plan it"])).code).toBe(3);
  expect(place.digest()).toBe(before);
});
