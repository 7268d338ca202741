// Large differential fuzz of the shell verdict: `npx tsx bench/containment/fuzz.mts [lines] [seed]`.

import { fuzzShell } from "../../test/permission/fuzz.ts";

const lines = Number(process.argv[2] ?? 200_000);
const seed = Number(process.argv[3] ?? 1);
const started = performance.now();
const result = await fuzzShell(lines, seed);
console.log(
  JSON.stringify({
    lines,
    seed,
    accepted: result.accepted,
    acceptedShare: result.accepted / lines,
    differences: result.differences.length,
    seconds: Math.round((performance.now() - started) / 1000),
  }),
);
for (const difference of result.differences.slice(0, 20)) console.log(JSON.stringify(difference));
process.exitCode = result.differences.length === 0 ? 0 : 1;
