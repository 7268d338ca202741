// What interpreters and test runners keep for themselves is no change of the tree: an honest test run in a project
// without a .gitignore is neither put back nor counted as refused.

import { describe, expect, test } from "vitest";
import { bash, commitAll, isGit, pathWithout, SANDBOXES, treeOf } from "../e2e/containment-scene.ts";
import { planInput, planThen, resultOf, scene, ticket } from "../e2e/scenario.ts";
import { need, needAll, needBubblewrap, needProgram, works, type Need } from "../support/need.ts";

const RUNNERS: [string, Need][] = [
  ["python3 -m unittest -q", needProgram("python3", "Python")],
  [
    "python3 -m pytest -q -p no:benchmark",
    need(works("python3", "-m", "pytest", "--version"), "pytest is not installed"),
  ],
];

describe.each(RUNNERS)("%s", (command, runner) => {
  describe.each(SANDBOXES)("%s", (_name, sandboxed) => {
    const needed = needAll(runner, needBubblewrap(sandboxed));
    test.skipIf(needed.missing)(needed.title("leaves nothing in the tree"), async () => {
      const plan = planInput([ticket("t1", { "sums.py": "modify" }, { verify: [command] })]);
      const replies = planThen(plan, [
        { calls: [{ name: "view", input: { path: "sums.py" } }] },
        { calls: [{ name: "edit", input: { path: "sums.py", old: "a - b", new: "a + b" } }] },
        { calls: [bash(command)] },
        { text: "Done." },
      ]);
      const { place } = await scene({ replies });
      place.file("sums.py", "def add(a, b):\n    return a - b\n");
      place.file(
        "test_sums.py",
        "import unittest\nimport sums\n\n\nclass Sums(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(sums.add(1, 2), 3)\n",
      );
      commitAll(place);
      const result = resultOf(
        await place.run(["-p", "--json", "--approve", "mend it"], {
          environment: sandboxed ? {} : { PATH: pathWithout("bwrap") },
        }),
      );
      expect({ code: result.exit_code, denials: result.denials, files: result.files.map(({ path }) => path) }).toEqual({
        code: 0,
        denials: [],
        files: ["sums.py"],
      });
      expect(Object.keys(treeOf(place.workspace, isGit))).toEqual(["sums.py", "test_sums.py"]);
    });
  });
});
