// The entry point: answers --version before anything is loaded, tells a headless run from the REPL, and holds the one
// top-level catch. What a run needs is loaded only on its path.

import { isatty } from "node:tty";
import { SUBCOMMANDS } from "./subcommand-names.ts";

declare const BMO_VERSION: string;

const startedAt = performance.now();
const argv = process.argv.slice(2);

if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v" || argv[0] === "-V")) {
  process.stdout.write(`${BMO_VERSION}\n`);
} else {
  await run();
}

/** Whether the arguments alone, or ends that are no terminal, already make this a headless run; else the parser decides. */
function isSurelyHeadless(): boolean {
  const first = argv.find((word) => !word.startsWith("-"));
  if (argv.some((word) => word === "--help" || word === "-h" || word === "--version" || word === "-v" || word === "-V")) return false;
  if (first !== undefined && first in SUBCOMMANDS) return false;
  return argv.includes("-p") || argv.includes("--print") || !isatty(0) || !isatty(1);
}

const loadHeadless = (): Promise<typeof import("#headless")> => import("#headless");

async function work(): Promise<number> {
  if (isSurelyHeadless()) return (await loadHeadless()).runHeadlessArguments(argv, { version: BMO_VERSION, startedAt });
  const { parseArguments } = await import("./arguments.ts");
  const { failEarly } = await import("./fail-early.ts");
  try {
    const line = parseArguments(argv.map((word) => (word === "-V" ? "-v" : word)));
    if (line.kind === "help") {
      process.stdout.write(line.version ? `${BMO_VERSION}\n` : line.text);
      return 0;
    }
    const { runCommandLine } = await import("./run.ts");
    return await runCommandLine(line, argv, { version: BMO_VERSION, startedAt }, loadHeadless);
  } catch (thrown) {
    return failEarly(thrown, argv, startedAt);
  }
}

async function run(): Promise<void> {
  // A reader that went away must not end the work: the exit code is the work's.
  process.stdout.on("error", () => undefined);
  process.stderr.on("error", () => undefined);
  const code = await work();
  // Open sockets and idle timers must not hold the process once the work is done; what was written goes out first.
  process.exitCode = code;
  process.stdout.write("", () => process.exit(code));
}
