// `kill -9` at random moments, in a smaller count than the bench takes.

import { expect, test } from "vitest";
import { runKills } from "../../bench/containment/kills.mts";

test("14 runs killed at random moments: sessions go on, nothing is left over, undo brings back every byte, mode and link", async () => {
  const result = await runKills(14, 20261121);
  expect(result).toMatchObject({ rounds: 14, damaged: [] });
  expect(result.kills).toBeGreaterThan(5);
}, 300_000);
