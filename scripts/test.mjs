// `npm test`: types, lint, format, then the tests; arguments go to vitest. Ends with a plain line that counts.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const filters = process.argv.slice(2);
const steps =
  filters.length > 0
    ? []
    : [
        ["tsc", ["--noEmit", "-p", "tsconfig.json"]],
        ["eslint", ["."]],
        ["prettier", ["--check", "--log-level", "warn", "."]],
      ];
steps.push(["vitest", ["run", ...filters]]);

for (const [name, parameters] of steps) {
  const result = spawnSync("npx", ["--no-install", name, ...parameters], { cwd: root, stdio: "inherit" });
  if (result.status !== 0) process.exit(result.status ?? 1);
}
