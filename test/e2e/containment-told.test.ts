// What containment cannot settle or does not watch is told by the real program: in the exit code, in denials, in the
// report.

import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bash, commitAll, pathWithout } from "./containment-scene.ts";
import { isPlanning, planInput, resultOf, scene, submit, ticket, type Scene } from "./scenario.ts";
import { needBubblewrap } from "../support/need.ts";
import type { SeenRequest } from "../support/vendor-server.ts";

async function executing(commands: string[]): Promise<Scene & { results(): string[] }> {
  let last: SeenRequest | null = null;
  const one = await scene({
    replies(request) {
      if (isPlanning(request)) return submit(planInput([ticket("t1", { "src/**": "modify" }, { commands })]));
      last = request;
      const command = commands[request.toolResults.length];
      return command === undefined ? { text: "done" } : { calls: [bash(command)] };
    },
  });
  one.place.file("src/a.txt", "a\n");
  one.place.file(".gitignore", "dist/\n*.log\n");
  return { ...one, results: () => (last?.toolResults ?? []).map(({ text }) => text) };
}

test("a path that cannot be put back: exit 4, a denial and a row of the report; the rest is put back", async () => {
  const one = await executing(["rm -f control; echo evil > evil.txt; echo in > src/a.txt", "echo after > src/b.txt"]);
  commitAll(one.place);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(one.place.workspace, "control"), resolve));
  // The sandbox keeps a command from removing a socket.
  const finished = await one.place.run(["-p", "--json", "--approve", "do it"], {
    environment: { PATH: pathWithout("bwrap") },
  });
  await new Promise((resolve) => server.close(resolve));
  const result = resultOf(finished);
  expect(result).toMatchObject({
    exit_code: 4,
    status: "denied",
    report: { unsettled: [expect.stringMatching(/^control \(could not be put back: it was a socket/)] },
  });
  expect(result.denials.map(({ reason }) => reason)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^control: could not be put back: it was a socket/)]),
  );
  expect(finished.stderr).toMatch(/not settled: control/);
  expect(existsSync(join(one.place.workspace, "evil.txt"))).toBe(false);
  expect([one.place.read("src/a.txt"), one.place.read("src/b.txt")]).toEqual(["in\n", "after\n"]);
});

test("ignored paths that a command wrote are listed in the report, as text and as JSON", async () => {
  const one = await executing([
    "mkdir -p dist/in; echo 1 > dist/in/1; echo 2 > dist/2; echo l > run.log; echo in > src/a.txt",
  ]);
  commitAll(one.place);
  const finished = await one.place.run(["-p", "--json", "--approve", "do it"]);
  expect(resultOf(finished)).toMatchObject({
    exit_code: 0,
    report: { ignored_written: ["dist/ (2 files)", "run.log"], touched_files: [{ path: "src/a.txt" }] },
  });
  const text = await executing(["echo l > run.log; echo in > src/a.txt"]);
  commitAll(text.place);
  expect((await text.place.run(["-p", "--approve", "do it"])).stderr).toContain(
    "written where ignored, not watched: run.log",
  );
});

const sandbox = needBubblewrap();
test.skipIf(sandbox.missing)(
  sandbox.title("the private /tmp of commands is emptied above its bound, and that is told"),
  async () => {
    const one = await executing([
      "echo small > /tmp/small",
      "cat /tmp/small; fallocate -l 2200M /tmp/large || head -c 2200M /dev/zero > /tmp/large",
      "cat /tmp/small /tmp/large 2> /dev/null | head -c 9 | wc -c",
    ]);
    commitAll(one.place);
    expect(resultOf(await one.place.run(["-p", "--json", "--approve", "do it"]))).toMatchObject({ exit_code: 0 });
    const [first, second, third] = one.results();
    expect(first).not.toContain("was emptied");
    expect(second).toMatch(
      /^small\n[\s\S]*the private temporary folder of commands held more than 2 GiB or \d+ entries and was emptied/,
    );
    expect(third).toMatch(/^0\b/);
  },
);
