// The verdict on one tool call: a pure function of the call, the stage, the mode, the approved scope and the rules.
// The strictest wins. It asks nobody and touches nothing; turning `ask` into a denial where nobody is there is the
// caller's.

import type { ScopeJudge, ShellVerdict } from "../types/containment.ts";
import type { Verdict } from "../types/permission.ts";
import type { WorkStage } from "../types/plan.ts";
import type { ContainmentMode, PermissionMode } from "../types/settings.ts";
import type { FileAction, ToolAccess } from "../types/tool.ts";
import { isGlob } from "../util/path-glob.ts";
import {
  commandDenied,
  commandMayBecomeDenied,
  matchesRule,
  namesProgram,
  suggestCommandRule,
  type Rule,
  type RuleSubject,
} from "./rules.ts";

/** What is known of the path that a call is about, after links and `..` are resolved. */
export interface PolicyPath {
  realPath: string;
  /** Workspace-relative, for messages and rules that are offered. */
  shown: string;
  insideWorkspace: boolean;
  insideReadRoots: boolean;
  isProtected: boolean;
  /** Whether it is a `.git` or lies below one. */
  insideGit: boolean;
}

export interface PolicyRequest {
  tool: string;
  access: ToolAccess;
  /** null for calls that are about no path. */
  path: PolicyPath | null;
  /** What a write would do to the path; null for other calls. */
  action: FileAction | null;
  /** The judged command line of `bash`; null for other tools. */
  shell: ShellVerdict | null;
  /** The credential that a command without sandbox would read with its tree, or null. */
  credentialInTree: string | null;
  stage: WorkStage;
  mode: PermissionMode;
  /** Scope of the approved plan; null when none is being executed. */
  scope: ScopeJudge | null;
  containment: ContainmentMode;
  /** Whether commands of this stage run inside a working sandbox. */
  sandboxed: boolean;
  rules: { allow: Rule[]; deny: Rule[]; grants: Rule[] };
  workspace: string;
  home: string | null;
}

const allow = (reason: string): Verdict => ({ decision: "allow", reason });
const deny = (reason: string): Verdict => ({ decision: "deny", reason });
const ask = (reason: string, rule: string | null): Verdict => ({ decision: "ask", reason, rule });

const FILE_WRITERS = ["write", "edit", "multiedit"] as const;

function pathSubject(request: PolicyRequest, tool: string): RuleSubject {
  if (request.path === null) return { tool, kind: "none" };
  return { tool, kind: "path", realPath: request.path.realPath, workspace: request.workspace, home: request.home };
}

function findRule(rules: Rule[], subject: RuleSubject): Rule | undefined {
  return rules.find((rule) => matchesRule(rule, subject));
}

function commandRules(rules: Rule[]): (Rule & { pattern: string })[] {
  return rules.flatMap((rule) =>
    rule.tool === "bash" && rule.pattern !== null ? [{ ...rule, pattern: rule.pattern }] : [],
  );
}

/** Why it cannot be said that no denied command runs, or null. */
function undecided(request: PolicyRequest, shell: ShellVerdict): string | null {
  const rules = commandRules(request.rules.deny);
  if (!request.rules.deny.some((rule) => rule.tool === "bash")) return null;
  if (!shell.understood) return shell.reason;
  if (shell.reach === null) return null;
  const { open, mentioned, unjudged } = shell.reach;
  if (unjudged !== null) return unjudged;
  const rule = rules.find(
    ({ pattern }) =>
      open.some((argv) => commandMayBecomeDenied(pattern, argv)) ||
      mentioned.some((name) => namesProgram(pattern, name)),
  );
  return rule === undefined ? null : `it may start what the rule ${rule.text} denies`;
}

/**
 * A deny rule on any command anywhere in the line counts; so does a general one on file writers, for commands that may
 * write.
 */
function deniedCommand(request: PolicyRequest, shell: ShellVerdict): string | null {
  const { deny: denied } = request.rules;
  const general = denied.find((rule) => rule.tool === "bash" && rule.pattern === null);
  if (general !== undefined) return `the rule ${general.text} denies it`;
  for (const argv of [...(shell.reach?.started ?? shell.announced), ...shell.segments.map((segment) => segment.argv)]) {
    const rule = commandRules(denied).find(({ pattern }) => commandDenied(pattern, argv));
    if (rule !== undefined) return `the rule ${rule.text} denies it`;
  }
  const writers = denied.find(
    (rule) => rule.pattern === null && (FILE_WRITERS as readonly string[]).includes(rule.tool),
  );
  if (writers !== undefined && shell.verdict !== "read_only" && shell.verdict !== "planned") {
    return `the rule ${writers.text} denies writing, and this command may write`;
  }
  return null;
}

function decidePlanCommand(request: PolicyRequest, shell: ShellVerdict): Verdict {
  if (request.sandboxed) return allow("it runs inside the read-only sandbox of the plan stage");
  if (shell.verdict !== "read_only")
    return deny(`the plan stage runs only commands known to be read-only: ${shell.reason}`);
  if (request.credentialInTree !== null)
    return deny(
      `it would read ${request.credentialInTree}, a credential file, with its tree; name the files or folders to read`,
    );
  return allow(shell.reason);
}

