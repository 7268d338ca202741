// Plan in one process, approve in another, on every wire format and across them: which model got which request, what
// the executor was told, and that nothing is written before the approval.

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { startVendorServer, type ScriptedReply, type SeenRequest } from "../support/vendor-server.ts";
import { createPlace, providerToml, type WireName } from "./harness.ts";

interface Drawn {
  nonce: string;
  file: string;
  secretWord: string;
  planner: string;
  executor: string;
}

function draw(): Drawn {
  const random = (): string => randomBytes(6).toString("hex");
  return {
    nonce: random(),
    file: `src/${random()}.txt`,
    secretWord: `planning-only-${random()}`,
    planner: `planner-${random()}`,
    executor: `executor-${random()}`,
  };
}

/** A planner that looks and plans; an executor whose edit needs what `view` showed it. */
function script(drawn: Drawn): (request: SeenRequest) => ScriptedReply {
  return (request) => {
    if (request.model === drawn.planner) {
      if (request.toolResults.length === 0)
        return { text: `I keep ${drawn.secretWord} in mind.`, calls: [{ name: "view", input: { path: drawn.file } }] };
      return {
        calls: [
          {
            name: "set_plan_artifact",
            input: {
              title: "Change the marker",
              summary: "The marker line becomes its reverse.",
              tickets: [
                {
                  id: "t1",
                  title: "Edit",
                  detail: "Reverse the marker",
                  files: [{ path: drawn.file, action: "modify" }],
                  commands: [],
                  acceptance: ["the marker is reversed"],
                  verify: [],
                  depends_on: [],
                  out_of_scope: ["anything else"],
                },
              ],
            },
          },
        ],
      };
    }
    const called = (name: string): number => request.toolCalls.filter((call) => call.name === name).length;
    // With the whole conversation handed over, the planner's own view stands in the history too.
    const planned = called("set_plan_artifact");
    const shown = request.toolResults.findLast((result) => result.text.includes("marker="));
    if (shown === undefined || called("view") <= planned)
      return { calls: [{ name: "view", input: { path: drawn.file } }] };
    if (called("edit") === 0) {
      const marker = /marker=([0-9a-f]+)/.exec(shown.text)?.[1] ?? "not seen";
      return {
        calls: [
          {
            name: "edit",
            input: { path: drawn.file, old: `marker=${marker}`, new: `marker=${[...marker].reverse().join("")}` },
          },
        ],
      };
    }
    return { text: "Done: the marker is reversed." };
  };
}

const WIRES: WireName[] = ["anthropic", "responses", "chat"];
const PAIRS = WIRES.flatMap((planner) => WIRES.map((executor) => [planner, executor] as const));

describe.each(PAIRS)("planner on %s, executor on %s", (plannerWire, executorWire) => {
  test.each(["plan", "full"] as const)(
    "handoff %s: plan exits 3 and writes nothing, /approve from a new process executes",
    async (handoff) => {
      const drawn = draw();
      const server = await startVendorServer({ replies: script(drawn) });
      const place = createPlace();
      place.file(drawn.file, `first\nmarker=${drawn.nonce}\nlast\n`);
      place.configure(
        [
          `model = "p/${drawn.planner}"`,
          providerToml("p", plannerWire, server.url, [drawn.planner]),
          providerToml("e", executorWire, server.url, [drawn.executor]),
          "[options.phase_model]",
          `planning_model = "p/${drawn.planner}"`,
          `execution_model = "e/${drawn.executor}"`,
          `handoff = "${handoff}"`,
        ].join("\n"),
      );
      const before = place.digest();

      const planned = await place.run(["-p", "reverse the marker please"]);
      expect({ code: planned.code, stderr: planned.stderr }).toMatchObject({ code: 3 });
      expect(planned.stdout).toContain("# Change the marker");
      expect(planned.stderr).toMatch(/bmo approve p_/);
      expect(place.digest()).toBe(before);
      const planningCalls = server.requests.length;

      const executed = await place.run(["-c", "-p", "/approve"]);
      expect({ code: executed.code, stderr: executed.stderr }).toMatchObject({ code: 0 });
      expect(executed.stdout).toBe("Done: the marker is reversed.\n");
      expect(place.read(drawn.file)).toBe(`first\nmarker=${[...drawn.nonce].reverse().join("")}\nlast\n`);

      expect(server.requests.map((request) => request.status)).toEqual(server.requests.map(() => 200));
      expect(server.requests.map((request) => request.model)).toEqual(
        server.requests.map((_, index) => (index < planningCalls ? drawn.planner : drawn.executor)),
      );
      const toExecutor = server.requests.slice(planningCalls);
      expect(toExecutor.length).toBe(3);
      for (const request of toExecutor) expect(request.raw.includes(drawn.secretWord)).toBe(handoff === "full");
      for (const request of server.requests.slice(0, planningCalls))
        expect(request.tools.filter((tool) => ["write", "edit", "multiedit"].includes(tool))).toEqual([]);
      expect(toExecutor[0]?.tools).toContain("edit");
      await server.close();
    },
  );
});
