// All figures of permission and containment in one go: `npx tsx bench/containment/run.mts`, at the counts that must be
// reached, or with `--aim` at those that are aimed at. Minutes, not seconds; with `--aim` an hour.

import { spawnSync } from "node:child_process";

const aim = process.argv.includes("--aim");
const count = (must: string, aimed: string): string => (aim ? aimed : must);

const steps: [string, string[], Record<string, string>][] = [
  ["snapshot against git status", ["tsx", "bench/containment/snapshot.mts", "10000", "100000"], {}],
  ["differential fuzz of the shell verdict", ["tsx", "bench/containment/fuzz.mts", count("200000", "1000000"), "20261121"], {}],
  ["hostile lines and deviations", ["vitest", "run", "test/containment/hostile.test.ts"], { BMO_HOSTILE_COUNT: "42", BMO_TEST_SKIP_BUILD: "1" }],
  ["changes before approval, through the program", ["tsx", "bench/containment/hostile-turns.mts", count("2000", "10000")], {}],
  ["bytes out of scope, through the program", ["tsx", "bench/containment/deviations.mts", count("300", "1000")], {}],
  ["planted keys and questions", ["vitest", "run", "test/e2e/containment-figures.test.ts"], { BMO_TEST_SKIP_BUILD: "1" }],
  ["published weaknesses", ["vitest", "run", "test/containment/weaknesses.test.ts", "test/containment/trust-lock.test.ts", "test/e2e/weaknesses.test.ts"], { BMO_TEST_SKIP_BUILD: "1" }],
];
for (const [title, words, more] of steps) {
  console.log(`\n# ${title}`);
  const result = spawnSync("npx", words, { stdio: "inherit", env: { ...process.env, ...more } });
  if (result.status !== 0) process.exitCode = 1;
}
