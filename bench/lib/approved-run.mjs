// What a tool step costs in an approved run that writes: thirty edits by a scripted executor, against the same edits in
// pi.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { node24Folder, peerBinary } from "./harness.mjs";
import { edits, LINES, planCall, preparePlace, resetTarget, TARGET } from "./place.mjs";
import { median } from "./statistics.mjs";

const PROMPT = "Change every line of target.txt.";

/** Time between the requests that is not the mock's own, for each step. */
function perStep(requests, from) {
  const span = requests.slice(from);
  const mock = span.reduce((sum, one) => sum + ((one.tEnd ?? one.t) - one.t), 0);
  return (span.at(-1).tEnd - span[0].t - mock) / (span.length - 1);
}

function contestant(harness, { benchDirectory, bin }, mock, name) {
  const adapter = harness.adapters[name];
  const own = name === "bmo";
  const place = preparePlace({
    benchDirectory,
    name: `edits-${name}`,
    adapter,
    url: mock.url,
    bin: own ? bin : peerBinary(harness, benchDirectory, name),
    node24: own ? undefined : node24Folder(benchDirectory),
  });
  const calls = Array.from({ length: LINES }, (_, index) => edits[name](index));
  return {
    place,
    argv: own ? ["-p", PROMPT, "--approve"] : adapter.oneshot(place, PROMPT),
    // bmo plans and views the file first; what is compared begins with the first edit in both.
    scenario: {
      name: "edits",
      by: "request",
      replies: own ? [planCall, { read: TARGET }, ...calls] : calls,
      final: { text: "done" },
    },
    before: own ? 2 : 0,
  };
}

export async function measureApprovedRun(harness, options) {
  const mock = await harness.startMock({});
  const names = ["bmo", "pi"].filter(
    (name) => name === "bmo" || existsSync(peerBinary(harness, options.benchDirectory, name)),
  );
  const contestants = new Map(names.map((name) => [name, contestant(harness, options, mock, name)]));
  const steps = new Map(names.map((name) => [name, []]));
  const problems = [];
  let leftOver = 0;
  for (let round = -1; round < options.rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const { place, argv, scenario, before } = contestants.get(name);
      resetTarget(place);
      mock.reset(scenario, { cwd: place.proj });
      const result = await harness.runOnce({ argv: [place.bin, ...argv], env: place.env, cwd: place.proj, mock });
      if (round < 0) continue; // The first run warms caches and does not count.
      const main = mock.requests.filter((one) => one.kind === "main");
      const changed = readFileSync(join(place.proj, TARGET), "utf8")
        .split("\n")
        .filter((line) => line.endsWith("was changed")).length;
      if (main.length !== before + LINES + 1 || changed !== LINES)
        problems.push(`${name}: ${main.length} requests, ${changed} of ${LINES} lines changed, exit ${result.code}`);
      else steps.get(name).push(perStep(main, before));
      if (name === "bmo") leftOver = Math.max(leftOver, result.leftover);
    }
  }
  await mock.close();
  return { bmo: median(steps.get("bmo")), pi: median(steps.get("pi") ?? []), leftOver, problems };
}
