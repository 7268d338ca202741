// Tells whether the paths of a plan come to the whole workspace, however they are spelled. Pure but for chance.

import { randomInt } from "node:crypto";
import { compileGlob } from "../util/path-glob.ts";

const PROBES = 48;
/** A plan that covers this share of paths drawn at random is about everything, whatever it leaves out. */
const SHARE = 0.75;
const LETTERS = "abcdefghijklmnopqrstuvwxyz";

function randomName(): string {
  return Array.from({ length: randomInt(3, 10) }, () => LETTERS[randomInt(LETTERS.length)] ?? "").join("");
}

/** Drawn again each time, so that no glob can be written round them. */
function randomPath(): string {
  const folders = Array.from({ length: randomInt(1, 5) }, randomName);
  return [...folders, `${randomName()}.${randomName().slice(0, 3)}`].join("/");
}

/** A pattern without a wildcard names one place; only the others can be about everything. */
function testOf(pattern: string): ((path: string) => boolean) | null {
  const plain = pattern
    .trim()
    .replace(/^(\.\/)+/, "")
    .replace(/\/+$/, "");
  if (plain === "" || plain === ".") return () => true;
  if (!/[*?[]/.test(plain)) return null;
  // A wildcard in a folder's name means, with the slash behind it, all below that folder.
  const tests = [compileGlob(plain), ...(pattern.trim().endsWith("/") ? [compileGlob(`${plain}/**`)] : [])];
  return (path) => tests.some((test) => test(path));
}

/** Whether the patterns together cover nearly every path below the workspace. */
export function coversWorkspace(patterns: readonly string[]): boolean {
  const tests = patterns.flatMap((pattern) => testOf(pattern) ?? []);
  if (tests.length === 0) return false;
  const covered = Array.from({ length: PROBES }, randomPath).filter((path) => tests.some((test) => test(path)));
  return covered.length >= PROBES * SHARE;
}
