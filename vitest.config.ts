import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "test/**/*.test.tsx"],
    globalSetup: ["test/global-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    // Real terminals and processes on a shared machine: a run that decides about landing gives each test a second try and says so.
    retry: process.env["CI"] === "true" ? 1 : 0,
    env: { NO_COLOR: "1" },
  },
});
