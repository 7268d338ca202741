// What a command of the plan stage reaches, through the real program: the figure of the bench in one run, and the
// places where a sandbox used to be stopped by what it could not mask.

import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { runPlanStage } from "../../bench/containment/plan-stage.mts";
import { need, needBubblewrap } from "../support/need.ts";
import { bash, callThen, pathWithout } from "./containment-scene.ts";
import { scene } from "./scenario.ts";

const bubblewrap = needBubblewrap();
const root = need(process.getuid?.() === 0, "only root can make what belongs to another user");

const remove: (() => void)[] = [];
afterEach(() => remove.splice(0).forEach((one) => one()));

test.skipIf(bubblewrap.missing)(
  bubblewrap.title(
    "secrets in a home and beside it, writes, sockets, pipes, keyrings, descriptors: nothing is reached, and work goes on",
  ),
  async () => {
    const { places, commands, ...reached } = await runPlanStage();
    expect(reached).toEqual({ read: [], written: [], reached: [], descriptors: [], broken: [] });
    expect(places).toBeGreaterThan(120);
    expect(commands).toBeGreaterThan(15);
  },
  300_000,
);

test.skipIf(bubblewrap.missing || root.missing)(
  bubblewrap.title(root.title("a socket that another user keeps in a closed folder stops no command")),
  async () => {
    const folder = mkdtempSync("/var/tmp/bmo-closed-");
    const path = join(folder, "own", "a.sock");
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, "own"));
    chownSync(join(folder, "own"), 12_345, 12_345);
    chmodSync(join(folder, "own"), 0o700);
    const listener = createServer().listen(path);
    remove.push(() => {
      listener.close();
      rmSync(folder, { recursive: true, force: true });
    });
    await once(listener, "listening");
    chownSync(path, 12_345, 12_345);
    const { place, server } = await scene({ replies: () => ({ text: "not set yet" }) });
    const turn = callThen([bash("echo it runs $(:)")]);
    server.setReplies(turn.replies);
    const ended = await place.run(["-p", "look", "--add-dir", folder], {});
    expect(turn.results().join("\n")).toBe("it runs");
    expect(ended.stderr).not.toContain("sandbox");
  },
  60_000,
);

test("without a sandbox the run says so once, on stderr, and only where a command runs or is refused", async () => {
  const { place, server } = await scene({ replies: () => ({ text: "not set yet" }) });
  const environment = { PATH: pathWithout("bwrap") };
  const turn = callThen([bash("ls"), bash("node -e 1"), bash("pwd")]);
  server.setReplies(turn.replies);
  const ended = await place.run(["-p", "look"], { environment });
  expect(ended.stderr.match(/no sandbox/g)).toHaveLength(1);
  expect(ended.stderr).toContain("no sandbox: bubblewrap is not installed");
  expect(ended.stdout).not.toContain("no sandbox");
  server.setReplies(() => ({ text: "nothing to do" }));
  expect((await place.run(["-p", "hello"], { environment })).stderr).not.toContain("no sandbox");
}, 60_000);
