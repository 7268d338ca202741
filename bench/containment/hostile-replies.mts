// Hostile replies through the real program: peak memory, and the time until SIGINT is answered two seconds into each
// reply. `npx tsx bench/containment/hostile-replies.mts [kind or number of kinds]`.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ENDLESS, ODD, SILENT, startHostileServer } from "../../test/support/hostile-server.ts";

const program = fileURLToPath(new URL("../../bin/bmo.js", import.meta.url));
const server = await startHostileServer();
export interface HostileReplyResult {
  wire: string;
  kind: string;
  peakMegabytes: number;
  /** From SIGINT to the end; null: the run had ended before. */
  answerMs: number | null;
  code: number | null;
}

const [chosen] = process.argv.slice(2);
const kinds = [
  ...Object.keys(ENDLESS),
  ...Object.keys(SILENT),
  ...Object.keys(ODD),
  "a compressed bomb",
  "a head byte by byte",
  "an error byte by byte",
].filter((kind, index) => chosen === undefined || kind === chosen || index < Number(chosen));

/** Highest resident size so far in megabytes; 0 once the process is gone. */
function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0; // It has ended.
  }
}

for (const wire of ["anthropic", "openai", "openai-compatible"]) {
  for (const kind of kinds) {
    const home = mkdtempSync(join(tmpdir(), "bmo-hostile-"));
    mkdirSync(join(home, "work"));
    const url = server.url(kind) + (wire === "anthropic" ? "" : "/v1");
    writeFileSync(
      join(home, "bmo.toml"),
      `model = "h/m"\n[providers.h]\ntype = "${wire}"\nbase_url = ${JSON.stringify(url)}\napi_key = "bench-key-0123456789"\nmax_retries = 0\n[[providers.h.models]]\nid = "m"\n`,
    );
    const child = spawn(process.execPath, [program, "-p", "--max-turns", "2", "go"], {
      cwd: join(home, "work"),
      env: { PATH: process.env["PATH"], HOME: home, BMO_HOME: home },
      stdio: "ignore",
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    let peak = 0;
    const watch = setInterval(() => (peak = Math.max(peak, peakOf(child.pid ?? 0))), 20);
    await Promise.race([ended, delay(2000)]);
    const asked = performance.now();
    const before = child.exitCode;
    child.kill("SIGINT");
    const code = await ended;
    clearInterval(watch);
    const result: HostileReplyResult = {
      wire,
      kind,
      peakMegabytes: Math.round(peak),
      answerMs: before === null ? Math.round(performance.now() - asked) : null,
      code,
    };
    console.log(JSON.stringify(result));
    rmSync(home, { recursive: true, force: true });
  }
}
await server.close();
