// Whether a value read from disk has the shape of a record. A whole line may still come from another program or a later
// version; what does not fit is skipped by the reader instead of breaking replay.

import { isJsonObject } from "../util/jsonl.ts";
import type { SessionHeader, SessionRecord, StoredRecord } from "../types/session.ts";

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const count: Check = (value) => typeof value === "number" && Number.isFinite(value);
const flag: Check = (value) => typeof value === "boolean";
const textOrNull: Check = (value) => value === null || text(value);
const countOrNull: Check = (value) => value === null || count(value);
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const shape =
  (members: Record<string, Check>): Check =>
  (value) =>
    isJsonObject(value) && Object.entries(members).every(([key, check]) => check(value[key]));
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const BLOCKS: Record<string, Check> = {
  text: shape({ text }),
  image: shape({ mediaType: text, data: text }),
  reasoning: shape({ text }),
  tool_call: shape({ id: text, name: text, input: isJsonObject }),
};

const block: Check = (value) =>
  isJsonObject(value) && typeof value["type"] === "string" && (BLOCKS[value["type"]]?.(value) ?? false);

const MESSAGES: Record<string, Check> = {
  user: shape({ content: list(block) }),
  assistant: shape({ model: text, content: list(block) }),
  tool: shape({ callId: text, toolName: text, content: list(block), isError: flag }),
};

const message: Check = (value) =>
  isJsonObject(value) && typeof value["role"] === "string" && (MESSAGES[value["role"]]?.(value) ?? false);

const ticket = shape({
  id: text,
  title: text,
  detail: text,
  files: list(shape({ path: text, action: text })),
  commands: list(text),
  acceptance: list(text),
  verify: list(text),
  depends_on: list(text),
  out_of_scope: list(text),
});
const plan = shape({
  id: text,
  revision: count,
  hash: text,
  state: text,
  tickets: isJsonObject,
  flags: list(text),
  content: shape({
    title: text,
    summary: text,
    tickets: list(ticket),
    network: flag,
    open_questions: list(text),
    decisions: list(text),
  }),
});
const approval = shape({
  plan_id: text,
  hash: text,
  workspace: text,
  session_id: text,
  via: text,
  tickets: orNull(list(text)),
  note: textOrNull,
  unscoped: flag,
});

const WORKFLOW: Record<string, Check> = {
  workflow_switched: shape({ enabled: flag, by: text }),
  plan_stored: shape({ plan }),
  plan_approved: shape({ approval }),
  execution_started: isJsonObject,
  execution_interrupted: isJsonObject,
  ticket_changed: shape({ ticket: text, state: text }),
  plan_finished: shape({ state: text }),
  plan_rejected: isJsonObject,
  revision_requested: shape({ by: text }),
  stage_reset: isJsonObject,
};

const usage = shape({ input: count, output: count, cache_read: count, cache_write: count });
const entry = shape({
  id: text,
  turn: count,
  step: count,
  purpose: text,
  stage: text,
  model: text,
  usage,
  cost_usd: countOrNull,
  baseline_cost_usd: countOrNull,
  at: text,
});
const route = shape({
  id: text,
  turn: count,
  stage: text,
  tier: text,
  model: text,
  source: text,
  reason: text,
  candidates: list(isJsonObject),
});

const rule = shape({ kind: (value) => value === "rule", rule: text });
const scope = shape({ kind: (value) => value === "scope", plan: text, action: text, path: text });

const BY_TYPE: { [Type in SessionRecord["type"]]: Check } = {
  command: shape({ text }),
  turn_start: shape({ turn: count, stage: text, ticket: textOrNull, text }),
  conversation: shape({ id: count, reason: text, seed: list(message) }),
  message: shape({ conversation: count, turn: count, message }),
  tool_intent: shape({ turn: count, call_id: text, tool: text, summary: text }),
  route: shape({ route }),
  workflow: shape({
    event: (value) =>
      isJsonObject(value) && typeof value["type"] === "string" && (WORKFLOW[value["type"]]?.(value) ?? false),
  }),
  approval: shape({ approval }),
  cost: shape({ entry }),
  overrides: shape({
    overrides: shape({
      model: orNull(shape({ value: text, once: flag })),
      tier: orNull(shape({ value: text, once: flag })),
    }),
  }),
  skill: shape({ skill: orNull(shape({ name: text, tier: textOrNull, activatedBy: text, turn: count })) }),
  grant: shape({ grant: (value) => rule(value) || scope(value) }),
  denial: shape({ turn: count, denial: shape({ tool: text, summary: text, reason: text, target: text }) }),
  file: shape({ turn: count, path: text, action: text, in_scope: flag, rolled_back: flag }),
  unplanned: shape({ command: text }),
  unsettled: shape({ path: text, reason: text }),
  changed_between: shape({ changed: list(text), ignored: list(text) }),
  ticket_report: shape({ ticket: text, text }),
  checkpoint: shape({ id: text, label: text, ticket: textOrNull }),
  shell: shape({ command: text, output: text, exit_code: countOrNull }),
  notice: shape({ level: text, text }),
  turn_end: shape({ turn: count, reason: text, error: orNull(shape({ code: text, message: text })) }),
};

const RECORDS = new Map(Object.entries(BY_TYPE));

const header = shape({
  type: (value) => value === "session",
  version: (value) => value === 1,
  id: text,
  workspace: text,
  created_at: text,
  forked_from: textOrNull,
});
const stamped = shape({ seq: count, at: text });

export function isHeader(value: unknown): value is SessionHeader {
  return header(value);
}

export function isKnownType(type: unknown): boolean {
  return typeof type === "string" && RECORDS.has(type);
}

export function isStoredRecord(value: unknown): value is StoredRecord {
  if (!isJsonObject(value) || !stamped(value)) return false;
  const { type } = value;
  return typeof type === "string" && (RECORDS.get(type)?.(value) ?? false);
}
