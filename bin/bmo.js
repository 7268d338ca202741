#!/usr/bin/env node
// Starts the built bundle; in a checkout that is not built yet it says so. CommonJS, as the start of the bundle is: the
// loader of ES modules would cost a fifth of `bmo --version`.
"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");

const bundle = join(__dirname, "..", "dist", "main.cjs");
if (existsSync(bundle)) {
  require(bundle);
} else {
  process.stderr.write("bmo is not built yet. Run this once in the checkout: npm ci && npm run build\n");
  process.exitCode = 1;
}
