// What the packed package weighs once it is installed elsewhere.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function measureInstalledSize(root) {
  const folder = mkdtempSync(join(tmpdir(), "bmo-installed-"));
  try {
    const npm = (words, cwd) =>
      execFileSync("npm", words, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const [{ filename, size }] = JSON.parse(
      npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
    );
    writeFileSync(join(folder, "package.json"), '{"private":true}\n');
    npm(["install", "--no-audit", "--no-fund", "--offline", join(folder, filename)], folder);
    const installed = join(folder, "node_modules");
    const [kilobytes] = execFileSync("du", ["-sk", installed], { encoding: "utf8" }).split("\t");
    const version = execFileSync(join(installed, ".bin", "bmo"), ["--version"], { encoding: "utf8" }).trim();
    return { installedMB: Number(kilobytes) / 1024, packedMB: size / 1024 / 1024, version };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
