// A project's file is read inside the repository or not at all, and nothing that stands at its name makes bmo wait.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { locateProjectFile, projectRoot, readProjectFile } from "../../src/util/project-file.ts";
import { needOrdinaryUser } from "../support/need.ts";

const SECRET = "SECRET-0f3c";
const open: string[] = [];
afterEach(() => open.splice(0).forEach((folder) => rmSync(folder, { recursive: true, force: true })));

interface Ground {
  outside: string;
  root: string;
  /** Where the file is looked for. */
  path: string;
}

function ground(): Ground {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "bmo-project-")));
  open.push(base);
  const root = join(base, "repository");
  mkdirSync(join(root, "docs"), { recursive: true });
  mkdirSync(join(base, "home"));
  writeFileSync(join(base, "home/key"), SECRET);
  writeFileSync(join(root, "docs/inner.md"), "inner");
  writeFileSync(join(root, ".env"), SECRET);
  return { outside: join(base, "home"), root, path: join(root, "AGENTS.md") };
}

const read = ({ root, path }: Ground, cap = 1_000): string => {
  const file = readProjectFile(path, { root, isClosed: (real) => real.endsWith(".env") }, cap);
  return file.kind === "read"
    ? `read ${file.bytes.toString("utf8")}`
    : file.kind === "absent"
      ? "absent"
      : `refused: ${file.reason}`;
};

const OUT = "refused: it is a link that leads out of the repository";
const KINDS: readonly (readonly [kind: string, make: (place: Ground) => void, expected: string])[] = [
  ["nothing", () => undefined, "absent"],
  ["a file", ({ path }) => writeFileSync(path, "plain"), "read plain"],
  ["an absolute link to a secret", ({ path, outside }) => symlinkSync(join(outside, "key"), path), OUT],
  ["a relative link to a secret", ({ path }) => symlinkSync("../home/key", path), OUT],
  [
    "a chain of links that ends outside",
    ({ path, root }) => (symlinkSync("../../home/key", join(root, "docs/two")), symlinkSync("docs/two", path)),
    OUT,
  ],
  ["a link to the environment of the process", ({ path }) => symlinkSync("/proc/self/environ", path), OUT],
  ["a link to a log of the kernel that never ends", ({ path }) => symlinkSync("/proc/kmsg", path), OUT],
  ["a link to a device that never ends", ({ path }) => symlinkSync("/dev/zero", path), OUT],
  [
    "a link to a credential inside",
    ({ path }) => symlinkSync(".env", path),
    "refused: it is a link to .env, which is closed",
  ],
  ["a dangling link", ({ path }) => symlinkSync("nowhere", path), "refused: it is a link that leads nowhere"],
  ["a link to itself", ({ path }) => symlinkSync("AGENTS.md", path), "refused: it cannot be read (ELOOP)"],
  ["a link to a file inside", ({ path }) => symlinkSync("docs/inner.md", path), "read inner"],
  ["a link to a folder inside", ({ path }) => symlinkSync("docs", path), "refused: not a regular file but a directory"],
  ["a folder", ({ path }) => mkdirSync(path), "refused: not a regular file but a directory"],
  ["a pipe", ({ path }) => execFileSync("mkfifo", [path]), "refused: not a regular file but a fifo"],
  [
    "a link to a pipe inside",
    ({ path, root }) => (execFileSync("mkfifo", [join(root, "docs/pipe")]), symlinkSync("docs/pipe", path)),
    "refused: not a regular file but a fifo",
  ],
  [
    "a hard link, which is a file like any other",
    ({ path, root }) => linkSync(join(root, "docs/inner.md"), path),
    "read inner",
  ],
  ["a name below a file", (place) => (writeFileSync(place.path, ""), (place.path = join(place.path, "x"))), "absent"],
  [
    "a name below a folder that is a link out",
    (place) => (symlinkSync(place.outside, join(place.root, "bent")), (place.path = join(place.root, "bent/key"))),
    OUT,
  ],
];

test.each(KINDS)("%s", (_kind, make, expected) => {
  const place = ground();
  make(place);
  expect(read(place)).toBe(expected);
});

test("a socket is refused", async () => {
  const place = ground();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(place.path, resolve));
  expect(read(place)).toBe("refused: not a regular file but a socket");
  await new Promise((resolve) => server.close(resolve));
});

test("of a file of ten gigabytes only the first bytes are read", () => {
  const place = ground();
  writeFileSync(place.path, "begin");
  truncateSync(place.path, 10 * 2 ** 30);
  const file = readProjectFile(place.path, { root: place.root, isClosed: () => false }, 100);
  expect(file).toMatchObject({ kind: "read", size: 10 * 2 ** 30 });
  expect(file.kind === "read" ? [file.bytes.length, file.bytes.toString("latin1", 0, 5)] : []).toEqual([100, "begin"]);
});

const ordinaryUser = needOrdinaryUser("root may read anything");
test.skipIf(ordinaryUser.missing)(ordinaryUser.title("a file of mode 000 is refused with the reason"), () => {
  const place = ground();
  writeFileSync(place.path, "closed");
  chmodSync(place.path, 0);
  expect(read(place)).toBe("refused: it cannot be read (EACCES)");
});

describe("the root that links may not leave", () => {
  test("is the top of the repository", () => expect(projectRoot("/w/repo/sub", "/w/repo", "/home/me")).toBe("/w/repo"));
  test("is the workspace where the top holds the home", () =>
    expect(projectRoot("/home/me/work", "/home/me", "/home/me")).toBe("/home/me/work"));
  test("lets a link reach another folder of the same repository", () => {
    const place = ground();
    symlinkSync("../AGENTS.md", join(place.root, "docs/AGENTS.md"));
    writeFileSync(place.path, "top");
    expect(locateProjectFile(join(place.root, "docs/AGENTS.md"), { root: place.root, isClosed: () => false })).toEqual({
      kind: "found",
      realPath: place.path,
    });
  });
});
