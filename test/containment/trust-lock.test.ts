// Trust belongs to a directory and its content; the execution lock to one live process.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createExecutionLock, lockExecution } from "../../src/containment/lock.ts";
import { createTrustStore } from "../../src/containment/trust.ts";
import { createPlace, type Place } from "./fixture.ts";

let place: Place;
beforeEach(() => {
  place = createPlace({ a: "a" });
});
afterEach(() => place.remove());

describe("trust", () => {
  const digest = "sha256:one";
  test("35: is bound to path and content, kept across processes, 0600, revocable", () => {
    createTrustStore(place.data).trust(place.workspace, digest);
    const later = createTrustStore(place.data);
    expect(later.isTrusted(place.workspace, digest)).toBe(true);
    expect(later.isTrusted(place.workspace, "sha256:two")).toBe(false);
    expect(later.isTrusted(place.home, digest)).toBe(false);
    expect(statSync(join(place.data, "trust.json")).mode & 0o777).toBe(0o600);
    later.revoke(place.workspace);
    expect(later.isTrusted(place.workspace, digest)).toBe(false);
  });
  test("a no is kept like a yes, trusts nothing, and each takes the place of the other", () => {
    createTrustStore(place.data).refuse(place.workspace, digest);
    const store = createTrustStore(place.data);
    const both = (of: string): boolean[] => [
      store.isTrusted(place.workspace, of),
      store.isRefused(place.workspace, of),
    ];
    expect([both(digest), both("sha256:two")]).toEqual([
      [false, true],
      [false, false],
    ]);
    store.trust(place.workspace, digest);
    expect(both(digest)).toEqual([true, false]);
    store.refuse(place.workspace, digest);
    store.revoke(place.workspace);
    expect(both(digest)).toEqual([false, false]);
  });
  test("a directory put in the place of the trusted one is not it", () => {
    const store = createTrustStore(place.data);
    store.trust(place.workspace, digest);
    renameSync(place.workspace, join(place.root, "moved"));
    mkdirSync(place.workspace);
    expect(store.isTrusted(place.workspace, digest)).toBe(false);
  });
  test("32: a worktree pointer that impersonates a trusted repository asks again", () => {
    const plain = join(place.root, "plain");
    mkdirSync(plain);
    const store = createTrustStore(place.data);
    store.trust(plain, digest);
    expect(store.isTrusted(plain, digest)).toBe(true);
    execFileSync("git", ["-C", place.workspace, "worktree", "add", "-q", join(place.root, "tree")]);
    writeFileSync(join(plain, ".git"), readFileSync(join(place.root, "tree", ".git")));
    expect(store.isTrusted(plain, digest)).toBe(false);
  });
  test("a damaged file trusts nothing", () => {
    writeFileSync(join(place.data, "trust.json"), '{"/": {"digest": 1}, ');
    expect(createTrustStore(place.data).isTrusted(place.workspace, digest)).toBe(false);
  });
});

describe("execution lock", () => {
  const signal = new AbortController().signal;
  const lock = (sessionId: string, waitMs = 200): Promise<() => void> =>
    lockExecution({
      workspace: place.workspace,
      dataDirectory: place.data,
      sessionId,
      waitMs,
      signal: new AbortController().signal,
    });
  test("the second waits, then is told who holds it; release lets it in", async () => {
    const release = await lock("one");
    await expect(lock("two")).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining(`process ${process.pid}, session one`) as string,
    });
    const waiting = lock("two", 10_000);
    release();
    release();
    (await waiting)();
    expect(readdirSync(join(place.data, "locks"))).toEqual([]);
  });
  test("another workspace is not held up", async () => {
    const release = await lock("one");
    const other = await lockExecution({
      workspace: place.home,
      dataDirectory: place.data,
      sessionId: "two",
      waitMs: 0,
      signal,
    });
    await expect(lock("three", 0)).rejects.toMatchObject({ code: "locked" });
    expect(readdirSync(join(place.data, "locks"))).toHaveLength(2);
    other();
    release();
  });
  test.each([
    ["around it", (path: string) => join(path, "..")],
    ["inside it", (path: string) => join(path, "src")],
    ["the same", (path: string) => path],
  ])("a workspace %s is held up", async (_where, other) => {
    const release = await lock("one");
    const wanted = { workspace: other(place.workspace), dataDirectory: place.data, sessionId: "two", signal };
    await expect(lockExecution({ ...wanted, waitMs: 0 })).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining(place.workspace) as string,
    });
    const waiting = lockExecution({ ...wanted, waitMs: 10_000 });
    release();
    (await waiting)();
  });
  test("a neighbour whose name only begins alike is not held up", async () => {
    const release = await lock("one");
    const other = await lockExecution({
      workspace: `${place.workspace}-2`,
      dataDirectory: place.data,
      sessionId: "two",
      waitMs: 0,
      signal,
    });
    expect(readdirSync(join(place.data, "locks"))).toHaveLength(2);
    other();
    release();
  });
  test("one process shares it; the last one gives it back, and who waits is told for whom", async () => {
    const shared = createExecutionLock({ workspace: place.workspace, dataDirectory: place.data, sessionId: "one" });
    const [first, second] = await Promise.all([shared(signal), shared(signal)]);
    first();
    first();
    await expect(lock("two", 0)).rejects.toMatchObject({ code: "locked" });
    const told: number[] = [];
    const waiting = createExecutionLock({ workspace: place.workspace, dataDirectory: place.data, sessionId: "two" })(
      signal,
      ({ pid }) => {
        told.push(pid);
        second();
      },
    );
    (await waiting)();
    expect(told).toEqual([process.pid]);
    (await shared(signal))();
    expect(readdirSync(join(place.data, "locks"))).toEqual([]);
  });
  test("a holder that was killed, or whose pid was given to another process, is taken over", async () => {
    const child = spawn(process.execPath, ["-e", "process.exit()"]);
    await new Promise((resolve) => child.once("exit", resolve));
    (await lock("probe"))();
    const [file] = [
      join(
        place.data,
        "locks",
        (await import("node:crypto")).createHash("sha256").update(place.workspace).digest("hex").slice(0, 24),
      ),
    ];
    for (const holder of [
      { pid: child.pid, started: "1", session: "dead", token: "t" },
      { pid: process.pid, started: "1", session: "reused", token: "t" },
    ]) {
      writeFileSync(file, JSON.stringify(holder));
      const release = await lock("next", 0);
      expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ pid: process.pid, session: "next" });
      release();
    }
    writeFileSync(file, "half a li");
    const release = await lock("next", 0);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ pid: process.pid, session: "next" });
    release();
  });
  test("of many at once exactly one holds it", async () => {
    let holding = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const release = await lock(String(index), 20_000);
        most = Math.max(most, ++holding);
        await new Promise((resolve) => setImmediate(resolve));
        holding--;
        release();
      }),
    );
    expect(most).toBe(1);
  });
  test("an interruption ends the wait", async () => {
    const release = await lock("one");
    const controller = new AbortController();
    const waiting = lockExecution({
      workspace: place.workspace,
      dataDirectory: place.data,
      sessionId: "two",
      signal: controller.signal,
    });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
    release();
  });
});
