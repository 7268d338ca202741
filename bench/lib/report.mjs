// bench/RESULTS.md.

import os from "node:os";
import { show } from "./statistics.mjs";

const cells = (values) => `| ${values.join(" | ")} |`;
const VERDICT = { aim: "aim reached", must: "must reached", no: "**missed**", "": "" };

export function resultsPage(page, { rounds, parts, date }) {
  const loads = page.load.filter(Number.isFinite);
  const lines = [
    "# Results",
    "",
    `Measured ${date.toISOString().slice(0, 10)} on ${os.cpus().length} cores (${os.cpus()[0]?.model.trim() ?? "unknown"}), ${Math.round(os.totalmem() / 2 ** 30)} GB, ${os.type()} ${os.release()}; load average ${show(Math.min(...loads))} to ${show(Math.max(...loads))}.`,
    `bmo ran on Node ${process.version}${page.node24 === undefined ? "" : `; peers that need a newer one, and npm's launchers, on ${page.node24}`}. ${rounds} interleaved rounds, medians.`,
    ...(page.peers === undefined
      ? []
      : [
          `Peers in the same rounds: ${page.peers.join(", ")}. ×ref: against a bare \`node -e 0\` of the same round, here ${show(page.reference, 0)} ms. Only ratios within this run mean anything.`,
        ]),
    `Parts of this run: ${parts.join(", ")}.`,
    "",
    cells(["figure", "must", "aim", "reached", "", "peers in the same run"]),
    cells(["---", "---", "---", "---", "---", "---"]),
    ...page.rows.map((one) => cells([one.figure, one.must, one.aim, one.reached, VERDICT[one.met], one.peers])),
    "",
    ...page.sections.flatMap(({ title, text }) => [`## ${title}`, "", "```", text, "```", ""]),
    "## How to repeat",
    "",
    "`npm run bench` measures everything (about half an hour, peers are installed by npm into `BENCH_DIR`); `npm run bench -- --only startup,steps --rounds 11` a part; `npm run bench -- --help` lists the parts.",
    "The shared harness is looked for at `../shared/bench`; `BMO_BENCH_HARNESS` names another place. Without it only what needs no peers and no mock server is measured.",
    "The mock answers at once, so what is left is each program's own cost. Fixed tokens are bytes / 4 of system prompt and tools as the server received them. The edits of the approved run are the same thirty for bmo and pi, each counted from the first edit's request to the last reply, the mock's own time taken off.",
    "",
    ...(page.tables === undefined
      ? []
      : ["## The harness's own tables of this run", "", page.tables.replaceAll(/^### /gm, "### "), ""]),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}
