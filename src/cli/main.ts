// The entry point: answers --version before anything is loaded, tells a headless run from the REPL, and holds the one
// top-level catch. What a run needs is loaded only on its path.

declare const BMO_VERSION: string;

const startedAt = performance.now();
const argv = process.argv.slice(2);

if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v" || argv[0] === "-V")) {
  process.stdout.write(`${BMO_VERSION}\n`);
} else {
  await run();
}

async function run(): Promise<void> {
  // A reader that went away must not end the work: the exit code is the work's.
  process.stdout.on("error", () => undefined);
  process.stderr.on("error", () => undefined);
  const { parseArguments } = await import("./arguments.ts");
  const { runCommandLine, failEarly } = await import("./run.ts");
  let code: number;
  try {
    const line = parseArguments(argv.map((word) => (word === "-V" ? "-v" : word)));
    if (line.kind === "help") {
      process.stdout.write(line.version ? `${BMO_VERSION}\n` : line.text);
      return;
    }
    code = await runCommandLine(line, { version: BMO_VERSION, startedAt });
  } catch (thrown) {
    code = failEarly(thrown, argv, startedAt);
  }
  // Open sockets and idle timers must not hold the process once the work is done; what was written goes out first.
  process.exitCode = code;
  process.stdout.write("", () => process.exit(code));
}
