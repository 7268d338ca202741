// From raw results to rows: what must be reached, what is aimed at, what was reached, and the peers of the same rounds.

import { median, show } from "./statistics.mjs";

/** @returns rows { figure, must, aim, reached, peers, met: "aim" | "must" | "no" | "" } */
export const row = (figure, must, aim, reached, peers, value, mustAt, aimAt) => ({
  figure,
  must,
  aim,
  reached,
  peers,
  met: value === undefined || !Number.isFinite(value) ? "" : value <= aimAt ? "aim" : value <= mustAt ? "must" : "no",
});

function reader(data) {
  const runs = (name, what) => data.runs.filter((run) => run.n === name && run.w === what && run.ok !== false);
  const referenceOf = (round) =>
    median(data.runs.filter((run) => run.n === "ref" && run.round === round).map((run) => run.wallMs));
  return {
    value: (name, what, pick) => median(runs(name, what).map(pick)),
    overReference: (name, what, pick) => median(runs(name, what).map((run) => pick(run) / referenceOf(run.round))),
    reference: median(data.runs.filter((run) => run.n === "ref").map((run) => run.wallMs)),
    loads: data.runs.filter((run) => run.n === "ref").map((run) => run.load),
    measured: (what) => data.runs.some((run) => run.n === "bmo" && run.w === what),
    names: [...new Set(data.runs.map((run) => run.n))].filter((name) => name !== "ref" && name !== "bmo"),
  };
}

export function headlessRows(data) {
  const read = reader(data);
  const peers = (write) => read.names.map((name) => `${name} ${write(name)}`).join(", ");
  const rows = [];
  for (const what of ["version", "help"]) {
    if (!read.measured(what)) continue;
    const ratio = read.overReference("bmo", what, (run) => run.wallMs);
    rows.push(
      row(
        `\`--${what}\``,
        "≤ 2×ref",
        "≤ 1.5×ref",
        `${show(ratio, 2)}×ref`,
        peers((name) => `${show(read.overReference(name, what, (run) => run.wallMs))}×ref`),
        ratio,
        2,
        1.5,
      ),
    );
  }
  if (read.measured("oneshot")) {
    const first = (name) => read.overReference(name, "oneshot", (run) => run.req.firstMainMs);
    const ratio = first("bmo");
    rows.push(
      row(
        "one-shot: spawn → first request",
        "≤ half of codex",
        "≤ 2.5×ref",
        `${show(ratio, 2)}×ref, ${show(ratio / first("codex"), 2)} of codex`,
        peers((name) => `${show(first(name))}×ref`),
        ratio,
        first("codex") / 2,
        2.5,
      ),
    );
    const total = (name) => read.overReference(name, "oneshot", (run) => run.wallMs);
    rows.push(
      row(
        "one-shot: total wall",
        "≤ 6×ref",
        "≤ 3.5×ref",
        `${show(total("bmo"), 2)}×ref`,
        peers((name) => `${show(total(name))}×ref`),
        total("bmo"),
        6,
        3.5,
      ),
    );
    const memory = (name) => read.value(name, "oneshot", (run) => run.peakTreeMB);
    rows.push(
      row(
        "one-shot: peak memory",
        "≤ 100 MB",
        "≤ 75 MB",
        show(memory("bmo"), 0, " MB"),
        peers((name) => show(memory(name), 0, " MB")),
        memory("bmo"),
        100,
        75,
      ),
    );
    const tail = (name) => read.value(name, "oneshot", (run) => run.req.tailMs);
    rows.push(
      row(
        "last byte → exit",
        "–",
        "≤ 15 ms",
        show(tail("bmo"), 0, " ms"),
        peers((name) => show(tail(name), 0, " ms")),
        tail("bmo"),
        Infinity,
        15,
      ),
    );
    const left = Math.max(...data.runs.filter((run) => run.n === "bmo").map((run) => run.leftover));
    rows.push(row("processes left over", "0", "0", String(left), "", left, 0, 0));
  }
  if (read.measured("agentic")) {
    const step = (name) => read.value(name, "agentic", (run) => run.perTurnMs);
    const ratio = step("bmo") / step("pi");
    rows.push(
      row(
        `overhead per tool step, ${data.meta.turns} reads, plan stage`,
        "≤ 0.8 × pi",
        "≤ 0.5 × pi",
        `${show(step("bmo"))} ms, ${show(ratio, 2)} × pi`,
        peers((name) => show(step(name), 1, " ms")),
        ratio,
        0.8,
        0.5,
      ),
    );
  }
  if (read.measured("long")) {
    const reply = (name) => read.value(name, "long", (run) => run.firstByteToExitMs);
    const ratio = reply("bmo") / reply("codex");
    rows.push(
      row(
        `${data.meta.long.toLocaleString("en-US")}-token reply, request → exit`,
        "≤ 0.8 × codex",
        "≤ 0.5 × codex",
        `${show(reply("bmo"), 0)} ms, ${show(ratio, 2)} × codex`,
        peers((name) => show(reply(name), 0, " ms")),
        ratio,
        0.8,
        0.5,
      ),
    );
  }
  return { rows, reference: read.reference, loads: read.loads };
}

