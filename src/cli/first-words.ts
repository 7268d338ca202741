// What the bare words of a command line may ask for, before anything is parsed. Imports nothing: the entry point asks
// before anything is loaded. Both answers may say too much, never too little; the parser decides.

/**
 * The subcommand that the words may name, or null. A word that may be the value of the option before it, as in
 * `-C folder sessions`, does not hide the name.
 */
export function namedSubcommand(argv: readonly string[], names: readonly string[]): string | null {
  for (const [index, word] of argv.entries()) {
    if (word.startsWith("-")) continue;
    if (names.includes(word)) return word;
    if (argv[index - 1]?.startsWith("-") !== true) return null;
  }
  return null;
}

/** Whether help or the version may be asked for, also among short options in one word. */
export function asksForHelp(argv: readonly string[]): boolean {
  return argv.some((word) => word === "--help" || word === "--version" || /^-[a-zA-Z]*[hvV]/.test(word));
}
