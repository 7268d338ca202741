// A planned commit whose message has several lines runs unasked; a line break outside quotes is still another command.

import { expect, test } from "vitest";
import { bash, commitAll, git, pathWithout } from "../e2e/containment-scene.ts";
import { planInput, planThen, resultOf, scene, ticket } from "../e2e/scenario.ts";

test("git commit with a quoted message of several lines", async () => {
  const plan = planInput([ticket("t1", { "a.txt": "modify" }, { commands: ["bash(git commit *)"] })]);
  const commands = [
    "git commit -q --allow-empty -m 'title\n\nbody'",
    "git commit -q --allow-empty -m x\ntouch planted",
  ];
  const { place } = await scene({
    replies: planThen(plan, [{ calls: commands.map((command) => bash(command)) }, { text: "Done." }]),
  });
  place.file("a.txt", "a\n");
  commitAll(place);
  const environment = {
    PATH: pathWithout("bwrap"),
    GIT_AUTHOR_NAME: "x",
    GIT_AUTHOR_EMAIL: "x@example.org",
    GIT_COMMITTER_NAME: "x",
    GIT_COMMITTER_EMAIL: "x@example.org",
  };
  const result = resultOf(await place.run(["-p", "--json", "--approve", "commit"], { environment }));
  expect(result.denials.map(({ summary }) => summary.includes("planted"))).toEqual([true]);
  expect(git(place, "log", "-1", "--format=%B")).toBe("title\n\nbody\n\n");
});
