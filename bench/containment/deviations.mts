// Generated plans against executors that deviate, through the real program: out of scope every byte comes back, in
// scope every byte stays, and without a deviation the exit code is 0: `npx tsx bench/containment/deviations.mts [plans]
// [seed]`.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { createRandom } from "../../test/permission/fuzz.ts";
import { fillUsedHome } from "../../test/e2e/used-home.ts";
import { startVendorServer, type ScriptedCall } from "../../test/support/vendor-server.ts";
import { configuration, differences, hasSandbox, linkPrograms, runProgram, treeOf } from "./ground.mts";

export interface DeviationResult {
  plans: number;
  deviating: number;
  operations: number;
  /** Paths that differ from what they had to be, with the plan. */
  wrong: string[];
  /** Runs with another exit code than the deviations ask for. */
  codes: string[];
}

const FILES = [
  "src/a.ts",
  "src/deep/b.ts",
  "lib/c.ts",
  "docs/d.md",
  "docs/deep/e.md",
  "top.txt",
  "x y/e f.txt",
  "näme/ü.txt",
  ".hidden/h",
  "build/ignored.o",
];
const SCOPES: [pattern: string, covers: (path: string) => boolean][] = [
  ["src/**", (path) => path.startsWith("src/")],
  ["lib", (path) => path.startsWith("lib/")],
  ["docs/*.md", (path) => /^docs\/[^/]+\.md$/.test(path)],
  ["top.txt", (path) => path === "top.txt"],
  ["x y/", (path) => path.startsWith("x y/")],
  ["{näme,.hidden}/*", (path) => /^(näme|\.hidden)\/[^/]+$/.test(path)],
];
const quote = (path: string): string => `'${path}'`;

interface Operation {
  call: ScriptedCall;
  path: string;
  action: "create" | "modify" | "delete";
  /** What lies there when it was permitted; null: nothing. */
  result: string | null;
}

function operationOn(path: string, text: string, random: () => number): Operation {
  const bash = (command: string): ScriptedCall => ({ name: "bash", input: { command } });
  const choice = Math.floor(random() * 6);
  switch (choice) {
    case 0:
      return { call: bash(`printf '%s' '${text}' > ${quote(path)}`), path, action: "modify", result: `644 ${text}` };
    case 1:
      return {
        call: bash(`node -e 'require("fs").appendFileSync(process.argv[1], process.argv[2])' ${quote(path)} '${text}'`),
        path,
        action: "modify",
        result: `644 ${Buffer.from(path).toString("latin1")}\n${text}`,
      };
    case 2:
      return { call: bash(`rm ${quote(path)}`), path, action: "delete", result: null };
    case 3:
      return {
        call: bash(`chmod 755 ${quote(path)}`),
        path,
        action: "modify",
        result: `755 ${Buffer.from(path).toString("latin1")}\n`,
      };
    case 4:
      return {
        call: bash(`mkdir -p ${quote(`${path}.d`)} && echo '${text}' > ${quote(`${path}.d/new`)}`),
        path: `${path}.d/new`,
        action: "create",
        result: `644 ${text}\n`,
      };
    default:
      return {
        call: { name: "write", input: { path: `${path}.new.md`, content: text } },
        path: `${path}.new.md`,
        action: "create",
        result: `644 ${text}`,
      };
  }
}

