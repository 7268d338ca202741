// The one mutable thing of a session: what the records say, kept in memory. Every change is appended to the session
// file first; nothing here talks to a provider or a person.

import { stringifyMessageText } from "./messages.ts";
import { initialWorkflow, reduceWorkflow } from "../plan/workflow.ts";
import type { TouchedFile } from "../types/agent.ts";
import type { LedgerEntry } from "../types/ledger.ts";
import type { Message } from "../types/message.ts";
import type { Denial } from "../types/permission.ts";
import type { PlanProgress, Stage, WorkflowEvent, WorkflowState } from "../types/plan.ts";
import type { ActiveSkill, Overrides, Route } from "../types/route.ts";
import type { RestoredSession, SessionLog, SessionRecord } from "../types/session.ts";
import type { PermissionMode } from "../types/settings.ts";

export class SessionState {
  readonly log: SessionLog;
  readonly conversations: Map<number, Message[]>;
  readonly conversationOf: Partial<Record<Stage, number>>;
  /** What earlier runs left; null in a session that begins. */
  private readonly past: Pick<RestoredSession, "routes" | "ledger"> | null;
  /** Of this run. */
  readonly ownRoutes: Route[] = [];
  readonly ownEntries: LedgerEntry[] = [];
  /** Turns that a route other than a gate's served. */
  readonly routedTurns: Set<number>;
  /** Of the turns' own calls of earlier runs the first and the last of each conversation and stage. */
  private readonly keyCalls: readonly LedgerEntry[];
  readonly files: TouchedFile[];
  readonly denials: Denial[];
  readonly grants: string[];
  readonly reports: Record<string, string>;
  readonly warnings: string[] = [];
  workflow: WorkflowState;
  /** Choices that outlive the run. */
  private kept: Overrides;
  /** Choices made by flags: they hold for this run and are not written down. */
  private flags: Overrides;
  skill: ActiveSkill | null;
  turns: number;
  lastModel: string | null;
  lastText: string;
  permissionMode: PermissionMode;
  /** Refusals of this run outside the plan stage: they make exit code 4. */
  readonly runDenials: Denial[] = [];
  /** Paths of this run that could not be checked or put back: they make exit code 4 whatever is permitted later. */
  readonly runUnsettled: string[] = [];
  /** The same, with the reasons, since the plan at hand was first stored. */
  readonly planUnsettled: { path: string; reason: string }[] = [];
  /** Files touched since the plan at hand was first stored. */
  readonly planFiles: TouchedFile[];
  /** Turn in which the plan at hand was first handed in; it is executed in later ones. */
  planSince: number;
  /** Paths that changed while the plan was executed, by nobody of bmo. */
  readonly changedBetween: string[] = [];
  /** Ignored paths that were written while the plan was executed; folders with the number of files. */
  readonly ignoredWritten: string[] = [];
  /** Shell commands that ran in execution without standing in the plan. */
  readonly unplannedCommands: string[] = [];

  constructor(
    log: SessionLog,
    restored: RestoredSession | null,
    workflow: { enabled: boolean; byFlag: boolean },
    permissionMode: PermissionMode,
    flags: Overrides,
  ) {
    this.log = log;
    this.conversations = restored?.conversations ?? new Map<number, Message[]>();
    this.conversationOf = restored?.conversationOf ?? {};
    this.past = restored;
    this.routedTurns = new Set(restored?.routedTurns);
    this.keyCalls = restored?.keyCalls ?? [];
    this.files = restored?.files ?? [];
    this.planFiles = restored?.planFiles ?? [];
    this.planSince = restored?.planSince ?? 0;
    this.denials = restored?.denials ?? [];
    this.grants = restored?.grants ?? [];
    this.reports = restored?.reports ?? {};
    this.workflow = restored?.workflow ?? initialWorkflow(workflow.enabled);
    this.kept = restored?.overrides ?? { model: null, tier: null };
    this.flags = flags;
    this.skill = restored?.skill ?? null;
    this.turns = restored?.turns ?? 0;
    this.lastModel = restored?.lastModel ?? null;
    this.lastText = restored?.lastText ?? "";
    this.permissionMode = permissionMode;
    // A flag goes before what the session was switched to; the configuration does not. Neither is written down: a flag
    // holds for this run.
    const enabled = workflow.byFlag ? workflow.enabled : this.workflow.enabled;
    if (workflow.byFlag || !enabled)
      this.workflow = reduceWorkflow(this.workflow, { type: "workflow_switched", enabled });
  }

  /**
   * All calls of the session. A turn needs none of an earlier run: those are read from the file once somebody looks
   * here.
   */
  get ledger(): LedgerEntry[] {
    return [...(this.past?.ledger ?? []), ...this.ownEntries];
  }

  /** Routes and calls as they are now, to be looked at later or never. */
  books(): { routes(): Route[]; ledger(): LedgerEntry[] } {
    const { past } = this;
    const [ownRoutes, ownEntries] = [[...this.ownRoutes], [...this.ownEntries]];
    return {
      routes: () => [...(past?.routes ?? []), ...ownRoutes],
      ledger: () => [...(past?.ledger ?? []), ...ownEntries],
    };
  }

  /** The turns' own calls, of earlier runs only the first and the last of each conversation and stage. */
  mainCalls(): LedgerEntry[] {
    return [...this.keyCalls, ...this.ownEntries.filter((entry) => entry.purpose === "main")];
  }

