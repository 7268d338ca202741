// Puts header and prompt on the screen before anything heavy is loaded, and keeps what is typed meanwhile.
// Must not import anything that costs time; Ink takes over by `takeOver`.

import { PASTE_OFF, PASTE_ON, SHOW_CURSOR } from "./terminal-codes.ts";

export interface FirstPaintOptions {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  version: string;
  workspace: string;
  home: string | null;
}

export interface FirstPaint {
  /** Removes the painted prompt line (the header stays) and hands over the bytes typed so far. */
  takeOver(): Buffer[];
  /** Gives the terminal back when the REPL never starts. */
  abandon(): void;
}

/** `~/x` for a path below the home folder. */
export function shortenPath(path: string, home: string | null): string {
  if (home === null || home === "" || home === "/") return path;
  if (path === home) return "~";
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

/** The one line above everything: name, version, workspace; cut to the width from the left of the path. */
export function headerLine(version: string, workspace: string, home: string | null, columns: number): string {
  const start = `bmo ${version}`;
  const path = [...shortenPath(workspace, home).replace(/[\x00-\x1f\x7f-\x9f]/g, "?")];
  const room = columns - start.length - 4;
  if (room < 8) return start.slice(0, Math.max(0, columns - 1));
  const shown = path.length > room ? `…${path.slice(path.length - room + 1).join("")}` : path.join("");
  return `${start} · ${shown}`;
}

export const PROMPT = "› ";

export function paintFirst(options: FirstPaintOptions): FirstPaint {
  const { stdin, stdout } = options;
  const typed: Buffer[] = [];
  const keep = (chunk: Buffer | string): void => {
    const text = typeof chunk === "string" ? chunk : chunk.toString("latin1");
    // Enter typed before the terminal was in raw mode arrives as a newline.
    const meant = text.includes("\u001b[200~") ? text : text.replaceAll("\n", "\r");
    typed.push(Buffer.from(meant, typeof chunk === "string" ? "utf8" : "latin1"));
  };
  stdin.setRawMode(true);
  stdin.on("data", keep);
  stdin.resume();
  stdout.write(
    `${PASTE_ON}${headerLine(options.version, options.workspace, options.home, stdout.columns || 80)}\n\n${PROMPT}`,
  );
  return {
    takeOver() {
      stdin.off("data", keep);
      stdin.pause();
      // The blank line goes too: what is drawn next brings its own.
      stdout.write("\r\u001b[1A\u001b[J");
      return typed;
    },
    abandon() {
      stdin.off("data", keep);
      stdin.pause();
      stdin.setRawMode(false);
      stdout.write(`\r\u001b[J${PASTE_OFF}${SHOW_CURSOR}`);
    },
  };
}
