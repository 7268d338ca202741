// Tests as Stryker runs them: in threads of its own, once per mutant, without a build, a terminal or the end-to-end
// tests.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: JSON.parse(process.env["BMO_MUTATION_TESTS"] ?? '["test/**/*.test.ts"]') as string[],
    testTimeout: 60_000,
    env: { NO_COLOR: "1" },
  },
});
