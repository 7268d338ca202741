// Questions that the loop may put to a person, and the verdicts of policy.

import type { DisplayBlock, FileAction, FileChange } from "./tool.ts";
import type { Plan } from "./plan.ts";

export type Verdict =
  | { decision: "allow"; reason: string }
  /** `scope` is set when the question is whether to extend the approved plan's scope by that path. */
  | { decision: "ask"; reason: string; rule: string | null; scope?: { path: string; action: FileChange["action"] } }
  | { decision: "deny"; reason: string };

/** One question to the person. Headless answers each with its `headless` meaning: deny, restore, no answer. */
export type AskRequest =
  | {
      kind: "permission";
      tool: string;
      summary: string;
      target: string;
      reason: string;
      rule: string | null;
      display: DisplayBlock[];
    }
  | { kind: "scope"; path: string; action: FileChange["action"]; tool: string; reason: string; plan: Plan }
  | { kind: "effects"; command: string; changes: FileChange[]; copy: string; restoreCommand: string }
  | { kind: "question"; question: string; options: string[] }
  | { kind: "fallback"; from: string; to: string; reason: string }
  | { kind: "trust"; directory: string; items: string[] }
  | { kind: "confirm"; question: string; detail: string };

export type AskReply =
  | { answer: "allow_once" }
  | { answer: "allow_session" }
  | { answer: "allow_project" }
  | { answer: "deny"; feedback: string | null }
  | { answer: "keep" }
  | { answer: "restore" }
  | { answer: "text"; text: string }
  | { answer: "none"; reason: string };

export type Ask = (request: AskRequest, signal: AbortSignal) => Promise<AskReply>;

/** What the user permitted for a session. */
export type Grant =
  | { kind: "rule"; rule: string }
  /** Widens the scope of one plan; `plan` is the hash of its content. */
  | { kind: "scope"; plan: string; action: FileAction; path: string };

export interface Denial {
  tool: string;
  summary: string;
  reason: string;
  /** What the denial was about; a later permitted call on the same tool and target clears it. */
  target: string;
}
