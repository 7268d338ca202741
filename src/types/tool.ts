// Tools: what the model may call, what a tool is handed, and what it gives back.

import type { ImageBlock, TextBlock } from "./message.ts";
import type { JsonObject } from "./json.ts";
import type { WorkStage } from "./plan.ts";
import type { ToolSpec } from "./provider.ts";

/**
 * What a call may do: look at files, change files, run a command, or change bmo's own state and never a file (`host`).
 */
export type ToolAccess = "read" | "write" | "exec" | "host";

/** What a front end draws of a result; it switches on the kind, never on the tool's name. */
export type DisplayBlock =
  | { kind: "text"; text: string }
  | { kind: "diff"; path: string; patch: string; added: number; removed: number }
  | { kind: "shell"; command: string; exitCode: number | null; output: string };

export interface ToolOutput {
  content: (TextBlock | ImageBlock)[];
  isError: boolean;
  display: DisplayBlock[];
  /** Files that this call changed, workspace-relative; recorded for the report and `/diff`. */
  changes?: FileChange[];
}

export type FileAction = "create" | "modify" | "delete";

export interface FileChange {
  path: string;
  action: FileAction;
}

/** What the session knows of a file it has read: digest of the bytes last seen. Keys are real absolute paths. */
export interface ReadFiles {
  get(realPath: string): string | undefined;
  set(realPath: string, digest: string): void;
}

export interface ShellRequest {
  command: string;
  /** Seconds. */
  timeoutSeconds: number;
  signal: AbortSignal;
  onOutput(text: string): void;
}

export interface ShellResult {
  /** null when killed by a signal. */
  exitCode: number | null;
  signalName: string | null;
  timedOut: boolean;
  aborted: boolean;
  /** stdout and stderr interleaved, cleaned of control characters, head and tail kept. */
  output: string;
  /** Bytes produced before the cap. */
  totalBytes: number;
  truncated: boolean;
  /** What bmo has to say about the run: writes refused by the sandbox, files restored, survivors. */
  notes: string[];
  changes: FileChange[];
}

/** Everything of the session's state that a tool may touch. Implemented by the agent. */
export interface ToolHost {
  /** Validates and stores the artifact; the text says what is missing or that the plan awaits approval. */
  storePlan(input: JsonObject): Promise<ToolOutput>;
  askQuestion(question: string, options: string[]): Promise<ToolOutput>;
  requestReplan(reason: string): Promise<ToolOutput>;
  activateSkill(name: string): Promise<ToolOutput>;
  runShell(request: ShellRequest): Promise<ShellResult>;
  /**
   * The last check before bytes change, on the resolved path: scope and protection. A refusal's text goes to the model.
   * Tools call it with the real path, immediately before writing.
   */
  checkWrite(realPath: string, action: FileAction): { allowed: true } | { allowed: false; reason: string };
  /** Keeps a pre-image of the file for undo; called after checkWrite, before the write. */
  recordPreImage(realPath: string): Promise<void>;
}

export interface ToolContext {
  /** Real path. */
  workspace: string;
  /** Real paths outside the workspace that may be read. */
  readRoots: string[];
  /** True when the path is a credential file that may not be read (contract section 8). */
  isProtected(realPath: string): boolean;
  readFiles: ReadFiles;
  host: ToolHost;
  /** Whether the model that will see the result takes images. */
  acceptsImages: boolean;
  /** The user's PATH, where ripgrep is looked for; absent: the usual folders. */
  searchPath?: string;
  /** Seconds that a command gets where the call names none; absent: 120. */
  commandSeconds?: number;
  onOutput(text: string): void;
  signal: AbortSignal;
}

/**
 * A tool. `parse` validates raw input and returns the typed value or a sentence that says what is wrong and what is
 * allowed. `target` names what a permission rule and a denial are about: a path or a command line.
 */
export interface ToolDefinition<Input = unknown> {
  spec: ToolSpec;
  access: ToolAccess;
  /** The stages that offer it. A tool that writes is never offered while planning. */
  stages: readonly WorkStage[];
  /** What must be there for it to be offered; absent: nothing. */
  needs?: "skills";
  parse(input: JsonObject): { ok: true; value: Input } | { ok: false; message: string };
  /** One line for transcript and approval card. */
  summarize(input: Input): string;
  target(input: Input): { kind: "path" | "command" | "none"; value: string };
  /** Every path of a call that concerns several; policy must permit each. Absent: `target` is all. */
  targets?(input: Input): string[];
  /**
   * What the call would do to files, for the approval card. @throws BmoError "failed" when it is bound to fail: then
   * nobody is asked.
   */
  preview?(input: Input, context: ToolContext): Promise<DisplayBlock[]>;
  run(input: Input, context: ToolContext): Promise<ToolOutput>;
}
