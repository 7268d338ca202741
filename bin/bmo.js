#!/usr/bin/env node
// Starts the built bundle; in a checkout that is not built yet it says so.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const bundle = new URL("../dist/main.js", import.meta.url);
if (existsSync(fileURLToPath(bundle))) {
  await import(bundle.href);
} else {
  process.stderr.write("bmo is not built yet. Run this once in the checkout: npm ci && npm run build\n");
  process.exitCode = 1;
}
