// Once for all tests: builds the bundle, because the end-to-end tests run bin/bmo.js as a user would, and gives the
// whole run one temporary folder that is gone afterwards.

import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export default function setup(): () => void {
  if (process.env["BMO_TEST_SKIP_BUILD"] !== "1") {
    execFileSync(process.execPath, [fileURLToPath(new URL("../scripts/build.mjs", import.meta.url))], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  // The workers are started after this and inherit it.
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "bmo-tests-"));
  process.env["TMPDIR"] = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
