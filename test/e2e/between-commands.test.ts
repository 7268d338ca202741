// Without a sandbox a program can outlive its command: what it writes between two commands, or after the last, is told
// and stays, like what the user saves meanwhile.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bash, commitAll, hasBubblewrap, pathWithout } from "./containment-scene.ts";
import { need } from "../support/need.ts";
import { isPlanning, planInput, resultOf, scene, submit, ticket, type Scene } from "./scenario.ts";

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}

const LATE =
  "env -i /usr/bin/setsid /bin/bash -c 'while [ ! -e marks/go ]; do sleep 0.02; done; echo late > late.txt; while [ ! -e marks/end ]; do sleep 0.02; done' > /dev/null 2>&1 & echo in > src/a.txt";

/** Three replies: a command, a file tool, the end. `between` happens while the third is waited for. */
async function executing(command: string, between: (one: Scene) => Promise<void>): Promise<Scene> {
  const plan = planInput([ticket("t1", { "src/**": "modify" }, { commands: [command] })]);
  const one = await scene({
    replies: (request) =>
      isPlanning(request)
        ? submit(plan)
        : ([
            { calls: [bash(command)] },
            { calls: [{ name: "write", input: { path: "src/b.txt", content: "b\n" } }] },
            { text: "done" },
          ][Math.min(request.toolResults.length, 2)] ?? { text: "done" }),
    async onEvent(request, index) {
      if (!isPlanning(request) && request.toolResults.length === 2 && index === 0) await between(one);
    },
  });
  for (const path of ["README.md", "src/a.txt"]) one.place.file(path, "as it was\n");
  one.place.file("marks/.keep", "");
  one.place.file(".gitignore", "marks/\n");
  commitAll(one.place);
  return one;
}

test("a daemon with an emptied environment, and an editor: both are told, neither is taken away", async () => {
  const one = await executing(LATE, async ({ place }) => {
    place.file("marks/go", "");
    await until(() => existsSync(join(place.workspace, "late.txt")));
    place.file("README.md", "saved meanwhile\n");
  });
  const finished = await one.place.run(["-p", "--json", "--approve", "do it"], {
    environment: { PATH: pathWithout("bwrap") },
  });
  one.place.file("marks/end", "");
  expect(resultOf(finished)).toMatchObject({ exit_code: 0 });
  const [, told = ""] = /changed between commands, by you or a program left running: (.*)/.exec(finished.stderr) ?? [];
  expect(told.split(", ").sort()).toEqual(["README.md", "late.txt"]);
  expect(finished.stderr).toMatch(
    /began while the plan was executed and still runs in the workspace: process \d+ \(bash\)/,
  );
  expect([
    one.place.read("README.md"),
    one.place.read("late.txt"),
    one.place.read("src/a.txt"),
    one.place.read("src/b.txt"),
  ]).toEqual(["saved meanwhile\n", "late\n", "in\n", "b\n"]);
});

describe.each([
  ["without a sandbox", false],
  ["with the sandbox", true],
] as const)("%s", (_name, sandboxed) => {
  const sandbox = need(!sandboxed || hasBubblewrap, "bubblewrap is not installed");
  test.skipIf(sandbox.missing)(
    sandbox.title("what tools and commands of the plan changed is not told as somebody else's"),
    async () => {
      const one = await executing(
        "echo in > src/a.txt; mkdir -p src/deep; echo c > src/deep/c; chmod 600 src/a.txt",
        () => Promise.resolve(),
      );
      const finished = await one.place.run(["-p", "--json", "--approve", "do it"], {
        environment: sandboxed ? {} : { PATH: pathWithout("bwrap") },
      });
      expect(resultOf(finished)).toMatchObject({ exit_code: 0 });
      expect(finished.stderr).not.toMatch(/between commands|still runs/);
    },
  );
});
