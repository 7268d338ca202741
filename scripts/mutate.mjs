// `npm run mutate [-- area…]`: how many planted faults the unit tests of an area notice. Stryker plants them file by
// file, so that a limit of time leaves whole files out instead of losing everything; known results are taken over from
// the last run. Writes bench/mutation.md, and what survived into coverage/mutation. Options: --minutes <whole run,
// default 60>, --static (also what is computed once per module).

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const results = join(root, "coverage", "mutation");

const folder = (name) =>
  readdirSync(join(root, "src", name))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `src/${name}/${file}`);
const tests = (name, ...without) =>
  readdirSync(join(root, "test", name))
    .filter((file) => file.endsWith(".test.ts") && !without.includes(file))
    .map((file) => `test/${name}/${file}`);
const PLAN = [
  "src/plan/content.ts",
  "src/plan/scope.ts",
  "src/plan/changes.ts",
  "src/plan/markdown.ts",
  "src/plan/toml.ts",
];

/**
 * Sources and the tests that have to notice. Left out: fuzzers, which would run whole for each fault, and what starts
 * bmo.
 */
const AREAS = {
  plan: { sources: PLAN, tests: ["test/plan/scope.test.ts", "test/plan/workflow.test.ts"] },
  ledger: { sources: folder("ledger"), tests: tests("ledger") },
  permission: { sources: folder("permission"), tests: tests("permission", "shell-fuzz.test.ts") },
  providers: { sources: folder("providers"), tests: tests("providers") },
  session: { sources: folder("session"), tests: tests("session") },
  agent: { sources: folder("agent"), tests: tests("agent") },
  containment: {
    sources: folder("containment").filter((path) => !PLAN.includes(path)),
    tests: tests("containment", "weaknesses.test.ts"),
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: "60" }, static: { type: "boolean", default: false } },
});
const minutes = Number(values.minutes);
const unknown = positionals.filter((name) => !(name in AREAS));
if (unknown.length > 0 || !(minutes > 0)) {
  process.stderr.write(
    `mutate: ${unknown.length > 0 ? `no area ${unknown.join(", ")}; areas: ${Object.keys(AREAS).join(", ")}` : `--minutes ${values.minutes}: a number above 0 is needed`}\n`,
  );
  process.exit(2);
}
const deadline = Date.now() + minutes * 60_000;

/** The report on one file, or null where the time ran out or Stryker failed. */
function mutate(area, source) {
  const place = join(results, area, basename(source, ".ts"));
  mkdirSync(place, { recursive: true });
  const options = {
    packageManager: "npm",
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile: "scripts/mutation/vitest.config.ts", related: true },
    mutate: [source],
    coverageAnalysis: "perTest",
    ignoreStatic: !values.static,
    concurrency: 2,
    incremental: true,
    incrementalFile: join(place, "incremental.json"),
    reporters: ["json"],
    jsonReporter: { fileName: join(place, "report.json") },
    tempDirName: ".stryker-tmp",
    logLevel: "warn",
    allowConsoleColors: false,
    timeoutMS: 10_000,
    ignorePatterns: ["dist", "bench", "docs", "coverage", "/test/e2e", "/.git"],
  };
  const configuration = join(place, "stryker.json");
  writeFileSync(configuration, JSON.stringify(options));
  const report = join(place, "report.json");
  rmSync(report, { force: true });
  const run = spawnSync(
    process.execPath,
    [join(root, "node_modules", "@stryker-mutator", "core", "bin", "stryker.js"), "run", configuration],
    {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      timeout: Math.max(1, deadline - Date.now()),
      killSignal: "SIGTERM",
      env: { ...process.env, BMO_MUTATION_TESTS: JSON.stringify(AREAS[area].tests), CI: "" },
    },
  );
  return run.status === 0 && existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : null;
}

function count(report) {
  const mutants = Object.values(report.files).flatMap((file) => file.mutants);
  const of = (...states) => mutants.filter(({ status }) => states.includes(status)).length;
  return {
    killed: of("Killed", "Timeout"),
    survived: of("Survived"),
    uncovered: of("NoCoverage"),
    ignored: of("Ignored"),
  };
}

/** One line for each fault that no test noticed: where, what stood there, what replaced it. */
function survivors(report) {
  return Object.entries(report.files).flatMap(([path, { source, mutants }]) =>
    mutants
      .filter(({ status }) => status === "Survived" || status === "NoCoverage")
      .map(({ location: { start, end }, replacement, status, mutatorName }) => {
        const line = source.split("\n")[start.line - 1] ?? "";
        const original = line.slice(start.column - 1, start.line === end.line ? end.column - 1 : undefined);
        return `${path}:${start.line} ${mutatorName}${status === "NoCoverage" ? ", no test" : ""}: ${original} → ${replacement.replaceAll(/\s+/g, " ").slice(0, 100)}`;
      }),
  );
}

const share = ({ killed, survived, uncovered }) =>
  killed + survived + uncovered === 0 ? "—" : `${((100 * killed) / (killed + survived + uncovered)).toFixed(1)} %`;
const row = (cells) => `| ${cells.join(" | ")} |`;
const HEAD = ["file", "killed", "survived", "no test", "left out", "share"];

const page = join(root, "bench", "mutation.md");
const known = existsSync(page)
  ? Object.fromEntries(
      [...readFileSync(page, "utf8").matchAll(/^## (\w+)\n[\s\S]*?(?=^## |(?![\s\S]))/gm)].map(([text, name]) => [
        name,
        text.trimEnd(),
      ]),
    )
  : {};

for (const area of positionals.length > 0 ? positionals : Object.keys(AREAS)) {
  mkdirSync(results, { recursive: true });
  const rows = [];
  const total = { killed: 0, survived: 0, uncovered: 0, ignored: 0 };
  const left = [];
  const survived = [];
  for (const source of AREAS[area].sources) {
    const report = Date.now() < deadline ? mutate(area, source) : null;
    if (report === null) {
      left.push(source);
      continue;
    }
    const counts = count(report);
    survived.push(...survivors(report));
    for (const key of Object.keys(total)) total[key] += counts[key];
    if (counts.killed + counts.survived + counts.uncovered > 0)
      rows.push(row([source, counts.killed, counts.survived, counts.uncovered, counts.ignored, share(counts)]));
    process.stdout.write(`${source}: ${share(counts)} of ${counts.killed + counts.survived + counts.uncovered}\n`);
  }
  const lines = [
    `## ${area}`,
    "",
    `${share(total)} on ${new Date().toISOString().slice(0, 10)}.`,
    "",
    row(HEAD),
    row(HEAD.map(() => "---")),
    ...rows,
    row(["**all**", total.killed, total.survived, total.uncovered, total.ignored, share(total)]),
  ];
  if (left.length > 0)
    lines.push("", `Not reached within the limit of time, or failed: ${left.map((path) => `\`${path}\``).join(", ")}.`);
  writeFileSync(join(results, `${area}-survivors.txt`), `${survived.join("\n")}\n`);
  known[area] = lines.join("\n");
  const sections = Object.keys(AREAS).flatMap((name) => known[name] ?? []);
  const introduction =
    "# Planted faults that the unit tests notice\n\nBy Stryker's own choice of faults, with `npm run mutate`; a fault that makes a test run out of time counts as killed. Left out: what is computed once per\nmodule, such as tables, unless `--static` is given; each such fault would need all tests.";
  writeFileSync(page, `${[introduction, ...sections].join("\n\n")}\n`);
}
