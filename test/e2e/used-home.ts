// What bmo keeps in a home after its first run: the compiled bundle and the answer about the sandbox. The program makes
// both once for the whole test run, because they cost two thirds of a first run. Holds no session and no setting.

import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publish, sharedFolder } from "../support/shared-folder.ts";
import { startVendorServer } from "../support/vendor-server.ts";

type Run = (home: string, workspace: string, args: string[]) => Promise<{ code: number | null; stderr: string }>;

const NAME = "used-home";

const PLAN = {
  title: "Plan",
  summary: "One file.",
  tickets: [
    {
      id: "t1",
      title: "Make a file",
      detail: "Made.",
      files: [{ path: "a.txt", action: "create" }],
      commands: [],
      acceptance: ["it is there"],
      verify: ["true"],
      depends_on: [],
      out_of_scope: ["all else"],
    },
  ],
};

/** Plans on one wire and executes on another: what is compiled then is what most runs need. */
export async function makeUsedHome(run: Run): Promise<void> {
  if (existsSync(sharedFolder(NAME))) return;
  const root = realpathSync(mkdtempSync(join(tmpdir(), "first-run-")));
  const home = join(root, "home");
  const workspace = join(root, "workspace");
  for (const folder of [join(home, "bmo"), workspace]) mkdirSync(folder, { recursive: true });
  const server = await startVendorServer({
    replies: ({ tools, toolResults }) => {
      if (tools.includes("set_plan_artifact")) return { calls: [{ name: "set_plan_artifact", input: PLAN }] };
      return toolResults.length === 0
        ? { calls: [{ name: "write", input: { path: "a.txt", content: "a\n" } }] }
        : { text: "Made." };
    },
  });
  try {
    const provider = (id: string, lines: string): string =>
      `[providers.${id}]\n${lines}\napi_key = "test-key-used-home-0123456789"\n[[providers.${id}.models]]\nid = "m"\ncontext_window = 200000\nmax_output = 8000\n`;
    const providers = [
      provider("a", `type = "anthropic"\nbase_url = "${server.url}"`),
      provider("c", `type = "openai-compatible"\nbase_url = "${server.url}/v1"`),
    ];
    writeFileSync(
      join(home, "bmo", "bmo.toml"),
      `model = "c/m"\n${providers.join("")}[options.phase_model]\nplanning_model = "a/m"\n`,
    );
    const { code, stderr } = await run(home, workspace, ["-p", "--approve", "make a file"]);
    if (code !== 0) throw new Error(`the first run in a home ended with ${code}: ${stderr}`);
    const kept = join(root, "kept");
    mkdirSync(kept);
    renameSync(join(home, "bmo", "cache"), join(kept, "cache"));
    const answer = join(home, "bmo", "sandbox.json");
    if (existsSync(answer)) {
      const { key, problem } = JSON.parse(readFileSync(answer, "utf8")) as { key: string; problem: string | null };
      // The answer holds for one home, whose path the key ends with: each home gets the key with its own.
      if (problem === null && key.endsWith(home)) writeFileSync(join(kept, "sandbox-key"), key.slice(0, -home.length));
    }
    publish(kept, NAME);
  } finally {
    await server.close();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Does nothing before `makeUsedHome`, so that programs outside of a test run may call it. */
export function fillUsedHome(home: string): void {
  const from = sharedFolder(NAME);
  if (!existsSync(from)) return;
  const cache = join(home, "bmo", "cache");
  mkdirSync(cache, { mode: 0o700 });
  // A second name instead of a copy of megabytes: bmo replaces this file and never writes into it.
  for (const name of readdirSync(join(from, "cache"))) linkSync(join(from, "cache", name), join(cache, name));
  const key = join(from, "sandbox-key");
  if (existsSync(key))
    writeFileSync(
      join(home, "bmo", "sandbox.json"),
      JSON.stringify({ key: readFileSync(key, "utf8") + home, problem: null }),
      { mode: 0o600 },
    );
}
