// What the figures of containment share: running the program, trees as text, a search path without some programs.

import { execFile } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PROGRAM = process.env["BMO_E2E_PROGRAM"] ?? fileURLToPath(new URL("../../bin/bmo.js", import.meta.url));

export const hasSandbox = (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, "bwrap")));

/** Kinds, modes and bytes of everything below a folder, by path relative to it. */
export function treeOf(root: string, skip: (path: string) => boolean = () => false): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (folder: string, shown: string): void => {
    for (const name of readdirSync(folder)) {
      const path = shown === "" ? name : `${shown}/${name}`;
      if (skip(path)) continue;
      const facts = lstatSync(join(folder, name));
      const mode = (facts.mode & 0o7777).toString(8);
      found.set(
        path,
        facts.isFile()
          ? `${mode} ${readFileSync(join(folder, name), "latin1")}`
          : facts.isSymbolicLink()
            ? `-> ${readlinkSync(join(folder, name))}`
            : facts.isDirectory()
              ? `folder ${mode}`
              : "special",
      );
      if (facts.isDirectory()) visit(join(folder, name), path);
    }
  };
  visit(root, "");
  return found;
}

export function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path))
    .sort();
}

/** Links to every program on the search path but some. */
export function linkPrograms(target: string, missing: readonly string[]): void {
  for (const folder of (process.env["PATH"] ?? "").split(":").filter((path) => existsSync(path))) {
    for (const name of readdirSync(folder))
      if (!missing.includes(name) && !existsSync(join(target, name)))
        symlinkSync(join(folder, name), join(target, name));
  }
}

export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the program in a folder with a home and a search path of its own, stdin closed. */
export function runProgram(
  place: { workspace: string; home: string },
  words: readonly string[],
  path = process.env["PATH"] ?? "",
  more: Record<string, string> = {},
): Promise<Run> {
  return new Promise((resolve) => {
    const environment = { PATH: path, HOME: place.home, BMO_HOME: join(place.home, "bmo"), LANG: "C.UTF-8", ...more };
    const child = execFile(
      process.execPath,
      [PROGRAM, ...words],
      { cwd: place.workspace, env: environment, maxBuffer: 1 << 28 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr });
      },
    );
    child.stdin?.end();
  });
}

export function configuration(url: string, models: readonly string[], more = ""): string {
  const listed = models
    .map((id) => `[[providers.p.models]]\nid = "${id}"\ncontext_window = 200000\nmax_output = 8000\n`)
    .join("");
  return `model = "p/${models[0] ?? ""}"\n[providers.p]\ntype = "anthropic"\nbase_url = "${url}"\napi_key = "bench-key-0123456789"\nmax_retries = 1\n${listed}${more}`;
}
