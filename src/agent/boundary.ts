// Joins policy, scope and containment into what the loop asks: may this call run, may this file be written, run this
// command. Built for each turn, from the approval that holds; it never widens by itself.

import { readGitConfigFacts } from "../containment/git-config.ts";
import { isGitPath, isProtectedPath } from "../containment/protected.ts";
import { createScope, type Scope } from "../plan/scope.ts";
import { decide, type PolicyPath, type PolicyRequest } from "../permission/policy.ts";
import { deniedPrograms, parseRule, type Rule } from "../permission/rules.ts";
import { displayPath, isInside, pathExists, realPathOf } from "../util/paths.ts";
import { randomUUID } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import type { Boundary, BoundaryState, CallToJudge, ContainedResult, OutOfScopeHandler } from "./ports.ts";
import type { ShellVerdict } from "../types/containment.ts";
import type { Verdict } from "../types/permission.ts";
import type { PlanContent, PlanFile, WorkStage } from "../types/plan.ts";
import type { Settings } from "../types/settings.ts";
import type { FileAction, ShellRequest } from "../types/tool.ts";

/** One command with everything that bounds it. */
export interface ContainedCommand extends ShellRequest {
  stage: WorkStage;
  verdict: ShellVerdict;
  scope: Scope | null;
  network: boolean;
  /** What the ignore rules belong to: the approved plan, else this turn. */
  rulesOf: string;
  onProgress?(text: string): void;
  onOutOfScope: OutOfScopeHandler;
}

export interface BoundaryParts {
  workspace: string;
  readRoots: string[];
  home: string | null;
  /** PATH of the commands. */
  searchPath: string;
  caseSensitive: boolean;
  settings(): Settings;
  /** Whether commands of a stage run inside a working sandbox. */
  sandboxed(stage: WorkStage): boolean;
  /** The credential that reading these trees would meet, or null. */
  credentialIn(verdict: ShellVerdict): Promise<string | null>;
  run(command: ContainedCommand): Promise<ContainedResult>;
}

function parseRules(texts: readonly string[]): Rule[] {
  return texts.map(parseRule);
}

export function createBoundaryFactory(parts: BoundaryParts): (state: BoundaryState) => Boundary {
  return (state) => createBoundary(parts, state);
}

/** What `/approve unscoped` of a plan without files means. */
function wholeWorkspace(content: PlanContent): PlanContent {
  const files: PlanFile[] = [
    { path: "**", action: "modify" },
    { path: "**", action: "delete" },
  ];
  return { ...content, tickets: content.tickets.map((ticket) => ({ ...ticket, files })) };
}

