// What the benches of growth stand on: a vendor on loopback, a home, sessions and trees of any size, and a program's
// time and memory.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const BMO = fileURLToPath(new URL("../../bin/bmo.js", import.meta.url));

export const median = (values: readonly number[]): number =>
  [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;

const events = (parts: object[]): string =>
  parts.map((part) => `event: ${(part as { type: string }).type}\ndata: ${JSON.stringify(part)}\n\n`).join("");

/** What the vendor says next: text, or one tool call. */
export type Reply = { text: string } | { tool: string; input: object };

function replyEvents(reply: Reply): string {
  const [start, delta, stop] =
    "text" in reply
      ? [{ type: "text", text: "" }, { type: "text_delta", text: reply.text }, "end_turn"]
      : [
          { type: "tool_use", id: `toolu_${Date.now()}`, name: reply.tool, input: {} },
          { type: "input_json_delta", partial_json: JSON.stringify(reply.input) },
          "tool_use",
        ];
  return events([
    {
      type: "message_start",
      message: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "bench-model",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 10, output_tokens: 1 },
      },
    },
    { type: "content_block_start", index: 0, content_block: start },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: 3 } },
    { type: "message_stop" },
  ]);
}

export interface Vendor {
  url: string;
  /** Replies to come; then "pong". */
  replies: Reply[];
  /** Time at which each request was whole, and its messages. */
  requests: { at: number; bytes: number }[];
  close(): void;
}

export async function startVendor(): Promise<Vendor> {
  const vendor: Vendor = { url: "", replies: [], requests: [], close: () => server.close() };
  const server: Server = createServer((request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => (bytes += chunk.length));
    request.on("end", () => {
      vendor.requests.push({ at: performance.now(), bytes });
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(replyEvents(vendor.replies.shift() ?? { text: "pong" }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  vendor.url = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
  return vendor;
}

export interface Ground {
  root: string;
  home: string;
  workspace: string;
  environment: Record<string, string>;
  remove(): void;
}

export function createGround(url: string): Ground {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-bench-growth-")));
  const [home, workspace] = [join(root, "home"), join(root, "workspace")];
  mkdirSync(join(home, "bmo"), { recursive: true });
  mkdirSync(workspace);
  const limits = "context_window = 400000000\nmax_output = 8000\n";
  writeFileSync(
    join(home, "bmo", "bmo.toml"),
    `model = "mock/bench-model"\n\n[options.gate]\nenabled = false\n\n[providers.mock]\ntype = "anthropic"\nbase_url = "${url}"\napi_key = "bench-key-0123456789"\n\n[[providers.mock.models]]\nid = "bench-model"\n${limits}`,
  );
  return {
    root,
    home,
    workspace,
    environment: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      BMO_HOME: join(home, "bmo"),
      LANG: "C.UTF-8",
      TERM: "xterm-256color",
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

export interface Measured {
  ms: number;
  /** Peak resident memory of the program. */
  megabytes: number;
  /** Its own, user and system. */
  cpuMs: number;
  startedAt: number;
  stdout: string;
}

/** Runs the program once to its end. @throws Error when it ends with anything but one of `codes`. */
export function measure(ground: Ground, words: readonly string[], codes: readonly number[] = [0]): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(process.execPath, ["--import", PEAK, BMO, ...words], {
      cwd: ground.workspace,
      env: ground.environment,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    const texts = ["", "", ""];
    for (const [index, stream] of [child.stdout, child.stderr, child.stdio[3]].entries())
      stream?.on("data", (chunk: Buffer) => (texts[index] += chunk.toString("utf8")));
    child.on("error", reject);
    child.on("close", (code) => {
      const [stdout = "", stderr = "", peak = ""] = texts;
      if (code === null || !codes.includes(code))
        reject(new Error(`bmo ${words.join(" ")} ended with ${code}: ${stderr}`));
      else
        resolve({
          ms: performance.now() - startedAt,
          megabytes: Number(peak.split(" ")[0]) / 1024,
          cpuMs: Number(peak.split(" ")[1]) / 1000,
          startedAt,
          stdout,
        });
    });
  });
}

/**
 * Reads a session file as barely as can be: every line checked against its seal and decoded. Nothing that tells of all
 * records costs less.
 * @returns milliseconds of processor time, the start of Node included
 */
export function readBarely(path: string): number {
  const { stdout } = spawnSync(process.execPath, ["-e", BARE, path], { encoding: "utf8" });
  const [sealed = "", cpuMs = ""] = stdout.split(" ");
  if (Number(sealed) < 1) throw new Error(`no line of ${path} has a seal`);
  return Number(cpuMs);
}

const BARE = `
  const { hash } = require("node:crypto");
  let sealed = 0;
  for (const line of require("node:fs").readFileSync(process.argv[1], "utf8").split("\\n")) {
    if (line === "") continue;
    const body = line.slice(0, -26) + "}";
    if (hash("sha256", body, "hex").slice(0, 16) === line.slice(-18, -2)) sealed += 1;
    JSON.parse(body);
  }
  const { user, system } = process.cpuUsage();
  console.log(sealed, (user + system) / 1000);
`;

/** Tells the peak memory over descriptor 3 when the program ends. */
const PEAK = `data:text/javascript,${encodeURIComponent('import { writeSync } from "node:fs"; process.on("exit", () => { const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage(); writeSync(3, `${maxRSS} ${userCPUTime + systemCPUTime}`); });')}`;

const seal = (value: object): string => {
  const body = JSON.stringify(value);
  return `${body.slice(0, -1)},"sum":"${createHash("sha256").update(body).digest("hex").slice(0, 16)}"}\n`;
};

/** The one session file of this ground. */
export function sessionFile(ground: Ground): string {
  const folder = join(ground.home, "bmo", "sessions");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".jsonl"));
  return join(folder, files.sort().at(-1) ?? "");
}

/** Repeats the turn that the session holds until it has that many messages. */
export function growSession(path: string, messages: number): void {
  const records = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const record of records) delete record["sum"];
  const turns = messages / 2;
  const repeated = records.filter(
    (record) => !["session", "conversation", "overrides"].includes(String(record["type"])),
  );
  const lines = records.filter((record) => !repeated.includes(record)).map(seal);
  let seq = lines.length;
  for (let turn = 1; turn <= turns; turn++) {
    for (const record of repeated) {
      const text = JSON.stringify({ ...record, seq: seq++ })
        .replaceAll(/"turn":1\b/g, `"turn":${turn}`)
        .replaceAll(/_1"/g, `_${turn}"`)
        .replaceAll(/("id":"c_[0-9a-f]+)"/g, `$1${turn}"`);
      lines.push(seal(JSON.parse(text) as object));
    }
  }
  writeFileSync(path, lines.join(""));
}

/** A repository of `files` files in `folders` folders, one of which holds the word `needle`. */
export function growTree(workspace: string, folders: number, files: number): void {
  for (let folder = 0; folder < folders; folder++) {
    const path = join(workspace, `d${Math.floor(folder / 50)}`, `e${folder}`);
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < files / folders; file++)
      writeFileSync(
        join(path, `file-${file}.ts`),
        `export const value${file} = ${file};\n`.repeat(4) + (folder === 7 && file === 3 ? "needle\n" : ""),
      );
  }
  const git = (...words: string[]): void => {
    const { status, stderr } = spawnSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...words], {
      cwd: workspace,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`git ${words.join(" ")}: ${stderr}`);
  };
  git("init", "-q");
  git("add", "-A");
  git("commit", "-qm", "x");
}
