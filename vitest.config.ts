import { defineConfig } from "vitest/config";
import { createCountReporter } from "./test/support/count-reporter.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "test/**/*.test.tsx"],
    globalSetup: ["test/global-setup.ts"],
    reporters: ["default", createCountReporter()],
    // A test that expects nothing cannot fail.
    expect: { requireAssertions: true },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    // Real terminals and processes on a shared machine: a run that decides about landing gives each test a second try,
    // counts those tries and fails above a share of them.
    retry: process.env["CI"] === "true" ? 1 : 0,
    env: { NO_COLOR: "1" },
  },
});
