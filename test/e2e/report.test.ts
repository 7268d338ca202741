// The report of an execution on stderr: what was planned and touched, and what drifted; silent under --quiet.

import { expect, test } from "vitest";
import { planInput, planThen, scene, ticket } from "./scenario.ts";

test("stderr ends with what was planned, touched, refused and run beside the plan; stdout is the answer alone", async () => {
  const plan = planInput([ticket("t1", { "a.txt": "create" })]);
  const { place } = await scene({
    replies: planThen(plan, [
      { calls: [{ name: "write", input: { path: "a.txt", content: "a\n" } }] },
      { calls: [{ name: "write", input: { path: "b.txt", content: "b\n" } }] },
      { text: "Finished." },
    ]),
  });
  const run = await place.run(["--approve", "-p", "make a"]);
  expect({ code: run.code, stdout: run.stdout }).toEqual({ code: 4, stdout: "Finished.\n" });
  expect(run.stderr).toContain("planned: create a.txt\ntouched: create a.txt\n");
  expect(run.stderr.match(/^planned:/gm)).toHaveLength(1);
  const quiet = await place.run(["--approve", "-q", "-p", "make a"]);
  expect(quiet.stderr).not.toContain("planned:");
});
