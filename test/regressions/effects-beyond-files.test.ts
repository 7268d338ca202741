// Effects that no file tells of: permission bits of folders, pipes and sockets. Out of scope they are put back; ignored
// output, empty folders in it included, is left alone.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test, describe } from "vitest";
import { bash, commitAll, isGit, pathWithout, treeOf, SANDBOXES } from "../e2e/containment-scene.ts";
import { planInput, planThen, resultOf, scene, ticket } from "../e2e/scenario.ts";
import { needBubblewrap } from "../support/need.ts";

const OUT_OF_SCOPE = `chmod 777 lib; chmod 770 .; mkdir made; mkfifo made/pipe pipe; node -e 'require("net").createServer().listen("s.sock", () => process.exit())'; rmdir empty`;
const IGNORED = "mkdir -p build/empty build/other; mkfifo build/pipe; chmod 777 build; echo x > build/out";

describe.each(SANDBOXES)("%s", (_name, sandboxed) => {
  const sandbox = needBubblewrap(sandboxed);

  test.skipIf(sandbox.missing)(sandbox.title("folders' bits, pipes and sockets"), async () => {
    const plan = planInput([ticket("t1", { "src/**": "modify" }, { commands: [OUT_OF_SCOPE, IGNORED] })]);
    const { place, server } = await scene({ replies: () => ({ text: "not set yet" }) });
    place.file("src/a.ts", "a\n");
    place.file("lib/b.ts", "b\n");
    place.file("build/old", "o\n");
    place.file(".gitignore", "build/\n");
    mkdirSync(join(place.workspace, "empty"), { mode: 0o711 });
    commitAll(place);
    const before = treeOf(place.workspace, isGit);
    const environment = sandboxed ? {} : { PATH: pathWithout("bwrap") };
    server.setReplies(planThen(plan, [{ calls: [bash(OUT_OF_SCOPE)] }, { text: "Done." }]));
    const refused = resultOf(await place.run(["-p", "--json", "--approve", "go"], { environment }));
    expect(refused.exit_code).toBe(4);
    expect(
      refused.files
        .filter((file) => file.rolled_back)
        .map(({ path, action }) => `${action} ${path}`)
        .sort(),
    ).toEqual(["create made/pipe", "create pipe", "create s.sock", "delete empty/", "modify ./", "modify lib/"]);
    expect(treeOf(place.workspace, isGit)).toEqual(before);
    server.setReplies(planThen(plan, [{ calls: [bash(IGNORED)] }, { text: "Done." }]));
    const left = resultOf(await place.run(["-p", "--json", "--approve", "go"], { environment }));
    expect({ code: left.exit_code, files: left.files }).toEqual({ code: 0, files: [] });
    expect(Object.keys(treeOf(join(place.workspace, "build")))).toEqual(["empty/", "old", "other/", "out", "pipe"]);
  });
});
