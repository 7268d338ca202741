import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  renameSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { writeFileAtomic } from "../../src/util/atomic-write.ts";
import { kindOf, readRegular, type FileIdentity } from "../../src/util/regular-file.ts";
import { need, needRoot, isRoot } from "../support/need.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "bmo-atomic-")));
const small = join(base, "small");
mkdirSync(small);

/** A full disk needs a file system of its own; only root may mount one. */
function mountSmall(): boolean {
  if (process.platform !== "linux" || !isRoot) return false;
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
const mounted = mountSmall();
afterAll(() => {
  if (mounted) execFileSync("umount", [small]);
  rmSync(base, { recursive: true, force: true });
});

async function identity(path: string): Promise<FileIdentity> {
  const loaded = await readRegular(path, 1e9);
  if (loaded === null) throw new Error("too large");
  return loaded.identity;
}

describe("writeFileAtomic", () => {
  test("creates with the umask, replaces with the file's own mode, gives the identity for the next write", async () => {
    const path = join(base, "a.txt");
    const first = await writeFileAtomic({ path, bytes: Buffer.from("one"), expected: null });
    expect(statSync(path).mode & 0o7777).toBe(0o666 & ~process.umask());
    chmodSync(path, 0o4751);
    const second = await writeFileAtomic({ path, bytes: Buffer.from("two"), expected: await identity(path) });
    expect(statSync(path).mode & 0o7777).toBe(0o4751);
    expect(second.inode).not.toBe(first.inode);
    await writeFileAtomic({ path, bytes: Buffer.alloc(0), expected: second });
    expect(readFileSync(path, "utf8")).toBe("");
    expect(readdirSync(base).filter((name) => name.startsWith(".bmo-"))).toEqual([]);
  });

  test("refuses what changed, what appeared, what became a link, and leaves it alone", async () => {
    const path = join(base, "b.txt");
    writeFileSync(path, "one");
    const known = await identity(path);
    await expect(writeFileAtomic({ path, bytes: Buffer.from("x"), expected: null })).rejects.toThrow(
      "created by somebody else",
    );
    writeFileSync(path, "longer");
    await expect(writeFileAtomic({ path, bytes: Buffer.from("x"), expected: known })).rejects.toThrow(
      "changed on disk",
    );
    rmSync(path);
    await expect(writeFileAtomic({ path, bytes: Buffer.from("x"), expected: known })).rejects.toThrow(
      "changed on disk",
    );
    writeFileSync(join(base, "victim"), "keep");
    symlinkSync("victim", path);
    await expect(writeFileAtomic({ path, bytes: Buffer.from("x"), expected: known })).rejects.toThrow(
      "not a regular file",
    );
    await expect(writeFileAtomic({ path, bytes: Buffer.from("x"), expected: null })).rejects.toThrow(
      "not a regular file",
    );
    expect(readFileSync(join(base, "victim"), "utf8")).toBe("keep");
  });

  test("refuses a folder that a link has replaced, at any level", async () => {
    mkdirSync(join(base, "real/deep"), { recursive: true });
    mkdirSync(join(base, "other/deep"), { recursive: true });
    renameSync(join(base, "real"), join(base, "moved"));
    symlinkSync("other", join(base, "real"));
    await expect(
      writeFileAtomic({ path: join(base, "real/deep/x"), bytes: Buffer.from("x"), expected: null }),
    ).rejects.toThrow("replaced by a link");
    await expect(
      writeFileAtomic({ path: join(base, "real/x"), bytes: Buffer.from("x"), expected: null }),
    ).rejects.toThrow("replaced by a link");
    expect([readdirSync(join(base, "other")), readdirSync(join(base, "other/deep"))]).toEqual([["deep"], []]);
  });

  const root = needRoot("give files away");
  test.skipIf(root.missing)(root.title("keeps owner and group"), async () => {
    const path = join(base, "owned.txt");
    writeFileSync(path, "one");
    execFileSync("chown", ["12345:23456", path]);
    await writeFileAtomic({ path, bytes: Buffer.from("two"), expected: await identity(path) });
    expect([statSync(path).uid, statSync(path).gid]).toEqual([12345, 23456]);
  });

  const fullDisk = need(mounted, "a small file system cannot be mounted here");
  test.skipIf(fullDisk.missing)(
    fullDisk.title("on a full disk the old content stands, the error is told and no temporary file is left"),
    async () => {
      const path = join(small, "a.txt");
      writeFileSync(path, "precious");
      const known = await identity(path);
      await expect(
        writeFileAtomic({ path, bytes: Buffer.alloc(3_000_000, "x"), expected: known }),
      ).rejects.toMatchObject({ code: "ENOSPC" });
      await expect(
        writeFileAtomic({ path: join(small, "new"), bytes: Buffer.alloc(3_000_000, "x"), expected: null }),
      ).rejects.toMatchObject({ code: "ENOSPC" });
      expect([readdirSync(small), readFileSync(path, "utf8")]).toEqual([["a.txt"], "precious"]);
    },
  );

  test("read and killed at any moment of being replaced, the file is old or new, never a mixture", async () => {
    const path = join(base, "killed.txt");
    const size = 4_000_000;
    const whole = [Buffer.alloc(size, "o"), Buffer.alloc(size, "n")];
    const isWhole = (): boolean => {
      const now = readFileSync(path);
      return whole.some((one) => one.equals(now));
    };
    const script = `
      const { writeFileAtomic } = await import(${JSON.stringify(fileURLToPath(new URL("../../src/util/atomic-write.ts", import.meta.url)))});
      const { readRegular } = await import(${JSON.stringify(fileURLToPath(new URL("../../src/util/regular-file.ts", import.meta.url)))});
      for (let round = 0; ; round++) {
        const { identity } = await readRegular(${JSON.stringify(path)}, 1e9);
        await writeFileAtomic({ path: ${JSON.stringify(path)}, bytes: Buffer.alloc(${size}, round % 2 ? "o" : "n"), expected: identity });
        process.stdout.write(".");
      }`;
    for (let killed = 0; killed < 3; killed++) {
      writeFileSync(path, Buffer.alloc(size, "o"));
      const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
        cwd: fileURLToPath(new URL("../..", import.meta.url)),
      });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      let rounds = 0;
      let torn = 0;
      child.stdout.on("data", (dots: Buffer) => (rounds += dots.length));
      await new Promise((resolve) => child.stdout.once("data", resolve));
      for (let reads = 0; reads < 40 || rounds < 20; reads++) {
        if (!isWhole()) torn++;
        await new Promise((resolve) => setImmediate(resolve));
      }
      child.kill("SIGKILL");
      await ended;
      expect({ torn, wholeAtTheEnd: isWhole() }).toEqual({ torn: 0, wholeAtTheEnd: true });
    }
  });
});

describe("regular files", () => {
  test("fifos, devices and links are named and never opened", async () => {
    execFileSync("mkfifo", [join(base, "pipe")]);
    symlinkSync("/etc/hostname", join(base, "link"));
    expect([
      await kindOf(join(base, "pipe")),
      await kindOf(join(base, "link")),
      await kindOf("/dev/null"),
      await kindOf(base),
      await kindOf(join(base, "none")),
    ]).toEqual(["fifo", "link", "device", "directory", "missing"]);
    for (const name of ["pipe", "link"])
      await expect(readRegular(join(base, name), 10)).rejects.toThrow("not a regular file");
    writeFileSync(join(base, "eleven"), "12345678901");
    expect(await readRegular(join(base, "eleven"), 10)).toBeNull();
  });
});
