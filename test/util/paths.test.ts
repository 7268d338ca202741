// Path identity on a real file system.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { displayPath, isCaseSensitive, isInside, realPathOf, resolveInside } from "../../src/util/paths.ts";

let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "bmo-paths-")));
  mkdirSync(join(root, "w", "src"), { recursive: true });
  mkdirSync(join(root, "out"));
  writeFileSync(join(root, "out", "f"), "");
  symlinkSync(join(root, "out"), join(root, "w", "escape"));
  symlinkSync("../out/missing/deep", join(root, "w", "dangling"));
  symlinkSync("loop-b", join(root, "w", "loop-a"));
  symlinkSync("loop-a", join(root, "w", "loop-b"));
  symlinkSync("src", join(root, "w", "inner"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("what does not exist yet is resolved by its deepest existing ancestor", () => {
  expect(realPathOf(join(root, "w", "inner", "new", "file"))).toBe(join(root, "w", "src", "new", "file"));
  expect(realPathOf(join(root, "w", "escape", "new"))).toBe(join(root, "out", "new"));
  expect(realPathOf(join(root, "w", "dangling", "x"))).toBe(join(root, "out", "missing", "deep", "x"));
  expect(realPathOf(join(root, "w", "src", "..", "..", "out"))).toBe(join(root, "out"));
  expect(realPathOf(join(root, "out", "f", "below-a-file"))).toBe(join(root, "out", "f", "below-a-file"));
});
test("loops and NUL are refused", () => {
  expect(() => realPathOf(join(root, "w", "loop-a", "x"))).toThrow("loop of links");
  expect(() => realPathOf("a\0b")).toThrow("NUL");
});
test("containment is by folder, not by prefix", () => {
  expect(isInside("/w", "/w/a")).toBe(true);
  expect(isInside("/w", "/w")).toBe(true);
  expect(isInside("/w", "/work")).toBe(false);
  expect(isInside("/", "/anything")).toBe(true);
  const workspace = join(root, "w");
  expect(resolveInside(workspace, "src/x")).toEqual({ realPath: join(workspace, "src", "x"), inside: true });
  expect(resolveInside(workspace, "../w-evil").inside).toBe(false);
  expect(resolveInside(workspace, "escape/f")).toEqual({ realPath: join(root, "out", "f"), inside: false });
});
test("names cannot fake a line or hide a part of themselves", () => {
  expect(displayPath("/w", "/w/a/b")).toBe("a/b");
  expect(displayPath("/w", "/w")).toBe(".");
  expect(displayPath("/w", "/etc/x")).toBe("/etc/x");
  expect(displayPath("/w", "/w/a\nb\u001b[2Jc\u202ed")).not.toMatch(/[\n\u001b\u202e]/);
});
test("case is asked of the file system", () => {
  expect(isCaseSensitive(join(root, "w"))).toBe(process.platform === "linux");
  expect(isCaseSensitive("/")).toBe(true);
});
