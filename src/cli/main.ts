// The entry point: answers --version and --help before anything is loaded, and tells a headless run from the rest. What
// a run needs is loaded only on its path.

import { elapsedMs } from "../util/clock.ts";
import { asksForHelp, namedSubcommand } from "./first-words.ts";
import type { RunFacts } from "./app.ts";

declare const BMO_VERSION: string;
/** What `--help` prints at a width of 80, written by the build. */
declare const BMO_HELP: string;
/** The names of the subcommands, written by the build. */
declare const BMO_SUBCOMMANDS: readonly string[];

const HELP_COLUMNS = 80;
const argv = process.argv.slice(2);

/** The answer that needs nothing but the arguments; null = there is work to do. */
function instantAnswer(): string | null {
  if (argv.length !== 1) return null;
  if (argv[0] === "--version" || argv[0] === "-v" || argv[0] === "-V") return `${BMO_VERSION}\n`;
  const wideEnough = !(process.stdout.columns < HELP_COLUMNS);
  return (argv[0] === "--help" || argv[0] === "-h") && wideEnough ? BMO_HELP : null;
}

/**
 * Whether the arguments alone, or ends that are not a terminal, already make this a headless run; else the parser
 * decides.
 */
async function isSurelyHeadless(): Promise<boolean> {
  if (asksForHelp(argv)) return false;
  const named = namedSubcommand(argv, BMO_SUBCOMMANDS);
  // An approval is a run like any other.
  if (named !== null && named !== "approve") return false;
  if (argv.includes("-p") || argv.includes("--print")) return true;
  const { isatty } = await import("node:tty");
  return !isatty(0) || !isatty(1);
}

async function work(): Promise<number> {
  const facts: RunFacts = { version: BMO_VERSION, startedAt: elapsedMs() };
  if (!(await isSurelyHeadless())) {
    // While nothing happens nothing shall run: V8 would tidy a small heap for tens of milliseconds, eight seconds after
    // its last collection.
    (await import("node:v8")).setFlagsFromString("--no-memory-reducer-for-small-heaps");
    const code = await (await import("#interactive")).runInteractiveArguments(argv, facts);
    if (code !== "headless") return code;
  }
  return (await import("#headless")).runHeadlessArguments(argv, facts);
}

async function run(): Promise<void> {
  process.stderr.on("error", () => undefined);
  const code = await work();
  // Open sockets and idle timers must not hold the process once the work is done; what was written goes out first.
  process.exitCode = code;
  process.stdout.write("", () => process.exit(code));
}

// A reader that went away, or a full device, must not end the work: the exit code is the work's.
process.stdout.on("error", () => undefined);
const answer = instantAnswer();
if (answer === null) void run();
else process.stdout.write(answer);
