// A repository that a command makes is one change: kept where the plan names the git command, gone as a whole where it
// does not.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test, describe } from "vitest";
import { bash, commitAll, git, isGit, pathWithout, treeOf, SANDBOXES } from "../e2e/containment-scene.ts";
import { planInput, planThen, resultOf, scene, ticket } from "../e2e/scenario.ts";
import { needBubblewrap } from "../support/need.ts";

const AUTHOR = {
  GIT_AUTHOR_NAME: "x",
  GIT_AUTHOR_EMAIL: "x@example.org",
  GIT_COMMITTER_NAME: "x",
  GIT_COMMITTER_EMAIL: "x@example.org",
};

describe.each(SANDBOXES)("%s", (_name, sandboxed) => {
  const sandbox = needBubblewrap(sandboxed);

  test.skipIf(sandbox.missing)(sandbox.title("a planned git init and the first commit stand"), async () => {
    const plan = planInput([
      ticket("t1", { "a.txt": "modify" }, { commands: ["git init -q", "git add a.txt", "git commit -qm first"] }),
    ]);
    const { place } = await scene({
      replies: planThen(plan, [
        { calls: [bash("git init -q"), bash("git add a.txt"), bash("git commit -qm first")] },
        { text: "Done." },
      ]),
    });
    place.file("a.txt", "a\n");
    const result = resultOf(
      await place.run(["-p", "--json", "--approve", "start a repository"], {
        environment: { ...AUTHOR, ...(sandboxed ? {} : { PATH: pathWithout("bwrap") }) },
      }),
    );
    expect({ code: result.exit_code, denials: result.denials }).toEqual({ code: 0, denials: [] });
    expect(git(place, "log", "--format=%s")).toBe("first\n");
  });

  test.skipIf(sandbox.missing)(sandbox.title("an unplanned one is taken away whole"), async () => {
    const plan = planInput([ticket("t1", { "a.txt": "modify" })]);
    const { place } = await scene({
      replies: planThen(plan, [
        { calls: [bash("git init -q lib; git init -q made; echo x > made/x")] },
        { text: "Done." },
      ]),
    });
    place.file("a.txt", "a\n");
    place.file("lib/b.txt", "b\n");
    commitAll(place);
    const before = treeOf(place.workspace, isGit);
    const result = resultOf(
      await place.run(["-p", "--json", "--approve", "--dangerously-skip-permissions", "go"], {
        environment: sandboxed ? {} : { PATH: pathWithout("bwrap") },
      }),
    );
    expect({ code: result.exit_code, paths: result.files.map(({ path, rolled_back }) => [path, rolled_back]) }).toEqual(
      {
        code: 4,
        paths: expect.arrayContaining([
          ["lib/.git/", true],
          ["made/", true],
        ]) as unknown,
      },
    );
    expect(treeOf(place.workspace, isGit)).toEqual(before);
    expect(existsSync(join(place.workspace, "lib/.git"))).toBe(false);
  });
});
