// What a one-shot run opens and starts before its first request, as the kernel sees it (needs strace).

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { preparePlace } from "./place.mjs";

const SYSTEM = /^\/(?:proc|sys|etc|lib|lib64|usr|dev)\//;

export async function measureOpenedFiles(harness, { benchDirectory, bin }) {
  if (spawnSync("strace", ["-V"]).status !== 0) return { skipped: "strace is not installed" };
  const mock = await harness.startMock({});
  const place = preparePlace({ benchDirectory, name: "files", adapter: harness.adapters.bmo, url: mock.url, bin });
  const log = join(place.root, "strace.log");
  const run = (words) =>
    harness.runOnce({
      argv: [...words, bin, "-p", "Reply with the single word pong."],
      env: place.env,
      cwd: place.proj,
      mock,
    });
  mock.reset("one-token", { cwd: place.proj });
  await run([]); // Warms the code cache.
  mock.reset("one-token", { cwd: place.proj });
  const result = await run(["strace", "-f", "-o", log, "-e", "trace=openat,execve,connect"]);
  const others = mock.requests.filter((one) => one.kind !== "main").length;
  await mock.close();
  const lines = readFileSync(log, "utf8").split("\n");
  const port = new URL(mock.url).port;
  const before = lines.slice(
    0,
    lines.findIndex((line) => line.includes("connect(") && line.includes(`htons(${port})`)),
  );
  const opened = before
    .filter((line) => /openat\(.*\) = \d+/.test(line))
    .map((line) => /"([^"]*)"/.exec(line)?.[1] ?? "")
    .filter((path) => !SYSTEM.test(path));
  const installation = dirname(dirname(bin));
  return {
    own: opened.filter((path) => path.startsWith(`${installation}/`)).length,
    others: opened.filter((path) => !path.startsWith(`${installation}/`)).length,
    // The first two are the tracer's look-up and node itself.
    programs: before.filter((line) => /execve\(.*\) = 0/.test(line) && !/"[^"]*\/(?:node|env|bmo\.js)"/.test(line))
      .length,
    otherRequests: others,
    leftOver: result.leftover,
  };
}
