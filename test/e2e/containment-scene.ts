// What the end-to-end tests of containment share: repositories, a search path without the sandbox, scripted calls, and
// what the model was told about each. Asserts nothing by itself.

import { execFileSync } from "node:child_process";
import { createServer, type Server } from "node:net";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { Place } from "./harness.ts";
import type { ScriptedCall, ScriptedReply, SeenRequest } from "../support/vendor-server.ts";
import { needBubblewrap } from "../support/need.ts";
import { publish, sharedFolder } from "../support/shared-folder.ts";

export const hasBubblewrap = !needBubblewrap().missing;

/** For tables of the same test with a sandbox, which `needBubblewrap(sandboxed)` asks for, and without. */
export const SANDBOXES = [
  ["with a sandbox", true],
  ["without a sandbox", false],
] as const;

/** The user's search path with every program on it but these: one folder of links, made once for the whole test run. */
export function pathWithout(...missing: string[]): string {
  const name = `bin-without-${missing.join("-")}`;
  if (existsSync(sharedFolder(name))) return sharedFolder(name);
  const links = mkdtempSync(join(tmpdir(), "links-"));
  for (const folder of (process.env["PATH"] ?? "").split(":").filter((path) => existsSync(path))) {
    for (const program of readdirSync(folder))
      if (!missing.includes(program) && !existsSync(join(links, program)))
        symlinkSync(join(folder, program), join(links, program));
  }
  publish(links, name);
  return sharedFolder(name);
}

export function git(place: Place, ...words: string[]): string {
  return execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@example.org", ...words], {
    cwd: place.workspace,
    env: { PATH: process.env["PATH"] ?? "", HOME: place.home, GIT_CONFIG_GLOBAL: "/dev/null" },
    encoding: "utf8",
  });
}

/** Makes what lies in the workspace a repository with one commit. */
export function commitAll(place: Place): void {
  git(place, "init", "-q", "-b", "main");
  git(place, "add", "-A");
  git(place, "commit", "-qm", "first", "--allow-empty");
}

export const bash = (command: string, more: { timeout?: number } = {}): ScriptedCall => ({
  name: "bash",
  input: { command, ...more },
});

/** The eight probes: seven that write `f`, and one that must answer. `folder` ends with a slash or is empty. */
export function probes(folder = ""): ScriptedCall[] {
  const path = `${folder}f`;
  return [
    bash(`echo x > ${path}1`),
    bash(`touch ${path}2`),
    bash(`node -e 'require("fs").writeFileSync("${path}3","x")'`),
    bash(`find . -maxdepth 0 -exec touch ${path}4 ';'`),
    bash(`git status > ${path}5`),
    bash(`cat a.txt | tee ${path}6`),
    { name: "write", input: { path: `${path}7`, content: "x" } },
    bash("git status"),
  ];
}

/**
 * Replies with the calls, one request each or all at once, then with a text. Keeps the last request for a look at the
 * results.
 */
export function callThen(
  calls: ScriptedCall[],
  text = "done",
): { replies(request: SeenRequest): ScriptedReply; results(): string[] } {
  let last: SeenRequest | null = null;
  let before = 0;
  return {
    replies(request) {
      if (last === null) before = request.toolResults.length;
      const first = last === null;
      last = request;
      return first ? { calls } : { text };
    },
    results: () => (last?.toolResults ?? []).slice(before).map((result) => result.text),
  };
}

/** Every entry below a folder with kind, permission bits and content. */
export function treeOf(folder: string, skip: (path: string) => boolean = () => false): Record<string, string> {
  const tree: Record<string, string> = {};
  const visit = (at: string, shown: string): void => {
    for (const name of readdirSync(at).sort()) {
      const path = shown === "" ? name : `${shown}/${name}`;
      if (skip(path)) continue;
      const facts = lstatSync(join(at, name));
      const mode = (facts.mode & 0o7777).toString(8);
      if (facts.isDirectory()) {
        tree[`${path}/`] = mode;
        visit(join(at, name), path);
      } else if (facts.isSymbolicLink()) tree[path] = `-> ${readlinkSync(join(at, name))}`;
      else if (facts.isFile()) tree[path] = `${mode} ${readFileSync(join(at, name), "latin1")}`;
      else tree[path] = "special";
    }
  };
  visit(folder, "");
  return tree;
}

export const isGit = (path: string): boolean => path === ".git" || path.endsWith("/.git");

const listeners: Server[] = [];

afterEach(async () => {
  for (const server of listeners.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** Listens on a Unix socket and keeps what arrives; connections count too. */
export async function listenOn(path: string): Promise<{ heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((socket) => {
    heard.push("connected");
    socket.on("data", (bytes) => heard.push(String(bytes))).on("error", () => undefined);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
  listeners.push(server);
  return { heard };
}

/** A command that writes to each socket and says how that went. */
export function knock(...paths: string[]): string {
  return `node -e 'for (const p of process.argv.slice(1)) require("net").connect(p, function () { this.end("hello"); console.log("reached " + p) }).on("error", (e) => console.log(e.code + " " + p))' ${paths.join(" ")}`;
}

/** Where the agent keeps its session files. */
export function sessionFiles(place: Place): string[] {
  return readdirSync(place.home, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".jsonl") && path.includes("sessions"))
    .map((path) => join(place.home, path))
    .sort();
}
