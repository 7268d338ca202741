// What the kill tests share: a job with two tickets, models that decide by what lies on disk, and the look at what a
// killed run leaves behind.

import { existsSync, readdirSync, readFileSync, readlinkSync, watch } from "node:fs";
import { join } from "node:path";
import type { ChildProcess } from "node:child_process";
import {
  startVendorServer,
  type ScriptedReply,
  type SeenRequest,
  type VendorServer,
} from "../support/vendor-server.ts";
import { createPlace, providerToml, type Place, type WireName } from "./harness.ts";
import { isPlanning, lastResult, planInput, submit, ticket } from "./scenario.ts";

export const OLD = `${Array.from({ length: 300 }, (_, index) => `line ${index} of the file as it was`).join("\n")}\nthe old end\n`;
export const NEW = OLD.replace("the old end", "the new end");
export const SECOND = `${"second file\n".repeat(2_000)}`;
/** Runs until the test lets it go; what it started is known by the mark it leaves. */
const HOLD = "sh hold.sh";
const HOLD_SCRIPT = `echo started > marks/$1\nwhile [ ! -e marks/go ]; do sleep 0.02; done\n`;

export interface Setup {
  wire: WireName;
  unit: "plan" | "ticket" | "off";
  /** Which command waits for the test. */
  hold: "none" | "bash" | "verify";
}

export interface KillScene {
  server: VendorServer;
  place: Place;
  setup: Setup;
}

/**
 * Before each event of a reply is written, and once more when all are; `event` counts from 0, `last` is the extra one.
 */
export type Moment = (request: SeenRequest, event: number) => void | Promise<void>;

function planOf(setup: Setup): ReturnType<typeof planInput> {
  return planInput([
    ticket(
      "t1",
      { "a.txt": "modify", "marks/**": "create" },
      {
        title: "Make the first",
        commands: ["bash(sh hold.sh bash)"],
        verify: [setup.hold === "verify" ? `${HOLD} verify` : "grep -q 'the new end' a.txt"],
      },
    ),
    ticket("t2", { "b.txt": "create" }, { title: "Make the second", depends_on: ["t1"], verify: ["test -s b.txt"] }),
  ]);
}

/** The next step of somebody who looks at the files first: a run that was interrupted anywhere is carried on. */
function executorReply({ place, setup }: Pick<KillScene, "place" | "setup">, request: SeenRequest): ScriptedReply {
  const told = request.userTexts.join("\n");
  const concerns = (title: string): boolean => setup.unit !== "ticket" || told.includes(title);
  if (concerns("Make the first") && place.read("a.txt") === OLD) {
    const seen = request.toolCalls.at(-1)?.name === "view" && lastResult(request).includes("the old end");
    const edit = { name: "edit", input: { path: "a.txt", old: "the old end", new: "the new end" } };
    return seen
      ? { text: "Now I change its end.", calls: [edit] }
      : { text: "I look at the file first.", calls: [{ name: "view", input: { path: "a.txt" } }] };
  }
  if (setup.hold === "bash" && concerns("Make the first") && !existsSync(join(place.workspace, "marks/bash")))
    return { calls: [{ name: "bash", input: { command: `${HOLD} bash` } }] };
  if (concerns("Make the second") && !existsSync(join(place.workspace, "b.txt"))) {
    return {
      reasoning: "One file is left.",
      calls: [
        { name: "write", input: { path: "b.txt", content: SECOND } },
        { name: "glob", input: { pattern: "*.txt" } },
      ],
    };
  }
  return { text: "All of it is done, as the plan says." };
}

export function replyFor(scene: Pick<KillScene, "place" | "setup">, request: SeenRequest): ScriptedReply {
  if (!isPlanning(request)) return executorReply(scene, request);
  const looked = request.toolResults.some(
    (result) =>
      result.text.includes("the end") || result.text.includes("the old end") || result.text.includes("the new end"),
  );
  return looked
    ? { text: "This is the plan.", ...submit(planOf(scene.setup)) }
    : { text: "I look around before I plan.", calls: [{ name: "view", input: { path: "a.txt" } }] };
}

export async function killScene(setup: Setup, moment: Moment = () => undefined): Promise<KillScene> {
  const place = createPlace();
  const server = await startVendorServer({
    replies: (request) => replyFor({ place, setup }, request),
    onEvent: moment,
  });
  place.file("a.txt", OLD);
  place.file("hold.sh", HOLD_SCRIPT);
  place.file("marks/.keep", "");
  const unit = setup.unit === "off" ? "" : `[options.phase_model]\nunit = "${setup.unit}"\n`;
  place.configure(`model = "p/m-1"\n${providerToml("p", setup.wire, server.url, ["m-1"])}${unit}`);
  return { server, place, setup };
}

export const FIRST_RUN: Record<Setup["unit"], string[]> = {
  plan: ["-p", "--approve", "do the two things"],
  ticket: ["-p", "--approve", "do the two things"],
  off: ["-p", "--no-plan", "--permission-mode", "bypassPermissions", "do the two things"],
};

/** Resolves when a path exists; the folder must. */
export async function appears(folder: string, name: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      if (existsSync(join(folder, name))) done();
    });
    const done = (): void => {
      watcher.close();
      resolve();
    };
    if (existsSync(join(folder, name))) done();
  });
}

export function sessionFile(place: Place): string {
  const root = join(place.home, "bmo", "sessions");
  const found = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".jsonl"));
  if (found.length !== 1) throw new Error(`${found.length} session files: ${found.join(", ")}`);
  return join(root, found[0] ?? "");
}

/** Up to the end of the last whole record. */
export function wholeRecords(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
}

/** Living processes that work in a place, by command line; the kernel gives up a killed one in its own time. */
function processesIn(place: Place): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      if (!readlinkSync(`/proc/${pid}/cwd`).startsWith(place.workspace)) return [];
      return [`${pid}: ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()}`];
    } catch {
      return []; // Ended meanwhile, or not ours to look at.
    }
  });
}

/** What still runs in a place; waits at most three seconds for it to end. */
export async function leftOver(place: Place): Promise<string[]> {
  for (let attempt = 0; attempt < 60; attempt++) {
    if (processesIn(place).length === 0) return [];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return processesIn(place);
}

export function kill(child: ChildProcess): void {
  child.kill("SIGKILL");
}
