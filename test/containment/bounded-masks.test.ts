// More to hide than a sandbox can be told one by one: by names alone, and with commands in a workspace full of keys.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { boundMasks } from "../../src/containment/bounded-masks.ts";
import { needBubblewrap } from "../support/need.ts";
import { contain, createPlace, planOf, sandboxFor } from "./fixture.ts";

const many = (count: number, name: (index: number) => string): string[] =>
  Array.from({ length: count }, (_value, index) => name(index));

describe("what is hidden is bounded", () => {
  test("few paths stay as they are, each once", () => {
    expect(boundMasks(["/w/.env", "/w/a/.env", "/w/.env"], ["/w"], 3)).toEqual({
      paths: ["/w/.env", "/w/a/.env"],
      folders: [],
    });
  });

  test.each([
    [
      "one full folder",
      [...many(10, (index) => `/w/certs/${index}.pem`), "/w/.env"],
      ["/w/.env", "/w/certs"],
      ["/w/certs"],
    ],
    [
      "the fullest of two",
      [...many(3, (index) => `/w/few/${index}`), ...many(9, (index) => `/w/full/${index}`)],
      ["/w/few/0", "/w/few/1", "/w/few/2", "/w/full"],
      ["/w/full"],
    ],
    [
      "a folder of folders with one each",
      many(10, (index) => `/w/packages/p${index}/.env`),
      ["/w/packages"],
      ["/w/packages"],
    ],
    ["the deeper one first", [...many(8, (index) => `/w/a/b/${index}`), "/w/a/x"], ["/w/a/x", "/w/a/b"], ["/w/a/b"]],
    [
      "a folder in a folder that is closed as well",
      [...many(5, (index) => `/w/a/b/${index}`), ...many(9, (index) => `/w/a/${index}`)],
      ["/w/a"],
      ["/w/a"],
    ],
    ["nothing around a root", many(10, (index) => `/w/${index}.pem`), many(10, (index) => `/w/${index}.pem`), []],
  ])("closed as a whole: %s", (_title, paths, expected, folders) => {
    expect(boundMasks(paths, ["/w"], 4)).toEqual({ paths: expected, folders });
  });
});

const bubblewrap = needBubblewrap();

describe.skipIf(bubblewrap.missing)(bubblewrap.title("thousands of keys in the workspace"), () => {
  const fill = (folder: string): void => {
    mkdirSync(folder, { recursive: true });
    for (let index = 0; index < 5_000; index++) writeFileSync(join(folder, `k${index}.pem`), "sesame-street\n");
  };

  test.each(["plan", "execute"] as const)(
    "in a folder: commands of the %s stage run, see none of them, and are told so",
    async (stage) => {
      const place = createPlace({ "a.txt": "one\n" });
      try {
        fill(join(place.workspace, "certs"));
        const result = await contain(place, "cat a.txt; cat certs/*; ls certs", {
          stage,
          sandbox: await sandboxFor(place),
          plan: planOf({ "**": "modify" }, ["cat a.txt; cat certs/*; ls certs"]),
        });
        expect(result.blocked).toBeNull();
        expect(result.output).toContain("one\n");
        expect(result.output).not.toContain("sesame");
        expect(result.output).not.toContain("k1.pem");
        expect(result.notes.join("\n")).toContain("these folders are empty for commands: certs");
        expect(place.read("certs/k4999.pem")).toBe("sesame-street\n");
      } finally {
        place.remove();
      }
    },
  );

  test("at the very top: the command is refused with what to do, never run unfenced", async () => {
    const place = createPlace({ "a.txt": "one\n" });
    try {
      fill(place.workspace);
      const result = await contain(place, "cat a.txt k1.pem", { stage: "plan", sandbox: await sandboxFor(place) });
      expect(result.blocked).toMatch(
        /^the sandbox could not be set up, so the command was not run: more than 1800 files right in the workspace .* move them into a folder$/,
      );
      expect(result.output).not.toContain("sesame");
    } finally {
      place.remove();
    }
  });
});
