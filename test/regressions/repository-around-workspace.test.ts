// The repository of a workspace that is only a part of it, or whose `.git` leads elsewhere: commands inside the sandbox
// see the whole of it where it is one, and no folder is opened for writing because a pointer of the repository names
// it.

import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bash, callThen, commitAll, git } from "../e2e/containment-scene.ts";
import { planInput, planThen, resultOf, scene, ticket } from "../e2e/scenario.ts";
import { needBubblewrap } from "../support/need.ts";

const bubblewrap = needBubblewrap();

describe.skipIf(bubblewrap.missing)(bubblewrap.title("in the sandbox"), () => {
  test("below the top of a repository, git sees all of it in both stages, and a commit deletes nothing", async () => {
    const plan = planInput([ticket("t1", { "new.txt": "create" }, { commands: ["bash(git *)"] })]);
    const { place, server } = await scene({
      replies: planThen(plan, [
        { calls: [{ name: "write", input: { path: "new.txt", content: "n\n" } }] },
        { calls: [bash("git add new.txt"), bash("git commit -qam second")] },
        { text: "Done." },
      ]),
    });
    place.file("top.txt", "top\n");
    place.file("part/own.txt", "own\n");
    commitAll(place);
    const environment = {
      GIT_AUTHOR_NAME: "x",
      GIT_AUTHOR_EMAIL: "x@example.org",
      GIT_COMMITTER_NAME: "x",
      GIT_COMMITTER_EMAIL: "x@example.org",
    };
    const finished = await place.run(["-p", "--json", "--approve", "add a file"], {
      cwd: join(place.workspace, "part"),
      environment,
    });
    expect(resultOf(finished).exit_code).toBe(0);
    expect(git(place, "show", "--format=", "--name-status", "HEAD")).toBe("A\tpart/new.txt\n");
    const look = callThen([bash("git status --short"), bash("git log --format=%s")]);
    server.setReplies(look.replies);
    expect((await place.run(["-p", "look"], { cwd: join(place.workspace, "part") })).code).toBe(0);
    expect(look.results()).toEqual(["(no output)", "second\nfirst"]);
  });

  test.each(["a .git file", "a commondir file"])(
    "%s that names the home folder opens it to no command",
    async (kind) => {
      const plan = planInput([ticket("t1", { "a.txt": "modify" }, { commands: ["bash(git *)", "bash(touch *)"] })]);
      const { place, server } = await scene({ replies: () => ({ text: "not set yet" }) });
      server.setReplies(
        planThen(plan, [{ calls: [bash(`git --version && touch ${place.home}/planted`)] }, { text: "Done." }]),
      );
      place.file("a.txt", "a\n");
      commitAll(place);
      if (kind === "a .git file") {
        rmSync(join(place.workspace, ".git"), { recursive: true });
        writeFileSync(join(place.workspace, ".git"), `gitdir: ${place.home}\n`);
      } else writeFileSync(join(place.workspace, ".git/commondir"), `${place.home}\n`);
      await place.run(["-p", "--json", "--approve", "go"]);
      expect(existsSync(join(place.home, "planted"))).toBe(false);
    },
  );
});
