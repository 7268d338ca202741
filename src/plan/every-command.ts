// Whether an entry of a plan's commands allows every command. Pure; for cards, which must say so.

export function allowsEveryCommand(command: string): boolean {
  return /^\s*(bash|shell)\s*(\(\s*(\*+|:\*|\*+\s+\*+)\s*\))?\s*$/i.test(command);
}

/** The entry as people should read it. */
export function commandForPeople(command: string): string {
  return allowsEveryCommand(command) ? `every command (${command.trim()})` : command;
}
