// A session while it runs: what its records say, and beside it what holds for this run alone. Each change is a record,
// appended first; nothing here talks to a provider or a person.

import { touchedFiles } from "../plan/touched-files.ts";
import { reduceWorkflow } from "../plan/workflow.ts";
import { messagesOf } from "../session/repair.ts";
import { keyCalls, lastRoutes, type SessionState as RecordedState } from "../session/state.ts";
import type { SessionLog } from "../session/log.ts";
import type { TouchedFile } from "../types/agent.ts";
import type { LedgerEntry } from "../types/ledger.ts";
import type { Message } from "../types/message.ts";
import type { Denial, Grant } from "../types/permission.ts";
import type { PlanProgress, Stage, WorkflowEvent, WorkflowState } from "../types/plan.ts";
import type { ActiveSkill, Overrides, Route } from "../types/route.ts";
import type { SessionRecord } from "../types/session.ts";
import type { PermissionMode } from "../types/settings.ts";

export class LiveSession {
  readonly log: SessionLog;
  readonly warnings: string[] = [];
  /** Choices made by flags: they hold for this run and are not written down. */
  private flags: Overrides;
  permissionMode: PermissionMode;
  /** Refusals of this run outside the plan stage: they make exit code 4. */
  readonly runDenials: Denial[] = [];
  /** Paths of this run that could not be checked or put back: they make exit code 4 whatever is permitted later. */
  readonly runUnsettled: string[] = [];

  constructor(
    log: SessionLog,
    workflow: { enabled: boolean; byFlag: boolean },
    permissionMode: PermissionMode,
    flags: Overrides,
  ) {
    this.log = log;
    this.flags = flags;
    this.permissionMode = permissionMode;
    // Nothing executes while a session is only being opened.
    if (this.workflow.stage === "execute" && !this.workflow.interrupted) this.begin({ type: "execution_interrupted" });
    // A flag goes before what the session was switched to; the configuration does not.
    const enabled = workflow.byFlag ? workflow.enabled : (this.recorded.switched ?? workflow.enabled);
    if (workflow.byFlag || !enabled || !this.workflow.enabled)
      this.begin({ type: "workflow_switched", enabled, by: workflow.byFlag ? "flag" : "configuration" });
  }

  /** What this run begins with, written with its first record. */
  private begin(event: WorkflowEvent): void {
    if (reduceWorkflow(this.workflow, event) !== this.workflow) this.log.defer({ type: "workflow", event });
  }

  /** What the records come to. */
  get recorded(): RecordedState {
    return this.log.state;
  }

  get workflow(): WorkflowState {
    return this.recorded.workflow;
  }

  get conversationOf(): Readonly<Partial<Record<Stage, number>>> {
    return this.recorded.conversationOf;
  }

  get files(): readonly TouchedFile[] {
    return touchedFiles(this.recorded.files);
  }

  get denials(): readonly Denial[] {
    return this.recorded.denials;
  }

  get grants(): readonly Grant[] {
    return this.recorded.grants;
  }

  /** What was done for the present plan. */
  get progress(): PlanProgress {
    return this.recorded.progress;
  }

  get skill(): ActiveSkill | null {
    return this.recorded.skill;
  }

  get turns(): number {
    return this.recorded.turns;
  }

  get lastModel(): string | null {
    return this.recorded.lastModel;
  }

  get lastText(): string {
    return this.recorded.lastText;
  }

  /** Turns that a route other than a gate's served. */
  get routedTurns(): ReadonlySet<number> {
    return new Set(this.recorded.routedTurns);
  }

  /** All calls of the session. Those of an earlier run are read from the file once somebody looks: no turn does. */
  get ledger(): LedgerEntry[] {
    return this.log.ledger(this.recorded);
  }

  /** Routes and calls as they are now, to be looked at later or never. */
  books(): { routes(): Route[]; ledger(): LedgerEntry[] } {
    const { log, recorded } = this;
    return { routes: () => log.routes(recorded), ledger: () => log.ledger(recorded) };
  }

  /** The turns' own calls: the first and the last of each conversation and stage. */
  mainCalls(): LedgerEntry[] {
    return keyCalls(this.recorded);
  }

  /** Routes of a turn of this run. */
  routesOf(turn: number): Route[] {
    return lastRoutes(this.recorded).flatMap(({ value }) => (value?.turn === turn ? [value] : []));
  }

  /** Calls of this run that a route caused. */
  callsOf(route: string): LedgerEntry[] {
    return [...this.recorded.ledger].flatMap(({ value }) => (value?.route === route ? [value] : []));
  }

  append(record: SessionRecord): void {
    this.log.append(record);
  }

  /** Keeps one event of the workflow, where it changes anything. */
  change(event: WorkflowEvent): void {
    if (reduceWorkflow(this.workflow, event) !== this.workflow) this.append({ type: "workflow", event });
  }

  startTurn(stage: Stage, ticket: string | null, text: string): number {
    const turn = this.turns + 1;
    this.append({ type: "turn_start", turn, stage, ticket, text });
    return turn;
  }

  /** Opens a fresh conversation and returns its id. */
  openConversation(reason: Extract<SessionRecord, { type: "conversation" }>["reason"], seed: Message[] = []): number {
    const id = this.recorded.lastConversation + 1;
    this.append({ type: "conversation", id, reason, seed });
    return id;
  }

  /** As a vendor accepts them: each call with its one result, also after an interruption. */
  messages(conversation: number): Message[] {
    return messagesOf(this.recorded, conversation);
  }

  addMessage(conversation: number, message: Message): void {
    this.append({ type: "message", conversation, turn: this.turns, message });
  }

  addRoute(route: Route): void {
    this.append({ type: "route", route });
  }

  addCost(entry: LedgerEntry): void {
    this.append({ type: "cost", entry });
  }

  /**
   * A refused write or command makes the exit code of the run; a refused look is only told, as are refusals while
   * planning.
   */
  addDenial(denial: Denial, stage: Stage, onlyRead = false): void {
    this.append({ type: "denial", turn: this.turns, denial });
    if (stage !== "plan" && !onlyRead) this.runDenials.push(denial);
  }

  /** What could not be checked or put back is a denial that no later call takes away. */
  addUnsettled({ path, reason, command }: { path: string; reason: string; command: string }, stage: Stage): void {
    this.addDenial({ tool: "bash", summary: command, reason: `${path}: ${reason}`, target: command }, stage, true);
    this.append({ type: "unsettled", path, reason });
    this.runUnsettled.push(path);
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
  }

  /** The user's present choices: a flag of this run before what the session keeps. */
  get overrides(): Overrides {
    const kept = this.recorded.overrides;
    return { model: this.flags.model ?? kept.model, tier: this.flags.tier ?? kept.tier };
  }

  setOverrides(overrides: Overrides): void {
    const { model, tier } = overrides;
    const kept = this.recorded.overrides;
    this.flags = { model: model?.from === "flag" ? model : null, tier: tier?.from === "flag" ? tier : null };
    this.append({
      type: "overrides",
      overrides: {
        model: model?.from === "flag" ? kept.model : model,
        tier: tier?.from === "flag" ? kept.tier : tier,
      },
    });
  }

  setSkill(skill: ActiveSkill | null): void {
    this.append({ type: "skill", skill });
  }

  grant(grant: Grant): void {
    const text = JSON.stringify(grant);
    if (!this.grants.some((one) => JSON.stringify(one) === text)) this.append({ type: "grant", grant });
  }

  warn(text: string): void {
    if (!this.warnings.includes(text)) this.warnings.push(text);
  }
}
