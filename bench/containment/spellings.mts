// Spellings of a denied command that run: `npx tsx bench/containment/spellings.mts [count] [seed]`.

import { runSpellings } from "../../test/permission/spellings.ts";

const count = Number(process.argv[2] ?? 2_000);
const seed = Number(process.argv[3] ?? 1);
const started = performance.now();
const result = await runSpellings(count, seed);
console.log(
  JSON.stringify({
    ...result,
    ran: result.ran.length,
    seed,
    seconds: Math.round((performance.now() - started) / 1000),
  }),
);
for (const line of result.ran.slice(0, 20)) console.log(JSON.stringify(line));
process.exitCode = result.ran.length === 0 ? 0 : 1;
