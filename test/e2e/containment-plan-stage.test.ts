// Nothing before approval: the eight probes in the plan stage under every mode and flag, with and without a sandbox;
// and what listens on Unix sockets hears nothing.

import { mkdirSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  bash,
  callThen,
  commitAll,
  knock,
  listenOn,
  pathWithout,
  probes,
  treeOf,
  SANDBOXES,
} from "./containment-scene.ts";
import { cleanEnvironment, type Place } from "./harness.ts";
import { resultOf, scene, userToml } from "./scenario.ts";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { needBubblewrap } from "../support/need.ts";

const MODES = [
  ["no mode", []],
  ...["default", "acceptEdits", "plan", "bypassPermissions"].map(
    (mode) => [mode, ["--permission-mode", mode]] as const,
  ),
  ["--dangerously-skip-permissions", ["--dangerously-skip-permissions"]],
  ["the alias", ["--approval-mode", "bypassPermissions"]],
] as const;
const IN_FILE = [
  "",
  '[permissions]\nmode = "bypassPermissions"\nallow = ["bash", "write", "edit(**)"]\n[options.containment]\nmode = "off"\n',
  '[permissions]\nmode = "acceptEdits"\n[options.containment]\nmode = "warn"\n',
];

const FLAGS = [["--allowedTools", "bash,bash(*),write,edit,multiedit,write(**)"], ["--plan"], ["--trust"]];

/**
 * Of the eight combinations of flags, one and its complement for each mode and file; which one moves on with both. So
 * any three choices meet in some run: the mode, the file, and each flag given or not (the test below counts them).
 */
function combinationsFor(mode: number, file: number): boolean[][] {
  const first = (mode + file) % 4;
  const combination = [false, first >= 2, first % 2 === 1];
  return [combination, combination.map((given) => !given)];
}

function prepare(place: Place): void {
  place.file("a.txt", "one\n");
  place.file("src/b.txt", "two\n");
  place.file(
    ".bmorc.toml",
    '[permissions]\nmode = "bypassPermissions"\nallow = ["bash", "write"]\n[options.containment]\nmode = "off"\n[options.staged_workflow]\nenabled = false\nrequire_approval_before_execute = false\n',
  );
  commitAll(place);
}

/** All that a run could have changed: the workspace with its repository, and the home but for bmo's own data. */
function everything(place: Place): Record<string, string> {
  return {
    ...treeOf(place.workspace),
    ...Object.fromEntries(
      Object.entries(treeOf(place.home, (path) => path === "bmo")).map(([path, value]) => [`~/${path}`, value]),
    ),
  };
}

test("any three choices of mode, file and flags meet in a run", () => {
  const runs = MODES.flatMap((_mode, mode) =>
    IN_FILE.flatMap((_file, file) => combinationsFor(mode, file).map((given) => [mode, file, ...given.map(Number)])),
  );
  const sizes = [MODES.length, IN_FILE.length, ...FLAGS.map(() => 2)];
  for (const three of [...sizes.keys()].flatMap((a) =>
    [...sizes.keys()].flatMap((b) => [...sizes.keys()].map((c) => [a, b, c])),
  )) {
    const axes = [...new Set(three)];
    const met = new Set(runs.map((run) => axes.map((axis) => run[axis]).join()));
    expect({ axes, met: met.size }).toEqual({ axes, met: axes.reduce((all, axis) => all * (sizes[axis] ?? 0), 1) });
  }
});

describe.each(SANDBOXES)("%s", (_name, sandboxed) => {
  const sandbox = needBubblewrap(sandboxed);
  test.skipIf(sandbox.missing).each(MODES)(
    sandbox.title("the eight probes, %s, with every other flag and setting"),
    async (modeName, mode) => {
      const { place, server } = await scene({ replies: () => ({ text: "not set yet" }) });
      prepare(place);
      const environment = sandboxed ? {} : { PATH: pathWithout("bwrap") };
      const before = everything(place);
      for (const [file, toml] of IN_FILE.entries()) {
        for (const given of combinationsFor(
          MODES.findIndex(([name]) => name === modeName),
          file,
        )) {
          const flags = FLAGS.flatMap((words, index) => (given[index] === true ? words : []));
          const script = callThen(probes());
          server.setReplies(script.replies);
          // Trusting the project's file lets it switch the workflow off; a flag switches it on again. That row is no
          // plan stage.
          const workflowOn =
            !flags.includes("--trust") || flags.includes("--plan") || mode.some((word) => word === "plan");
          place.configure(userToml(server.url, { tables: toml }));
          const all = ["-p", "--json", ...mode, ...flags, ...(workflowOn ? [] : ["--plan"]), "look around"];
          const result = resultOf(await place.run(all, { environment }));
          expect({ all, toml, after: everything(place) }).toEqual({ all, toml, after: before });
          expect({ all, code: result.exit_code, plan: result.plan }).toEqual({ all, code: 0, plan: null });
          const told = script.results();
          expect(told).toHaveLength(8);
          expect({ all, status: told[7] }).toEqual({
            all,
            status: expect.stringMatching(/working tree clean/) as unknown,
          });
          for (const text of told.slice(0, 7))
            expect(text).toMatch(
              sandboxed
                ? /Read-only file system|EROFS|not available in the plan stage/
                : /Refused|not available in the plan stage/,
            );
        }
      }
    },
  );

  test.skipIf(sandbox.missing)(
    sandbox.title("servers on Unix sockets in the workspace, at home and under /run hear nothing"),
    async () => {
      const { place, server } = await scene({ replies: () => ({ text: "not set yet" }) });
      prepare(place);
      const runtime = `/run/bmo-e2e-${process.pid}`;
      const mayRun = process.getuid?.() === 0;
      if (mayRun) mkdirSync(runtime, { recursive: true });
      const paths = [
        join(place.workspace, "s.sock"),
        join(place.home, "h.sock"),
        ...(mayRun ? [join(runtime, "r.sock")] : []),
      ];
      try {
        const ears = await Promise.all(paths.map(listenOn));
        const script = callThen([
          bash(knock(...paths)),
          bash(`printf hello | nc -U ${paths[0] ?? ""}`),
          bash("git status"),
        ]);
        server.setReplies(script.replies);
        const environment = sandboxed ? {} : { PATH: pathWithout("bwrap") };
        const finished = await place.run(
          ["-p", "--json", "--dangerously-skip-permissions", "--allowedTools", "bash", "knock"],
          { environment },
        );
        expect(finished.code).toBe(0);
        expect(ears.map(({ heard }) => heard)).toEqual(paths.map(() => []));
        if (sandboxed) expect(script.results()[0]?.match(/^E\w+ /gm)).toHaveLength(paths.length);
        else expect(script.results()[0]).toMatch(/Refused/);
        // The positive control: the same command without bmo is heard by all.
        await promisify(execFile)("/bin/bash", ["-c", knock(...paths)], { env: cleanEnvironment() });
        expect(ears.map(({ heard }) => heard.join(" "))).toEqual(paths.map(() => "connected hello"));
      } finally {
        for (const path of paths) unlinkSync(path);
        if (mayRun) rmSync(runtime, { recursive: true, force: true });
      }
    },
  );
});
