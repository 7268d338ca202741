// Builds the bundle once before the tests, because the end-to-end tests run bin/bmo.js as a user would.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export default function setup(): void {
  if (process.env["BMO_TEST_SKIP_BUILD"] === "1") return;
  execFileSync(process.execPath, [fileURLToPath(new URL("../scripts/build.mjs", import.meta.url))], { stdio: ["ignore", "ignore", "inherit"] });
}
