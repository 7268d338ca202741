// The Seatbelt profile as text: what it opens, in which order, and that no name can end a string. Nobody has run it
// here; the probe decides on each machine whether it holds.

import { describe, expect, test } from "vitest";
import type { Fence } from "../../src/containment/fence.ts";
import { seatbeltProfile } from "../../src/containment/seatbelt.ts";

const FENCE: Fence = {
  workspace: "/Users/a/work",
  privateTemp: "/private/var/folders/x/tmp",
  emptyFile: "/private/var/folders/x/empty",
  network: false,
  unixSockets: false,
  links: [],
  closedFolders: [],
  places: [
    { path: "/tmp", access: "write", source: "/private/var/folders/x/tmp" },
    { path: "/Users/a", access: "empty" },
    { path: "/Users/a/.nvm", access: "read" },
    { path: "/Users/a/work", access: "write" },
    { path: "/Users/a/work/.git", access: "read" },
    { path: "/Users/a/work/.env", access: "hidden" },
  ],
};
const lines = (fence: Partial<Fence> = {}): string[] => seatbeltProfile({ ...FENCE, ...fence }).split("\n");

/** The last rule that speaks of a path wins. */
function lastRule(text: readonly string[], path: string, operation: string): string | undefined {
  return text
    .findLast((line) => line.includes(operation) && [`"${path}"`].some((name) => line.includes(name)))
    ?.slice(1, 6)
    .trim();
}

describe("the profile", () => {
  test("denies what it does not name", () => {
    expect(lines().slice(0, 2)).toEqual(["(version 1)", "(deny default)"]);
    expect(seatbeltProfile(FENCE)).not.toMatch(
      /\(allow default\)|\(subpath "\/"\)|\(subpath "\/Users"\)|\(subpath "\/private\/var"\)/,
    );
  });

  test("writes places from the outside in, so that the inner one wins", () => {
    const text = lines();
    expect([
      lastRule(text, "/Users/a", "file-read* "),
      lastRule(text, "/Users/a/.nvm", "file-read* "),
      lastRule(text, "/Users/a/.nvm", "file-write*"),
    ]).toEqual(["deny", "allow", "deny"]);
    expect([
      lastRule(text, "/Users/a/work", "file-write*"),
      lastRule(text, "/Users/a/work/.git", "file-write*"),
      lastRule(text, "/Users/a/work/.env", "file-read*"),
    ]).toEqual(["allow", "deny", "deny"]);
    const order = ['/Users/a"', '/Users/a/work"', '/Users/a/work/.git"'].map((name) =>
      text.findIndex(
        (line) =>
          /^\((allow|deny) file-read\* .*literal|subpath/.test(line) &&
          !line.includes("metadata") &&
          line.includes(`"${name}`),
      ),
    );
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  test("a place that is a copy elsewhere is not opened under its name; the private temp is, last", () => {
    const text = seatbeltProfile(FENCE);
    expect(text).not.toContain('(literal "/tmp")');
    expect(lastRule(lines(), FENCE.privateTemp, "file-write*")).toBe("allow");
  });

  test("without a network there is none, not even the machine's own; sockets with a name only in the private temp", () => {
    expect(seatbeltProfile(FENCE)).not.toMatch(/\(allow network/);
    expect(lines({ network: true }).filter((line) => line.startsWith("(allow network"))).toEqual([
      "(allow network* (remote ip) (local ip))",
    ]);
    const sockets = lines({ unixSockets: true }).filter((line) => line.includes("unix-socket"));
    expect(sockets).toHaveLength(2);
    for (const line of sockets) expect(line).toContain(FENCE.privateTemp);
  });

  test.each([['a"b'], ["a\\b"], ['a\\"b'], ['") (allow default) ("'], ["a\nb"], ["ä ö"]])(
    "a name such as %j stays inside its string",
    (name) => {
      const profile = seatbeltProfile({ ...FENCE, places: [{ path: `/Users/a/${name}`, access: "read" }] });
      const outside = profile.replace(/"(?:[^"\\]|\\[\s\S])*"/g, "");
      expect(outside).not.toContain('"');
      expect(outside).not.toContain("allow default");
    },
  );
});
