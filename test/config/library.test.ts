// Why the explorer of cosmiconfig is taken by itself: this test fails once the package's own call is safe, and then
// that call is to be used.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

test.each(["config.js", "config.cjs"])(
  "cosmiconfig() runs .config/%s of the working directory, whatever its options",
  (name) => {
    const folder = mkdtempSync(join(tmpdir(), "bmo-library-"));
    const mark = join(folder, "ran");
    mkdirSync(join(folder, ".config"));
    writeFileSync(join(folder, ".config", name), `require("node:fs").writeFileSync(${JSON.stringify(mark)}, "");`);
    const library = createRequire(import.meta.url).resolve("cosmiconfig");
    const options =
      '{ searchPlaces: ["bmo.toml"], loaders: { ".toml": () => ({}) }, searchStrategy: "none", cache: false }';
    const program = `require(${JSON.stringify(library)}).cosmiconfig("bmo", ${options});`;
    execFileSync(process.execPath, ["-e", program], { cwd: folder });
    expect(existsSync(mark)).toBe(true);
    rmSync(folder, { recursive: true });
  },
);
