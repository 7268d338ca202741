// The parser's announcement against what real bash runs; the larger count is an npm script of bench/.

import { expect, test } from "vitest";
import { fuzzShell } from "./fuzz.ts";

test("bash runs exactly what was announced", async () => {
  const result = await fuzzShell(8_000, 20261121);
  expect(result.differences).toEqual([]);
  expect(result.accepted / result.tried).toBeGreaterThan(0.02);
});
