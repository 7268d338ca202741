// Whatever happens at whatever moment: after an interruption, feedback or a broken part at each event of a run, the
// session goes on to the end, its history is one that vendors accept, and nothing that the person said is lost.

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  call,
  createHarness,
  isPlanning,
  plan,
  ticket,
  told,
  write,
  type Harness,
  type Reply,
  type SeenRequest,
} from "./harness.ts";
import { complaints } from "../support/complaints.ts";

const PLAN = plan([
  ticket("t1", { "a.txt": "create" }, { verify: ["test -s a.txt"] }),
  ticket("t2", { "b.txt": "create" }, { depends_on: ["t1"] }),
]);

/** Decides by what lies on disk, so that it can go on after anything. */
function worker(request: SeenRequest, _number: number, { exists }: Harness): Reply {
  if (isPlanning(request))
    return told(request).some((text) => text.includes("No files found") || text.includes(".txt"))
      ? { text: "This is it.", ...PLAN }
      : call("glob", { pattern: "*" });
  const all = told(request).join("\n");
  if (all.includes("Ticket t1") && !exists("a.txt"))
    return {
      text: "First.",
      calls: [
        { name: "write", input: { path: "a.txt", content: "a" } },
        { name: "glob", input: { pattern: "*" } },
      ],
    };
  if (all.includes("Ticket t2") && !exists("b.txt")) return write("b.txt", "b");
  return { text: "All done." };
}

function start(config: string): Promise<Harness> {
  return createHarness({ config, files: { "seen.txt": "x" }, script: worker });
}

/** As a person would go on: approve what can be approved, else say it again. */
async function toTheEnd(harness: Harness): Promise<string> {
  for (let attempt = 0; attempt < 6; attempt++) {
    const { plan: at } = harness.agent.state().workflow;
    if (at?.state === "done") return "done";
    if (at === null) await harness.submit("make two files");
    else await harness.approve();
  }
  return `stuck: ${JSON.stringify(harness.agent.state().workflow).slice(0, 300)}`;
}

async function eventsOfRun(config: string): Promise<number> {
  const harness = await start(config);
  expect(await toTheEnd(harness)).toBe("done");
  return harness.events.length;
}

/** Every other event of each unit, the odd ones of one and the even ones of the other. */
const UNITS = [
  ["plan", "", 0],
  ["ticket", '[options.phase_model]\nunit = "ticket"', 1],
] as const;

describe.each(UNITS)("unit %s", (_unit, config, from) => {
  test("interrupted at each event, here or by the end of the process, it goes on to the end", async () => {
    const wrong: string[] = [];
    const count = await eventsOfRun(config);
    for (let at = from; at < count; at += 2) {
      const harness = await start(config);
      harness.agent.subscribe(() => {
        if (harness.events.length === at + 1) void harness.agent.abort("test");
      });
      await harness.submit("make two files");
      if (harness.agent.state().workflow.plan?.state === "awaiting_approval") await harness.approve();
      const event = harness.events[at]?.type ?? "none";
      if (at % 4 >= 2) await harness.reopen();
      const end = await toTheEnd(harness);
      if (end !== "done") wrong.push(`event ${at} (${event}): ${end}`);
      if (harness.agent.busy()) wrong.push(`event ${at} (${event}): still busy`);
      for (const request of harness.requests)
        wrong.push(...complaints(request.messages).map((text) => `event ${at} (${event}): ${text}`));
      const open =
        harness.records().filter((record) => record.type === "turn_start").length -
        harness.records().filter((record) => record.type === "turn_end").length;
      if (open !== 0) wrong.push(`event ${at} (${event}): ${open} turns without an end`);
      await harness.agent.close();
    }
    expect(wrong).toEqual([]);
  });

  test("feedback at each event of an execution reaches the planner, and no later turn stumbles over it", async () => {
    const wrong: string[] = [];
    const count = await eventsOfRun(config);
    for (let at = from; at < count; at += 2) {
      const harness = await start(config);
      let revised: Promise<unknown> | null = null;
      harness.agent.subscribe(() => {
        if (harness.events.length === at + 1) revised = harness.agent.revise("in capitals please");
      });
      await harness.submit("make two files");
      await revised;
      if (harness.agent.state().workflow.plan?.state === "awaiting_approval" && harness.events.length <= at)
        await harness.approve();
      await revised;
      const event = harness.events[at]?.type ?? "none";
      const heard = harness.requests.filter(
        (request) => isPlanning(request) && told(request).at(-1)?.includes("in capitals please") === true,
      );
      if (heard.length !== 1) wrong.push(`event ${at} (${event}): the planner heard it ${heard.length} times`);
      const end = await toTheEnd(harness);
      if (end !== "done") wrong.push(`event ${at} (${event}): ${end}`);
      for (const request of harness.requests)
        wrong.push(...complaints(request.messages).map((text) => `event ${at} (${event}): ${text}`));
      await harness.agent.close();
    }
    expect(wrong).toEqual([]);
  });
});

describe("a part that breaks", () => {
  test("no checkpoint can be made: the execution does not begin, and goes on once it can", async () => {
    const harness = await start("");
    await harness.submit("make two files");
    const blocker = join(harness.home, "checkpoints");
    rmSync(blocker, { recursive: true, force: true });
    writeFileSync(blocker, "no folder");
    await expect(harness.approve()).rejects.toThrow();
    expect(harness.agent.state().workflow).toMatchObject({ stage: "execute", interrupted: true });
    expect(harness.agent.busy()).toBe(false);
    rmSync(blocker);
    expect(await toTheEnd(harness)).toBe("done");
  });

  test("a tool that breaks is an answer to the model", async () => {
    const harness = await createHarness({
      flags: ["--no-plan", "--permission-mode", "bypassPermissions"],
      script: [write("a.txt", "x"), { text: "Then not." }],
    });
    const blocker = join(harness.home, "checkpoints");
    rmSync(blocker, { recursive: true, force: true });
    writeFileSync(blocker, "no folder");
    expect(await harness.submit("go")).toMatchObject({ reason: "done", text: "Then not." });
    expect(told(harness.requests[1]).at(-1)).toMatch(/^write/);
    expect(harness.exists("a.txt")).toBe(false);
  });
});