function decideCommand(request: PolicyRequest, shell: ShellVerdict): Verdict {
  if (shell.verdict === "refuse") return deny(shell.reason);
  const denied = deniedCommand(request, shell);
  if (denied !== null) return deny(denied);
  if (request.stage === "plan") return decidePlanCommand(request, shell);
  const allowing = [...request.rules.allow, ...request.rules.grants];
  const general = allowing.find((rule) => rule.tool === "bash" && rule.pattern === null);
  // A line that the plan spells out was read by whoever approved it; what an entry like `bash` covers was not.
  const isRead = shell.verdict === "planned" && shell.spelledOut;
  const open = isRead ? null : undecided(request, shell);
  if (shell.verdict === "planned" && open === null) return allow(shell.reason);
  if (shell.verdict === "read_only" && (request.sandboxed || request.credentialInTree === null))
    return allow(shell.reason);
  const bypass = request.mode === "bypassPermissions";
  if (open !== null) return ask(`it cannot be checked against the deny rules: ${open}`, null);
  if (bypass) return allow("the mode bypassPermissions asks for nothing");
  if (general !== undefined) return allow(`the rule ${general.text} allows it`);
  if (shell.verdict === "read_only")
    return ask(`it reads a tree that holds ${request.credentialInTree ?? "a credential file"}`, null);
  const unsettled = shell.segments.filter((segment) => !segment.readOnly && !segment.planned);
  const covered = unsettled.every(
    (segment) =>
      segment.plain && findRule(allowing, { tool: "bash", kind: "command", argv: segment.argv }) !== undefined,
  );
  if (shell.understood && covered) return allow("rules allow every command of the line");
  const [only] = unsettled;
  return ask(
    shell.reason,
    shell.understood && unsettled.length === 1 && only !== undefined ? suggestCommandRule(only.argv) : null,
  );
}

function decideRead(request: PolicyRequest): Verdict {
  const { path } = request;
  const subject = pathSubject(request, request.tool);
  const denied = findRule(request.rules.deny, subject);
  if (denied !== undefined) return deny(`the rule ${denied.text} denies it`);
  if (path === null) return allow("it reads inside the workspace");
  const rule = findRule([...request.rules.allow, ...request.rules.grants], subject);
  if (path.isProtected) {
    return rule !== undefined && rule.pattern !== null
      ? allow(`the rule ${rule.text} allows it`)
      : deny(`${path.shown} is a credential file; only an explicit rule for it allows reading it`);
  }
  if (path.insideWorkspace || path.insideReadRoots) return allow("it reads inside the workspace");
  if (request.mode === "bypassPermissions" && request.stage !== "plan")
    return allow("the mode bypassPermissions asks for nothing");
  if (rule !== undefined) return allow(`the rule ${rule.text} allows it`);
  return ask(`${path.realPath} is outside the workspace`, `${request.tool}(${path.realPath})`);
}

function decideWrite(request: PolicyRequest): Verdict {
  const { path } = request;
  if (request.stage === "plan") return deny("nothing is written before a plan is approved");
  const subject = pathSubject(request, request.tool);
  const denied = findRule(request.rules.deny, subject);
  if (denied !== undefined) return deny(`the rule ${denied.text} denies it`);
  if (path === null) return deny("the path cannot be resolved");
  if (path.insideGit) return deny("file tools never write below .git");
  if (!path.insideWorkspace) return deny(`${path.realPath} is outside the workspace; nothing is written there`);
  const rule = findRule([...request.rules.allow, ...request.rules.grants], subject);
  if (path.isProtected && (rule === undefined || rule.pattern === null))
    return deny(`${path.shown} is a credential file; only an explicit rule for it allows writing it`);
  if (request.scope !== null && request.containment === "enforce") {
    const verdict = request.scope.permits(path.realPath, request.action ?? "modify");
    return verdict.permitted
      ? allow(verdict.reason)
      : {
          decision: "ask",
          reason: verdict.reason,
          rule: null,
          scope: { path: path.shown, action: request.action ?? "modify" },
        };
  }
  if (request.scope?.permits(path.realPath, request.action ?? "modify").permitted === true)
    return allow("the approved plan covers it");
  // An approved plan is carried out: outside its scope "warn" records and "off" does not look, and neither asks.
  if (request.stage === "execute" && request.containment !== "enforce")
    return allow(`the containment mode ${request.containment} allows it`);
  if (request.mode === "bypassPermissions") return allow("the mode bypassPermissions asks for nothing");
  if (request.mode === "acceptEdits") return allow("the mode acceptEdits does not ask for edits inside the workspace");
  if (rule !== undefined) return allow(`the rule ${rule.text} allows it`);
  return ask(`it changes ${path.shown}`, standingWriteRule(request.tool, path.shown));
}

/**
 * What a question about a file offers for later: its folder, or the file alone at the top, where the folder would be
 * every file.
 */
function standingWriteRule(tool: string, shown: string): string | null {
  const slash = shown.lastIndexOf("/");
  const folder = shown.slice(0, Math.max(0, slash));
  // A name that reads as a pattern would cover more than it says.
  if (isGlob(slash === -1 ? shown : folder)) return null;
  return `${tool}(${slash === -1 ? `./${shown}` : `${folder}/**`})`;
}

/** Decides one call. Unknown kinds of access are denied. */
export function decide(request: PolicyRequest): Verdict {
  switch (request.access) {
    case "host": {
      const denied = findRule(request.rules.deny, { tool: request.tool, kind: "none" });
      return denied === undefined ? allow("it changes no file") : deny(`the rule ${denied.text} denies it`);
    }
    case "read":
      return decideRead(request);
    case "write":
      return decideWrite(request);
    case "exec":
      return request.shell === null ? deny("the command was not judged") : decideCommand(request, request.shell);
    default:
      return deny("this tool is not known");
  }
}