function createBoundary(parts: BoundaryParts, state: BoundaryState): Boundary {
  const { workspace, home } = parts;
  const { stage } = state;
  const settings = parts.settings();
  const { mode: containment } = settings.options.containment;
  const denied = parseRules(settings.permissions.deny);
  /** Looked at again for each call: the user may have allowed something for good in the middle of this turn. */
  const rulesNow = (): PolicyRequest["rules"] => ({
    allow: parseRules(parts.settings().permissions.allow),
    deny: denied,
    grants: parseRules(state.grants().flatMap((grant) => (grant.kind === "rule" ? [grant.rule] : []))),
  });
  const approved =
    state.stage === "execute" &&
    state.plan !== null &&
    state.approval !== null &&
    state.approval.hash === state.plan.hash
      ? state.plan.content
      : null;
  const selected = state.approval?.tickets ?? null;
  const unscoped =
    state.approval?.unscoped === true &&
    approved !== null &&
    approved.tickets.every((ticket) => ticket.files.length === 0);
  let scope: Scope | null =
    approved === null
      ? null
      : createScope(unscoped ? wholeWorkspace(approved) : approved, selected, workspace, {
          caseSensitive: parts.caseSensitive,
        });
  const planCommands = (approved?.tickets ?? [])
    .filter((ticket) => selected === null || selected.includes(ticket.id))
    .flatMap((ticket) => [...ticket.commands, ...ticket.verify]);
  // One plan may take several turns and processes; what ends or begins it again is another approval.
  const rulesOf =
    approved === null || state.approval === null
      ? `turn ${randomUUID()}`
      : `plan ${state.approval.plan_id} ${state.approval.hash}`;
  /** Paths that policy or the user permitted in this turn, by what may be done to them. */
  const permitted = new Set<string>();

  const pathFacts = (path: string): PolicyPath => {
    const realPath = realPathOf(resolve(workspace, path));
    return {
      realPath,
      shown: displayPath(workspace, realPath),
      insideWorkspace: isInside(workspace, realPath),
      insideReadRoots: parts.readRoots.some((root) => isInside(root, realPath)),
      isProtected: isProtectedPath(realPath, workspace, home),
      insideGit: isGitPath(realPath, workspace),
    };
  };
  const judgeShell = async (command: string): Promise<ShellVerdict> => {
    // Loaded with the first command: its tables of programs are a twelfth of all code that a run begins with.
    const { judgeCommand } = await import("../permission/shell.ts");
    return judgeCommand(command, {
      workspace,
      readRoots: parts.readRoots,
      searchPath: parts.searchPath,
      planCommands,
      gitConfig: readGitConfigFacts,
      isProtected: (path) => isProtectedPath(path, workspace, home),
      ...(denied.some((rule) => rule.tool === "bash") ? { denied: { programs: deniedPrograms(denied) } } : {}),
    });
  };
  const request = (call: Pick<PolicyRequest, "tool" | "access"> & Partial<PolicyRequest>): PolicyRequest => ({
    path: null,
    action: null,
    shell: null,
    credentialInTree: null,
    mode: state.mode,
    scope: containment === "off" ? null : scope,
    containment,
    stage,
    sandboxed: parts.sandboxed(stage),
    rules: rulesNow(),
    workspace,
    home,
    ...call,
  });

  const judgePaths = (call: CallToJudge, paths: string[]): Verdict => {
    let result: Verdict = { decision: "allow", reason: "nothing forbids it" };
    for (const path of paths) {
      const facts = pathFacts(path);
      const action: FileAction | null =
        call.tool.access === "write" ? (pathExists(facts.realPath) ? "modify" : "create") : null;
      const verdict = decide(request({ tool: call.tool.spec.name, access: call.tool.access, path: facts, action }));
      if (verdict.decision === "deny") return verdict;
      permitted.add(facts.realPath);
      if (result.decision === "allow") result = verdict;
    }
    return result;
  };

  return {
    shell: stage !== "plan" ? "full" : parts.sandboxed(stage) ? "read_only_sandbox" : "read_only",
    async judge(call) {
      permitted.clear();
      const target = call.tool.target(call.input);
      const { name } = call.tool.spec;
      if (target.kind === "command") {
        const shell = await judgeShell(target.value);
        const credentialInTree =
          shell.reads.length === 0 || parts.sandboxed(stage) ? null : await parts.credentialIn(shell);
        return decide(request({ tool: name, access: call.tool.access, shell, credentialInTree }));
      }
      const paths = call.tool.targets?.(call.input) ?? (target.kind === "path" ? [target.value] : []);
      if (paths.length === 0) return decide(request({ tool: name, access: call.tool.access }));
      return judgePaths(call, paths);
    },
    async mayWrite({ tool, input }) {
      if (tool.access !== "exec") return tool.access === "write";
      const target = tool.target(input);
      return (
        stage !== "plan" && (target.kind !== "command" || (await judgeShell(target.value)).verdict !== "read_only")
      );
    },
    display(target) {
      return target.includes("\n") || target.includes(" ")
        ? target
        : pathExists(resolve(workspace, target))
          ? pathFacts(target).shown
          : target;
    },
    checkWrite(realPath, action) {
      const facts = pathFacts(realPath);
      const verdict = decide(request({ tool: "write", access: "write", path: facts, action }));
      if (
        verdict.decision === "allow" ||
        (verdict.decision === "ask" && verdict.scope === undefined && permitted.has(facts.realPath))
      ) {
        return { allowed: true, inScope: scope === null || scope.permits(facts.realPath, action).permitted };
      }
      return {
        allowed: false,
        reason: verdict.reason,
        kind: verdict.decision === "ask" ? "scope" : stage === "plan" ? "stage" : "protected",
      };
    },
    extendScope(path, action) {
      scope = scope?.extended(path, action) ?? null;
    },
    isProtected(realPath) {
      if (!isProtectedPath(realPath, workspace, home)) return false;
      const verdict = decide(request({ tool: "view", access: "read", path: pathFacts(realPath) }));
      return verdict.decision !== "allow";
    },
    inScope(path, action) {
      // What changed is the entry itself: of a link the link, not what it leads to.
      const entry = resolve(workspace, path);
      return (
        scope === null ||
        entry === workspace ||
        scope.permits(join(realPathOf(dirname(entry)), basename(entry)), action).permitted
      );
    },
    async runShell(shellRequest) {
      const verdict = await judgeShell(shellRequest.command);
      return parts.run({
        ...shellRequest,
        stage,
        verdict,
        scope: containment === "off" ? null : scope,
        network: stage !== "plan" && (approved === null || approved.network),
        rulesOf,
      });
    },
  };
}
