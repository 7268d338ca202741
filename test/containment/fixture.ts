// Real workspaces and a ready-made request for contained runs.

import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { createScope } from "../../src/plan/scope.ts";
import { runContained, type ContainedRequest, type ContainedShellResult } from "../../src/containment/effects.ts";
import { readGitConfigFacts } from "../../src/containment/git-config.ts";
import { isProtectedPath } from "../../src/containment/protected.ts";
import { probeSandbox, type SandboxState } from "../../src/containment/probe.ts";
import { createSandboxPlace } from "../../src/containment/sandbox-place.ts";
import { createSnapshots } from "../../src/containment/snapshot.ts";
import type { Snapshots } from "../../src/containment/snapshot-shapes.ts";
import { createSurroundings } from "../../src/containment/surroundings.ts";
import { judgeCommand } from "../../src/permission/shell.ts";
import type { PlanContent } from "../../src/types/plan.ts";
import type { FileAction } from "../../src/types/tool.ts";
import { needBubblewrap } from "../support/need.ts";

export const GIT = "/usr/bin/git";
export const NO_SANDBOX: SandboxState = { available: false, program: null, label: "none (test)", reason: "test" };
export const hasBubblewrap = !needBubblewrap().missing;

export interface Place {
  root: string;
  workspace: string;
  data: string;
  home: string;
  write(path: string, text: string): void;
  read(path: string): string | null;
  git(...words: string[]): string;
  remove(): void;
}

const gitEnvironment = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@b",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@b",
};

/** @param files path → content. Committed unless `repository` is false. */
export function createPlace(files: Record<string, string>, repository = true): Place {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-contain-")));
  const workspace = join(root, "workspace");
  for (const folder of ["workspace", "data", "home"]) mkdirSync(join(root, folder));
  const place: Place = {
    root,
    workspace,
    data: join(root, "data"),
    home: join(root, "home"),
    write(path, text) {
      mkdirSync(dirname(join(workspace, path)), { recursive: true });
      writeFileSync(join(workspace, path), text);
    },
    read: (path) => (existsSync(join(workspace, path)) ? readFileSync(join(workspace, path), "utf8") : null),
    git: (...words) => execFileSync("git", words, { cwd: workspace, env: gitEnvironment, encoding: "utf8" }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
  for (const [path, text] of Object.entries(files)) place.write(path, text);
  if (repository) {
    place.git("init", "-q", "-b", "main");
    place.git("add", "-A");
    place.git("commit", "-qm", "first", "--allow-empty");
  }
  return place;
}

/** Every entry below a folder with kind, permission bits and content; what "nothing changed" means in these tests. */
export function treeOf(folder: string, skip: (path: string) => boolean = () => false): Record<string, string> {
  const tree: Record<string, string> = {};
  const visit = (path: string): void => {
    for (const name of readdirSync(path).sort()) {
      const entry = join(path, name);
      const shown = relative(folder, entry);
      if (skip(shown)) continue;
      const facts = lstatSync(entry);
      const mode = (facts.mode & 0o7777).toString(8);
      if (facts.isDirectory()) {
        tree[`${shown}/`] = mode;
        visit(entry);
      } else if (facts.isSymbolicLink()) tree[shown] = `-> ${readlinkSync(entry)}`;
      else if (facts.isFile()) tree[shown] = `${mode} ${readFileSync(entry, "latin1")}`;
      else tree[shown] = "special";
    }
  };
  visit(folder);
  return tree;
}

export const withoutGit = (path: string): boolean => path === ".git";

export function planOf(files: Record<string, FileAction>, commands: string[] = []): PlanContent {
  return {
    title: "t",
    summary: "s",
    network: false,
    open_questions: [],
    decisions: [],
    tickets: [
      {
        id: "t1",
        title: "one",
        detail: "",
        phase: null,
        files: Object.entries(files).map(([path, action]) => ({ path, action })),
        commands,
        acceptance: [],
        verify: [],
        depends_on: [],
        out_of_scope: [],
      },
    ],
  };
}

let knownSandbox: SandboxState | null = null;

/** What the probe finds on this machine; the same for every place, so only the first one is probed. */
export async function sandboxFor(place: Place): Promise<SandboxState> {
  knownSandbox ??= await probeIn(place);
  return knownSandbox;
}

/** Probes with the place's own home and data directory. */
export function probeIn(place: Place): Promise<SandboxState> {
  return probeSandbox({
    platform: "linux",
    searchPath: process.env["PATH"] ?? "",
    workspace: place.workspace,
    dataDirectory: place.data,
    home: place.home,
  });
}

export interface RunOptions extends Partial<Omit<ContainedRequest, "command" | "verdict">> {
  plan?: PlanContent;
  environmentValues?: Record<string, string>;
}

/** Runs one command the way the agent does: judged, contained, effects settled. Headless: out of scope is put back. */
export async function contain(place: Place, command: string, options: RunOptions = {}): Promise<ContainedShellResult> {
  const { plan, environmentValues, ...rest } = options;
  const verdict = await judgeCommand(command, {
    workspace: place.workspace,
    readRoots: [],
    planCommands: plan?.tickets.flatMap((ticket) => [...ticket.commands, ...ticket.verify]) ?? [],
    gitConfig: readGitConfigFacts,
    isProtected: (path) => isProtectedPath(path, place.workspace, place.home),
  });
  const sandboxPlace = rest.sandbox?.available === true ? createSandboxPlace(place.data) : null;
  const surroundings = createSurroundings({
    home: place.home,
    environment: { PATH: process.env["PATH"] },
    folder: sandboxPlace?.folder ?? place.data,
  });
  try {
    return await runContained({
      command,
      verdict,
      timeoutSeconds: 30,
      signal: new AbortController().signal,
      onOutput: () => undefined,
      stage: "execute",
      workspace: place.workspace,
      readRoots: [],
      home: place.home,
      scope: plan === undefined ? null : createScope(plan, null, place.workspace, { caseSensitive: true }),
      containment: "enforce",
      sandbox: NO_SANDBOX,
      place: sandboxPlace,
      surroundings,
      hidden: [place.data],
      network: false,
      environment: { PATH: process.env["PATH"], HOME: place.home, ...environmentValues },
      environmentOptions: { add: {}, remove: [], keysInUse: [] },
      snapshots: snapshotsOf(place),
      copiesDirectory: join(place.data, "copies"),
      onOutOfScope: async () => "restore",
      ...rest,
    });
  } finally {
    sandboxPlace?.release();
  }
}

const stores = new Map<string, Snapshots>();
export function snapshotsOf(place: Place, git: string | null = GIT): Snapshots {
  const key = `${place.workspace} ${git ?? ""}`;
  const known =
    stores.get(key) ??
    createSnapshots({
      workspace: place.workspace,
      dataDirectory: join(place.data, git ?? "plain"),
      git,
      home: place.home,
    });
  stores.set(key, known);
  return known;
}