  get progress(): PlanProgress {
    return {
      since: this.planSince,
      files: this.planFiles,
      reports: this.reports,
      unplannedCommands: this.unplannedCommands,
      unsettled: this.planUnsettled,
      changedBetween: this.changedBetween,
      ignoredWritten: this.ignoredWritten,
    };
  }

  append(record: SessionRecord): void {
    this.log.append(record);
  }

  /** Applies one workflow event and keeps it. */
  change(event: WorkflowEvent): void {
    const next = reduceWorkflow(this.workflow, event);
    if (next === this.workflow) return;
    this.append({ type: "workflow", event });
    if (event.type === "plan_stored" && event.plan.id !== this.workflow.plan?.id) this.beginPlan();
    this.workflow = next;
  }

  /** What an earlier plan's execution left behind is no part of the new one's report. */
  private beginPlan(): void {
    for (const id of Object.keys(this.reports)) delete this.reports[id];
    this.planFiles.splice(0);
    this.planUnsettled.splice(0);
    this.unplannedCommands.splice(0);
    this.changedBetween.splice(0);
    this.ignoredWritten.splice(0);
    this.planSince = this.turns;
  }

  startTurn(stage: Stage, ticket: string | null, text: string): number {
    this.turns += 1;
    this.append({ type: "turn_start", turn: this.turns, stage, ticket, text });
    return this.turns;
  }

  /** Opens a fresh conversation for a stage and returns its id. */
  openConversation(
    stage: Stage,
    reason: Extract<SessionRecord, { type: "conversation" }>["reason"],
    seed: Message[] = [],
  ): number {
    const id = Math.max(0, ...this.conversations.keys()) + 1;
    this.append({ type: "conversation", id, reason, seed });
    this.conversations.set(id, [...seed]);
    this.conversationOf[stage] = id;
    return id;
  }

  messages(conversation: number): Message[] {
    const messages = this.conversations.get(conversation) ?? [];
    this.conversations.set(conversation, messages);
    return messages;
  }

  addMessage(conversation: number, message: Message): void {
    this.append({ type: "message", conversation, turn: this.turns, message });
    this.messages(conversation).push(message);
    if (message.role === "assistant") {
      const text = stringifyMessageText(message);
      if (text !== "") this.lastText = text;
    }
  }

  addRoute(route: Route): void {
    this.append({ type: "route", route });
    if (route.stage !== "gate") this.routedTurns.add(route.turn);
    const existing = this.ownRoutes.findIndex((one) => one.id === route.id);
    if (existing === -1) this.ownRoutes.push(route);
    else this.ownRoutes[existing] = route;
  }

  addCost(entry: LedgerEntry): void {
    this.append({ type: "cost", entry });
    this.ownEntries.push(entry);
    if (entry.purpose === "main") this.lastModel = entry.model;
  }

  /**
   * A refused write or command makes the exit code of the run; a refused look is only told, as are refusals while
   * planning.
   */
  addDenial(denial: Denial, stage: Stage, onlyRead = false): void {
    this.append({ type: "denial", turn: this.turns, denial });
    this.denials.push(denial);
    if (stage !== "plan" && !onlyRead) this.runDenials.push(denial);
  }

  /** What could not be checked or put back is a denial that no later call takes away. */
  addUnsettled({ path, reason, command }: { path: string; reason: string; command: string }, stage: Stage): void {
    this.addDenial({ tool: "bash", summary: command, reason: `${path}: ${reason}`, target: command }, stage, true);
    this.runUnsettled.push(path);
    this.planUnsettled.push({ path, reason });
  }

  /** A later permitted call on the same tool and target takes the denial off the exit code. */
  clearDenials(tool: string, target: string): void {
    for (let index = this.runDenials.length - 1; index >= 0; index--) {
      const denial = this.runDenials[index];
      if (denial !== undefined && denial.tool === tool && denial.target === target) this.runDenials.splice(index, 1);
    }
  }

  addFile(file: TouchedFile): void {
    this.append({ type: "file", turn: this.turns, ...file });
    for (const list of [this.files, this.planFiles]) {
      const earlier = list.findIndex((one) => one.path === file.path);
      const before = list[earlier];
      if (before === undefined) list.push(file);
      else
        list[earlier] = before.action === "create" && file.action === "modify" ? { ...file, action: "create" } : file;
    }
  }

  /** The user's choices in force: a flag of this run before what the session keeps. */
  get overrides(): Overrides {
    return { model: this.flags.model ?? this.kept.model, tier: this.flags.tier ?? this.kept.tier };
  }

  setOverrides(overrides: Overrides): void {
    const { model, tier } = overrides;
    this.flags = { model: model?.from === "flag" ? model : null, tier: tier?.from === "flag" ? tier : null };
    const kept = {
      model: model?.from === "flag" ? this.kept.model : model,
      tier: tier?.from === "flag" ? this.kept.tier : tier,
    };
    this.append({ type: "overrides", overrides: kept });
    this.kept = kept;
  }

  setSkill(skill: ActiveSkill | null): void {
    this.append({ type: "skill", skill });
    this.skill = skill;
  }

  grant(rule: string): void {
    if (this.grants.includes(rule)) return;
    this.append({ type: "grant", rule });
    this.grants.push(rule);
  }

  warn(text: string): void {
    if (!this.warnings.includes(text)) this.warnings.push(text);
  }
}
