// `npm test`: types, lint and format side by side, then the tests; arguments go to vitest. Ends with a plain line that
// counts.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const filters = process.argv.slice(2);

/** @returns the exit code; 1 for an end by a signal. */
function run(name, ...parameters) {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, "node_modules", ".bin", name), parameters, { cwd: root, stdio: "inherit" });
    child.on("error", reject).on("close", (code) => resolve(code ?? 1));
  });
}

/** Each of them keeps one core busy, and prints only what is wrong. */
const checks = () =>
  Promise.all([
    run("eslint", "."),
    run("prettier", "--check", "--log-level", "warn", "."),
    run("tsc", "--noEmit", "-p", "tsconfig.json"),
  ]);

const wrong = filters.length > 0 ? undefined : (await checks()).find((code) => code !== 0);
process.exitCode = wrong ?? (await run("vitest", "run", ...filters));
