// How the built program starts: what it answers without loading anything, and that the code cache never decides
// anything.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { helpText } from "../../src/cli/known-at-start.ts";
import { startVendorServer } from "../support/vendor-server.ts";
import { BMO, createPlace, providerToml, type Place } from "./harness.ts";
import { need } from "../support/need.ts";

const { version } = JSON.parse(readFileSync(fileURLToPath(new URL("../../package.json", import.meta.url)), "utf8")) as {
  version: string;
};

describe("without loading anything", () => {
  test.each(["--version", "-v", "-V"])("%s prints the version, also without any home", async (word) => {
    const found = await createPlace({ used: false }).run([word], {
      environment: { HOME: undefined, BMO_HOME: undefined },
    });
    expect(found).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: "" });
  });

  test.each(["--help", "-h"])("%s prints what the parser would say, and writes nothing", async (word) => {
    const place = createPlace({ used: false });
    const found = await place.run([word]);
    expect(found).toEqual({ code: 0, signal: null, stdout: await helpText(80), stderr: "" });
    expect(readdirSync(join(place.home, "bmo"))).toEqual([]);
  });

  const fullDevice = need(existsSync("/dev/full"), "there is no /dev/full");
  test.skipIf(fullDevice.missing)(
    fullDevice.title("a device that is full ends neither --version nor --help with a fault of its own"),
    () => {
      for (const option of ["--version", "--help"]) {
        const { status, stderr } = spawnSync(
          "/bin/sh",
          ["-c", `"$0" "$1" ${option} > /dev/full`, process.execPath, BMO],
          { encoding: "utf8" },
        );
        expect({ option, status, stderr }).toEqual({ option, status: 0, stderr: "" });
      }
    },
  );

  test("help that is asked for among other words says the same", async () => {
    const found = await createPlace({ used: false }).run(["--quiet", "--help"]);
    expect(found).toMatchObject({ code: 0, stdout: await helpText(80) });
  });
});

describe("code cache", () => {
  const folderOf = (place: Place): string => join(place.home, "bmo", "cache");
  const fileOf = (place: Place): string => join(folderOf(place), readdirSync(folderOf(place))[0] ?? "none");

  async function scene(): Promise<{ place: Place; answer(): Promise<string> }> {
    const server = await startVendorServer({ replies: () => ({ text: "pong" }) });
    const place = createPlace({ used: false });
    place.configure(`model = "house/m"\n${providerToml("house", "anthropic", server.url, ["m"])}`);
    return {
      place,
      async answer() {
        const found = await place.run(["-p", "say pong"]);
        expect(found.stderr).not.toMatch(/error|cache/i);
        return `${found.code} ${found.stdout}`;
      },
    };
  }

  test("is written by the first run, for its owner alone, and kept by the next", async () => {
    const { place, answer } = await scene();
    expect(await answer()).toBe("0 pong\n");
    expect(readdirSync(folderOf(place))).toEqual([`headless-${process.version}-${process.arch}.bin`]);
    const first = readFileSync(fileOf(place));
    expect(await answer()).toBe("0 pong\n");
    expect(readFileSync(fileOf(place)).equals(first)).toBe(true);
  });

  test.each([
    ["empty", () => Buffer.alloc(0)],
    ["of another build", (good: Buffer) => Buffer.concat([Buffer.from("0".repeat(64)), good.subarray(64)])],
    ["damaged behind the digest", (good: Buffer) => Buffer.concat([good.subarray(0, 64), Buffer.alloc(5_000, 7)])],
    ["cut short", (good: Buffer) => good.subarray(0, 2_000)],
  ])("that is %s is not used, but replaced", async (_what, damage) => {
    const { place, answer } = await scene();
    await answer();
    const good = readFileSync(fileOf(place));
    const bad = damage(good);
    writeFileSync(fileOf(place), bad);
    expect(await answer()).toBe("0 pong\n");
    expect(readFileSync(fileOf(place)).equals(bad)).toBe(false);
    expect(readdirSync(folderOf(place))).toHaveLength(1);
  });

  test("that cannot be written stops nothing", async () => {
    const { place, answer } = await scene();
    writeFileSync(folderOf(place), "a file where the folder would be");
    expect(await answer()).toBe("0 pong\n");
    expect(readFileSync(folderOf(place), "utf8")).toBe("a file where the folder would be");
  });

  test("a run that ends before it has any data does not make the folder", async () => {
    const place = createPlace({ used: false });
    const home = join(place.home, "nowhere");
    const found = await place.run(["-p", "hi", "--no-such-option"], { environment: { BMO_HOME: home } });
    expect(found.code).toBe(2);
    expect(existsSync(home)).toBe(false);
  });
});
