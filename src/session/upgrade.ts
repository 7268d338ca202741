// Records that earlier versions wrote, as those of today: the one place that knows how they were spelled. What it does
// not know passes as it is.

import { isJsonObject } from "../util/jsonl.ts";
import type { Json, JsonObject } from "../types/json.ts";

/** The hash by which an extension of the scope named its plan, cut; what was permitted; the path. */
const SCOPE_GRANT = /^scope\((sha256:\w+) (create|modify|delete) ([\s\S]+)\)$/;

function member(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((holder, key) => (isJsonObject(holder) ? holder[key] : undefined), value);
}

/** A grant was a rule in a text, or the extension of a scope in a text of the same form. */
function grantOf(rule: string, hashes: readonly string[]): JsonObject {
  const [, plan, action, path] = SCOPE_GRANT.exec(rule) ?? [];
  if (plan === undefined || action === undefined || path === undefined) return { kind: "rule", rule };
  return { kind: "scope", plan: hashes.findLast((hash) => hash.startsWith(plan)) ?? plan, action, path };
}

function withoutFlag(choice: Json | undefined): Json {
  return choice === undefined || member(choice, "from") === "flag" ? null : choice;
}

/** Takes the records of one session in their order. Each gives those that stand for it today: mostly itself. */
export function createUpgrade(): (record: JsonObject) => JsonObject[] {
  const hashes: string[] = [];
  let turnTicket: Json | undefined = null;
  let turnText = "";
  const reported = new Set<Json | undefined>();

  const noteMessage = (record: JsonObject): void => {
    if (member(record, "message", "role") !== "assistant") return;
    const content = member(record, "message", "content");
    const texts = Array.isArray(content) ? content.map((block) => member(block, "text")) : [];
    const kinds = Array.isArray(content) ? content.map((block) => member(block, "type")) : [];
    const text = texts.filter((one, index) => typeof one === "string" && kinds[index] === "text").join("\n\n");
    if (text.trim() !== "") turnText = text.trim();
  };

  /** Reports of tickets were read off the last words of their turns. */
  const upgradeEvent = (record: JsonObject): JsonObject[] => {
    const event = member(record, "event");
    const hash = member(event, "plan", "hash");
    if (typeof hash === "string") hashes.push(hash);
    if (!isJsonObject(event)) return [record];
    if (event["type"] === "workflow_switched" && event["by"] === undefined)
      return [{ ...record, event: { ...event, by: "user" } }];
    const { type, ticket, state } = event;
    const isUnreported =
      type === "ticket_changed" && state === "done" && ticket === turnTicket && !reported.has(ticket);
    if (!isUnreported || typeof ticket !== "string") return [record];
    const { seq = 0, at = "" } = record;
    return [{ seq, at, type: "ticket_report", ticket, text: turnText }, record];
  };

  return (record) => {
    switch (record["type"]) {
      case "turn_start":
        turnTicket = record["ticket"];
        turnText = "";
        reported.clear();
        return [record];
      case "message":
        noteMessage(record);
        return [record];
      case "ticket_report":
        reported.add(record["ticket"]);
        return [record];
      case "workflow":
        return upgradeEvent(record);
      case "grant": {
        const { rule, ...rest } = record;
        return typeof rule === "string" ? [{ ...rest, grant: grantOf(rule, hashes) }] : [record];
      }
      case "overrides": {
        const { overrides } = record;
        if (!isJsonObject(overrides)) return [record];
        const { model, tier } = overrides;
        return [{ ...record, overrides: { ...overrides, model: withoutFlag(model), tier: withoutFlag(tier) } }];
      }
      // The plan again, which the workflow's event holds.
      case "plan":
        return [];
      default:
        return [record];
    }
  };
}
