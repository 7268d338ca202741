// Recognises slash commands in what a user typed. What is no command is a prompt; `//` escapes.

export interface ParsedCommand {
  name: string;
  argument: string;
}

/**
 * `/` + lower-case letters and hyphens + blank or end; anything else (such as `/etc/hosts looks wrong`) is a prompt.
 */
export function parseCommand(text: string): ParsedCommand | null {
  const match = /^\/([a-z][a-z-]*)(?:[ \t\n]+([\s\S]*))?$/.exec(text.trim());
  if (match === null) return null;
  return { name: match[1] ?? "", argument: (match[2] ?? "").trim() };
}

/** Takes the escape off: `//x` is the prompt `/x`. */
export function unescapePrompt(text: string): string {
  return text.startsWith("//") ? text.slice(1) : text;
}