export function interactiveRows(data) {
  const runs = (test) => data.tui.filter((run) => test(run.n));
  const value = (name, key) => median(runs((one) => one === name).map((run) => run[key]));
  const names = [...new Set(data.tui.map((run) => run.n))].filter((name) => name !== "bmo" && !name.startsWith("Node"));
  const peers = (key, digits, unit) =>
    names.map((name) => `${name} ${show(value(name, key), digits, unit)}`).join(", ");
  const bare = median(runs((name) => /^Node 2\d: Ink prompt, esbuild bundle/.test(name)).map((run) => run.promptMs));
  const prompt = value("bmo", "promptMs");
  const accepts = value("bmo", "acceptsMs");
  const echo = value("bmo", "echoMs");
  const idle = value("bmo", "idleCpuPct");
  return [
    row(
      "launch → prompt on screen",
      "≤ 1.6 × bare bundled Ink",
      "≤ 1.3 ×",
      `${show(prompt, 0)} ms, ${show(prompt / bare, 2)} × bare Ink (${show(bare, 0)} ms)`,
      peers("promptMs", 0, " ms"),
      prompt / bare,
      1.6,
      1.3,
    ),
    row("launch → typed text shows", "–", "–", show(accepts, 0, " ms"), peers("acceptsMs", 0, " ms"), undefined),
    row(
      "key → screen",
      "≤ 2 × pi",
      "≤ pi",
      `${show(echo)} ms, ${show(echo / value("pi", "echoMs"), 2)} × pi`,
      peers("echoMs", 1, " ms"),
      echo / value("pi", "echoMs"),
      2,
      1,
    ),
    row("idle CPU", "≤ 0.1 %", "0.0 %", show(idle, 2, " %"), peers("idleCpuPct", 1, " %"), idle, 0.1, 0.049),
    row(
      "idle memory",
      "–",
      "≤ 100 MB",
      show(value("bmo", "rssMB"), 0, " MB"),
      peers("rssMB", 0, " MB"),
      value("bmo", "rssMB"),
      Infinity,
      100,
    ),
  ];
}

export function approvedRunRows(found) {
  const ratio = found.bmo / found.pi;
  return [
    row(
      "overhead per tool step, 30 edits, approved run",
      "≤ 0.8 × pi",
      "≤ 0.5 × pi",
      `${show(found.bmo)} ms, ${show(ratio, 2)} × pi${found.problems.length === 0 ? "" : ` (runs left out: ${found.problems.join("; ")})`}`,
      `pi ${show(found.pi, 1, " ms")}`,
      ratio,
      0.8,
      0.5,
    ),
  ];
}

export function tokenRows(found, data) {
  const pi = data?.runs.find((run) => run.n === "pi" && run.w === "oneshot");
  const peer = pi === undefined ? "" : `pi ${show((pi.req.systemBytes + pi.req.toolsBytes) / 4, 0)}`;
  return ["plan", "execute"].map((stage) => {
    const values = Object.entries(found).map(([format, one]) => [format, one?.[stage]]);
    const worst = Math.max(...values.map(([, value]) => value ?? NaN));
    return row(
      `fixed tokens per call, ${stage} stage`,
      "≤ 2,500",
      "≤ 1,450",
      values.map(([format, value]) => `${format} ${show(value, 0)}`).join(", "),
      peer,
      worst,
      2500,
      1450,
    );
  });
}

export const sizeRows = (found) => [
  row(
    "installed from the packed tarball",
    "≤ 30 MB",
    "≤ 10 MB",
    `${show(found.installedMB, 1, " MB")} (packed ${show(found.packedMB, 1, " MB")})`,
    "",
    found.installedMB,
    30,
    10,
  ),
];

export function fileRows(found) {
  if (found.skipped !== undefined)
    return [row("files opened before the first request", "–", "–", `not measured: ${found.skipped}`, "", undefined)];
  return [
    row(
      "files opened before the first request",
      "–",
      "–",
      `${found.own} of its own, ${found.others} of the user's`,
      "",
      undefined,
    ),
    row(
      "programs started, and other requests sent, in a one-shot",
      "0",
      "0",
      `${found.programs}, ${found.otherRequests}`,
      "",
      found.programs + found.otherRequests,
      0,
      0,
    ),
  ];
}
