// What the composition root hands to an agent. The agent builds none of it, so its tests need no mocks.

import type { ProjectContext } from "./project-context.ts";
import type { SessionLog } from "../session/log.ts";
import type { ErrorInfo } from "../types/error.ts";
import type { CostTotals, LedgerEntry, ModelCall } from "../types/ledger.ts";
import type { Message } from "../types/message.ts";
import type { Ask, Denial, Grant } from "../types/permission.ts";
import type { Approval, Plan, WorkStage } from "../types/plan.ts";
import type { ModelRegistry, Usage } from "../types/provider.ts";
import type { HistorySignal, Overrides, Router, Tier } from "../types/route.ts";
import type { LoadedSettings, PermissionMode } from "../types/settings.ts";
import type { FileAction, FileChange, ShellRequest, ShellResult, ToolDefinition } from "../types/tool.ts";
import type { Verdict } from "../types/permission.ts";

/** Prices and budgets. Money stays exact behind this interface. */
export interface Accounting {
  /**
   * `requestBytes` is only called when a budget is set. Reserves the worst case; lowers `maxTokens` to what the budget
   * allows, or refuses before the call is made.
   */
  reserve(
    call: ModelCall,
    requestBytes: () => number,
    maxTokens: number,
  ): { ok: true; maxTokens: number } | { ok: false; error: ErrorInfo };
  /** Books what was billed. `error` is set when it lies above the reservation. */
  settle(call: ModelCall, usage: Usage, servedModel: string | null): { entry: LedgerEntry; error: ErrorInfo | null };
  totals(entries: readonly LedgerEntry[]): CostTotals;
}

/** A tool call as the boundary judges it. */
export interface CallToJudge {
  tool: ToolDefinition;
  input: unknown;
}

/** Commands and checks of one stage, bound to one approval; built again whenever either changes. */
export interface Boundary {
  /** How `bash` is offered. */
  readonly shell: "read_only" | "read_only_sandbox" | "full";
  /** allow, ask or deny, by mode, stage, scope, rules and resolved paths; the strictest wins. */
  judge(call: CallToJudge): Promise<Verdict>;
  /** Whether a call that was permitted may change something in the workspace. */
  mayWrite(call: CallToJudge): Promise<boolean>;
  /** Real path of a target, for cards and records. */
  display(target: string): string;
  checkWrite(
    realPath: string,
    action: FileAction,
  ): { allowed: true; inScope: boolean } | { allowed: false; reason: string; kind: "scope" | "protected" | "stage" };
  /** Widens the scope of the approval by one path, as the user decided. */
  extendScope(path: string, action: FileAction): void;
  isProtected(realPath: string): boolean;
  inScope(path: string, action: FileAction): boolean;
  runShell(
    request: ShellRequest & {
      onOutOfScope: OutOfScopeHandler;
      onProgress?(text: string): void;
    },
  ): Promise<ContainedResult>;
}

/** A command's result with what its effects were. */
export interface ContainedResult extends ShellResult {
  outOfScope: FileChange[];
  /** Paths that were put back. */
  rolledBack: string[];
  /** What could not be compared, put back or kept for undo, and why. */
  unsettled: { path: string; reason: string }[];
  /** Why the command did not run, or null. */
  blocked: string | null;
  /** True where neither the plan names the command nor it only reads. */
  unplanned: boolean;
  /** Folder with what was put back, or was to be; null where nothing was. */
  copy: string | null;
}

export type OutOfScopeHandler = (report: {
  command: string;
  changes: FileChange[];
  copy: string;
  restoreCommand: string;
}) => Promise<"keep" | "restore">;

export interface BoundaryState {
  stage: WorkStage;
  plan: Plan | null;
  approval: Approval | null;
  /** As they are at the moment: the person may grant something in the middle of a turn. */
  grants(): readonly Grant[];
  mode: PermissionMode;
}

export interface Skills {
  /** Text for the prompt: names and descriptions, and the body of the active skill. */
  prompt(active: string | null): Promise<string>;
  names(): Promise<string[]>;
  /** @throws BmoError usage naming the reason when it is unknown or unavailable. */
  find(name: string): Promise<{ name: string; tier: Tier | null }>;
  /** Why the active skill can no longer be active, or null. */
  gone(active: string): Promise<string | null>;
  /** What is wrong with the files of skills; said once. */
  diagnostics(): Promise<string[]>;
}

