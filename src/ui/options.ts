// What the composition root hands to the REPL. Types only: nothing here may load anything.

import type { Agent } from "../types/agent.ts";
import type { CommandContext } from "../types/command.ts";
import type { AgentEvent } from "../types/event.ts";
import type { ImageBlock } from "../types/message.ts";
import type { Ask } from "../types/permission.ts";
import type { SessionSummary } from "../types/session.ts";
import type { FirstPaint } from "./first-paint.ts";

export interface OpenedSession {
  agent: Agent;
  context: CommandContext;
  /** Shown once above the prompt: ignored keys, several files in one folder, scripted replies … */
  notices: string[];
  /** What to show of a resumed session, oldest first; empty for a new one. */
  transcript: AgentEvent[];
}

export type SessionRequest = { kind: "new" } | { kind: "resume"; id: string };

export interface ShellOutcome {
  /** null when killed by a signal. */
  exitCode: number | null;
  output: string;
}

export interface ReplOptions {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  /** The live environment object of the process: colours and the terminal's kind are read from it. */
  environment: Record<string, string | undefined>;
  version: string;
  /** Shown in the header before the session is open; a real path. */
  workspace: string;
  /** The user's home, for shortening paths; null when there is none. */
  home: string | null;
  /** `pick` = `-r` without an id. */
  initial: SessionRequest | { kind: "pick" };
  /** Handed over when the command line painted before loading this module; else the REPL paints first itself. */
  firstPaint: FirstPaint | null;
  /**
   * May reject with BmoError: before the first session the REPL ends with that error, later it is shown. `ask` may be
   * used meanwhile (trust).
   */
  openSession(request: SessionRequest, ask: Ask): Promise<OpenedSession>;
  /** Sessions of this workspace, newest first; for `-r` without id and `/resume`. */
  listSessions(): Promise<SessionSummary[]>;
  /** Sent as the first message; a slash command as in a headless run, never a shell command. */
  initialPrompt: string | null;
  /** `bmo approve` on a terminal: execution starts at once, approved by that command line. */
  startWithApprove: boolean;
  /** JSONL, one JSON string per line; per workspace. Created (0600) with its folder when missing. */
  historyFile: string;
  /**
   * Workspace-relative paths for `@`, ignored files left out. `onSome` gets those found so far, again and again, while
   * the search lasts.
   */
  listFiles(onSome: (paths: string[]) => void): Promise<string[]>;
  skillNames(): Promise<string[]>;
  /** What the process must not be ended in the middle of; null before a session is open. */
  unsettled(): { what(): string | null; settled(): Promise<void> } | null;
  /** Runs `!command` as the user's own act. Never rejects for a failing command. */
  runShell(command: string, onOutput: (text: string) => void, signal: AbortSignal): Promise<ShellOutcome>;
  /** An image named by `@path`; null when it is no image that can be sent. */
  readImage(path: string): Promise<ImageBlock | null>;
  /**
   * Runs $VISUAL or $EDITOR on the text, the terminal being free; resolves with the new text, null when it was left
   * unchanged or failed.
   */
  editText(text: string, extension: string): Promise<string | null>;
}