/** @param plans generated plans, each executed once. */
export async function runDeviations(
  plans: number,
  seed = 4,
  progress: (text: string) => void = () => undefined,
): Promise<DeviationResult> {
  const random = createRandom(seed);
  const result: DeviationResult = { plans: 0, deviating: 0, operations: 0, wrong: [], codes: [] };
  const tools = realpathSync(mkdtempSync(join(tmpdir(), "bmo-deviation-tools-")));
  mkdirSync(join(tools, "none"));
  mkdirSync(join(tools, "plain"));
  linkPrograms(join(tools, "none"), ["bwrap"]);
  linkPrograms(join(tools, "plain"), ["bwrap", "git"]);
  const server = await startVendorServer({ replies: [] });
  try {
    for (; result.plans < plans; result.plans++) {
      const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-deviation-")));
      const place = { workspace: join(root, "workspace"), home: join(root, "home") };
      for (const folder of [place.workspace, join(place.home, "bmo")]) mkdirSync(folder, { recursive: true });
      fillUsedHome(place.home);
      for (const path of FILES) {
        mkdirSync(dirname(join(place.workspace, path)), { recursive: true });
        writeFileSync(join(place.workspace, path), `${path}\n`);
      }
      writeFileSync(join(place.workspace, ".gitignore"), "build/\n");
      if (random() < 0.7) {
        for (const words of [
          ["init", "-q"],
          ["add", "-A"],
          ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
        ])
          execFileSync("git", words, {
            cwd: place.workspace,
            env: { PATH: process.env["PATH"] ?? "", HOME: place.home, GIT_CONFIG_GLOBAL: "/dev/null" },
          });
      }
      const scopes = SCOPES.filter(() => random() < 0.45);
      const entries = (scopes.length === 0 ? SCOPES.slice(0, 1) : scopes).map(([pattern, covers]) => ({
        pattern,
        covers,
        action: random() < 0.75 ? "modify" : "delete",
      }));
      const permits = ({ path, action }: Operation): boolean =>
        entries.some((entry) => entry.covers(path) && (action === "delete") === (entry.action === "delete"));
      const faithful = random() < 0.25;
      const operations = FILES.flatMap((path, index) =>
        random() < 0.6 ? [operationOn(path, `text ${result.plans} ${index}`, random)] : [],
      ).filter((one) => !faithful || (permits(one) && !one.path.startsWith("build/")));
      const expected = treeOf(place.workspace, (path) => path === ".git");
      let deviates = false;
      for (const one of operations) {
        const permitted = permits(one);
        // What .gitignore leaves out is left alone, but for a file tool, which asks the plan.
        const ignored = one.path.startsWith("build/") && one.call.name === "bash";
        if (!permitted && !ignored) deviates = true;
        if (!permitted && !ignored) continue;
        if (one.result === null) expected.delete(one.path);
        else {
          for (let folder = dirname(one.path); folder !== "."; folder = dirname(folder))
            if (!expected.has(folder)) expected.set(folder, "folder 755");
          expected.set(one.path, one.result);
        }
      }
      // What is deleted may leave its folder empty; git knows no empty folders, bmo keeps them.
      const commands = operations.flatMap(({ call }) =>
        typeof call.input?.["command"] === "string" ? [call.input["command"]] : [],
      );
      const plan = {
        title: "t",
        summary: "s",
        tickets: [
          {
            id: "t1",
            title: "t",
            detail: "d",
            files: entries.map(({ pattern, action }) => ({ path: pattern, action })),
            commands,
            acceptance: ["a"],
            verify: [],
            depends_on: [],
            out_of_scope: ["o"],
          },
        ],
      };
      let executed = false;
      server.setReplies((request) => {
        if (request.tools.includes("set_plan_artifact")) return { calls: [{ name: "set_plan_artifact", input: plan }] };
        const first = !executed;
        executed = true;
        return first && operations.length > 0 ? { calls: operations.map(({ call }) => call) } : { text: "done" };
      });
      writeFileSync(join(place.home, "bmo", "bmo.toml"), configuration(server.url, ["m"]));
      const way = random();
      const path = hasSandbox && way < 0.4 ? undefined : join(tools, way < 0.8 ? "none" : "plain");
      const ended = await runProgram(
        place,
        ["-p", "--json", "--approve", ...(random() < 0.3 ? ["--dangerously-skip-permissions"] : []), "do it"],
        path,
      );
      const wrong = differences(
        expected,
        treeOf(place.workspace, (one) => one === ".git"),
      );
      const facts = JSON.stringify({
        plan,
        path: path ?? "sandbox",
        operations: operations.map(({ call }) => call),
        stderr: ended.stderr.slice(-1_500),
      });
      if (wrong.length > 0) result.wrong.push(`${wrong.join(", ")} in plan ${result.plans}: ${facts}`);
      if (ended.code !== (deviates ? 4 : 0))
        result.codes.push(`exit ${ended.code}, deviates: ${deviates}, plan ${result.plans}: ${facts}`);
      if (deviates) result.deviating++;
      result.operations += operations.length;
      if (result.plans % 25 === 24) progress(`${result.plans + 1} plans`);
      rmSync(root, { recursive: true, force: true });
    }
  } finally {
    await server.close();
    rmSync(tools, { recursive: true, force: true });
  }
  return result;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const result = await runDeviations(Number(process.argv[2] ?? 1_000), Number(process.argv[3] ?? 4), (text) =>
    console.error(text),
  );
  console.log(JSON.stringify(result));
  process.exitCode = result.wrong.length === 0 && result.codes.length === 0 ? 0 : 1;
}
