// `npm run bench:growth`: what a long session and a large tree cost, as ratios within one run.
// Messages, files, folders and rounds may be given, in this order. `--rows file` also writes the figures that must be
// reached as rows for bench/RESULTS.md.

import { writeFileSync } from "node:fs";
import { measureSessions } from "./sessions.mts";
import { measureTree } from "./tree.mts";

const words = process.argv.slice(2);
const rowsFile = words.includes("--rows") ? words[words.indexOf("--rows") + 1] : undefined;
const [messages = 10_000, files = 100_000, folders = 1_000, rounds = 5] = words
  .filter((word) => /^\d+$/.test(word))
  .map(Number);
const rows = [...(await measureSessions(messages, rounds)), ...(await measureTree(files, folders, rounds))];
console.log(
  `\n${rows.map(({ met, figure, reached, must }) => `${met.padEnd(4)} ${figure}: ${reached} (${must})`).join("\n")}`,
);
if (rowsFile !== undefined) writeFileSync(rowsFile, JSON.stringify(rows));