export interface Checkpoints {
  /** Before execution and before each ticket. Returns the checkpoint's id. */
  create(label: string, ticket: string | null): Promise<string>;
  /** Keeps a file as it is for undo; called before its bytes change. */
  recordPreImage(realPath: string): Promise<void>;
  /** A tool has ended: how its files look now is remembered, so that later edits of the user are told apart. */
  settle(): void;
}

/** Whether the operating system holds back commands in execution. */
export interface Confinement {
  holds(): boolean;
  /**
   * What a person has to know before commands run without a sandbox, or are refused for want of one; null once it was
   * said.
   */
  notice(): string | null;
  /** The sandbox in a few words. */
  label(): string;
}

/** The models, what chooses among them, and what they cost. */
export interface Models {
  registry: ModelRegistry;
  router: Router;
  /** A second router for looking ahead, so that its notices are not used up before the turn that they belong to. */
  previewRouter: Router;
  /** What the phase detector looks at, from the last messages of a conversation. */
  historySignals(messages: readonly Message[]): HistorySignal[];
  accounting: Accounting;
  /** Model calls of this run; null = no limit. */
  maxCalls: number | null;
}

/** What holds tools and commands within the stage and the approved plan. */
export interface Guard {
  boundary(state: BoundaryState): Boundary;
  checkpoints: Checkpoints;
  /**
   * Held while a plan executes and, with the workflow off, from the first call of a turn that may write: one run writes
   * in a workspace at a time. What asks for it while it is held shares it. `onWait` is told whom it waits for. @throws
   * BmoError locked.
   */
  lockExecution(signal: AbortSignal, onWait: (holder: { pid: number; session: string }) => void): Promise<() => void>;
  /** What a killed run left and nobody could settle: this run does not end with 0. */
  leftovers: readonly Denial[];
  /**
   * At the end of an execution: paths that neither a tool nor a command of it changed, processes that began meanwhile
   * and still run, ignored paths that were written.
   */
  changedBetween(): Promise<{ paths: string[]; processes: string[]; ignored: string[] }>;
  confinement: Confinement;
  /** Gives back what the session holds besides its file. */
  release(): void;
}

/** Who answers questions, if anybody. */
export interface Person {
  ask: Ask;
  /** Keeps a rule for this workspace; it counts at once. @throws when it cannot be kept. */
  allowInProject(rule: string): Promise<void>;
  headless: boolean;
}

/** Where the session runs. */
export interface Surroundings {
  /** Real path. */
  workspace: string;
  readRoots: string[];
  /** The user's PATH, where ripgrep is looked for. */
  searchPath: string;
  /** Where sessions and settings are kept, for the gate's facts. */
  dataDirectory: string;
  platform: string;
  /** AGENTS.md and facts about the workspace, for the first message of a conversation. */
  projectContext(): Promise<ProjectContext>;
  now(): Date;
  /** Random id with a prefix, e.g. `p_1f3a…`. */
  newId(prefix: string): string;
}

/** The session that is begun or resumed. */
export interface SessionStart {
  log: SessionLog;
  /** Where it was begun: its plans are carried out there and nowhere else. */
  workspace: string;
  /** True where a flag of this run switched the staged workflow on or off. */
  workflowByFlag: boolean;
  /** Choices made by flags of this run. */
  flagOverrides: Overrides;
  /** Lines for the session's log file: `Tier assignment:` and the like. */
  writeLog(line: string): void;
}

export interface AgentSettings {
  /** Read again at each turn, so that an edited configuration serves the next one. */
  loaded(): LoadedSettings;
  /** What is wrong with an edited configuration, for the user; the one before it then still holds. */
  reload(): Promise<string | null>;
}

/** Takes the values of keys in use out of texts. */
export interface Redaction {
  redact(text: string): string;
  /** The same for text that arrives in pieces: a value may be split over two of them. */
  stream(): { push(text: string): string; end(): string };
}

export interface AgentPorts {
  session: SessionStart;
  settings: AgentSettings;
  models: Models;
  guard: Guard;
  person: Person;
  surroundings: Surroundings;
  redaction: Redaction;
  toolbox: { tools: readonly ToolDefinition[]; skills: Skills };
}
