// What interpreters and test runners keep for themselves is no change of the tree: an honest test run in a project without a
// .gitignore is neither put back nor counted as refused.

import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { bash, commitAll, hasBubblewrap, isGit, pathWithout, treeOf } from "../e2e/containment-scene.ts";
import { planInput, planThen, resultOf, scene, ticket } from "../e2e/scenario.ts";

function works(program: string, ...words: string[]): boolean {
  try {
    execFileSync(program, words, { stdio: "ignore" });
    return true;
  } catch {
    return false; // Not installed here.
  }
}

const RUNNERS = [["python3 -m unittest -q", works("python3", "--version")], ["python3 -m pytest -q -p no:benchmark", works("python3", "-m", "pytest", "--version")]] as const;

for (const [command, installed] of RUNNERS) {
  test.skipIf(!installed).each([["with a sandbox", true], ["without a sandbox", false]] as const)(`${command}, %s (skipped: it is not installed)`, async (_name, sandboxed) => {
    if (sandboxed && !hasBubblewrap) return;
    const plan = planInput([ticket("t1", { "sums.py": "modify" }, { verify: [command] })]);
    const replies = planThen(plan, [{ calls: [{ name: "view", input: { path: "sums.py" } }] }, { calls: [{ name: "edit", input: { path: "sums.py", old: "a - b", new: "a + b" } }] }, { calls: [bash(command)] }, { text: "Done." }]);
    const { place } = await scene({ replies });
    place.file("sums.py", "def add(a, b):\n    return a - b\n");
    place.file("test_sums.py", "import unittest\nimport sums\n\n\nclass Sums(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(sums.add(1, 2), 3)\n");
    commitAll(place);
    const result = resultOf(await place.run(["-p", "--json", "--approve", "mend it"], { environment: sandboxed ? {} : { PATH: pathWithout(place, "bwrap") } }));
    expect({ code: result.exit_code, denials: result.denials, files: result.files.map(({ path }) => path) }).toEqual({ code: 0, denials: [], files: ["sums.py"] });
    expect(Object.keys(treeOf(place.workspace, isGit))).toEqual(["sums.py", "test_sums.py"]);
  });
}
