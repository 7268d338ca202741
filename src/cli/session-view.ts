// A stored session turn by turn, as data, as text, as Markdown and as JSON, for `bmo sessions show` and `export`.

import { totalCosts } from "../ledger/ledger.ts";
import { costText } from "../ledger/report.ts";
import { replay, type ReplayedSession } from "../session/replay.ts";
import { formatUsd } from "../util/money.ts";
import { planMarkdown } from "../plan/markdown.ts";
import { touchedFiles } from "../plan/touched-files.ts";
import { safeJson, sanitizeLine, sanitizeText } from "../util/sanitize.ts";
import { printedJson } from "../util/snake-keys.ts";
import { textTable } from "../util/text-table.ts";
import { transcriptOf } from "../session/transcript.ts";
import { readSession, type SessionContent } from "../session/reader.ts";
import type { TouchedFile } from "../types/agent.ts";
import type { AgentEvent, TurnEndReason } from "../types/event.ts";
import type { CostTotals } from "../types/ledger.ts";
import type { Stage } from "../types/plan.ts";
import type { Route } from "../types/route.ts";
import type { SessionRecord } from "../types/session.ts";

/** What turns are told from. */
const TOLD: ReadonlySet<string> = new Set([
  "turn_start",
  "turn_end",
  "route",
  "cost",
  "workflow",
  "approval",
  "file",
  "denial",
] satisfies SessionRecord["type"][]);

/**
 * Reads a session for `viewSession`: its messages only where the last turn was interrupted, to tell what was running.
 * @throws BmoError as `readSession`.
 */
export function readTurns(path: string): SessionContent {
  const content = readSession(path, TOLD);
  const last = content.records.findLast(({ type }) => type === "turn_start" || type === "turn_end");
  return last?.type === "turn_start" ? readSession(path) : content;
}

export interface TurnView {
  turn: number;
  stage: Stage;
  ticket: string | null;
  text: string;
  tier: string | null;
  tier_source: string | null;
  model: string | null;
  source: string | null;
  reason: string | null;
  phase: string | null;
  routes: Route[];
  usage: CostTotals["usage"];
  cost_usd: number | null;
  estimate: boolean;
  /** null = interrupted. */
  end: TurnEndReason | null;
}

export interface SessionView {
  session: SessionContent["header"];
  turns: TurnView[];
  plan: {
    id: string;
    revision: number;
    hash: string;
    title: string;
    state: string;
    tickets: Record<string, string>;
  } | null;
  totals: CostTotals;
  files: readonly TouchedFile[];
  denials: ReplayedSession["state"]["denials"];
  notices: string[];
  replayed: ReplayedSession;
}

function byTurn<Item extends { turn: number }>(items: readonly Item[]): Map<number, Item[]> {
  const turns = new Map<number, Item[]>();
  for (const item of items) {
    const known = turns.get(item.turn);
    if (known === undefined) turns.set(item.turn, [item]);
    else known.push(item);
  }
  return turns;
}

/** @param content the records that `readTurns` gives, or all */
export function viewSession(content: SessionContent): SessionView {
  const replayed = replay(content.header, content.records);
  const routesOf = byTurn(replayed.routes);
  const entriesOf = byTurn(replayed.ledger);
  const endsOf = byTurn(content.records.filter((record) => record.type === "turn_end"));
  const turns = content.records.flatMap((start): TurnView[] => {
    if (start.type !== "turn_start") return [];
    const routes = routesOf.get(start.turn) ?? [];
    const last = routes.at(-1);
    const totals = totalCosts(entriesOf.get(start.turn) ?? []);
    const end = endsOf.get(start.turn)?.[0];
    return [
      {
        turn: start.turn,
        stage: last?.stage === "gate" ? "gate" : start.stage,
        ticket: start.ticket,
        text: start.text,
        tier: last?.tier ?? null,
        tier_source: last?.tier_source ?? null,
        model: last?.model ?? null,
        source: last?.source ?? null,
        reason: last?.reason ?? null,
        phase: last?.phase ?? null,
        routes,
        usage: totals.usage,
        cost_usd: totals.cost_usd,
        estimate: totals.estimate,
        end: end?.reason ?? null,
      },
    ];
  });
  const { plan } = replayed.state.workflow;
  return {
    session: content.header,
    turns,
    plan:
      plan === null
        ? null
        : {
            id: plan.id,
            revision: plan.revision,
            hash: plan.hash,
            title: plan.content.title,
            state: plan.state,
            tickets: plan.tickets,
          },
    totals: totalCosts(replayed.ledger),
    files: touchedFiles(replayed.state.files),
    denials: replayed.state.denials,
    notices: [...content.notices, ...replayed.notices],
    replayed,
  };
}

function cutText(text: string, length: number): string {
  const line = sanitizeLine(text.trim().split("\n")[0] ?? "");
  const characters = [...line];
  return characters.length <= length ? line : `${characters.slice(0, length - 1).join("")}…`;
}

/** The session as text: a line for each turn with tier and route, the plan, files, and what it cost. */
export function viewText(view: SessionView): string {
  const { session, plan } = view;
  const lines = [`Session ${session.id}, begun ${session.created_at}`, `Workspace ${sanitizeLine(session.workspace)}`];
  if (session.forked_from !== null) lines.push(`Copied from ${session.forked_from}`);
  if (view.turns.length > 0) {
    const titles = ["turn", "stage", "ticket", "tier", "model", "phase", "chosen by", "cost", "end", "text"];
    const rows = view.turns.map((turn) => [
      String(turn.turn),
      turn.stage,
      turn.ticket ?? "",
      turn.tier === null ? "" : `${turn.tier} (${turn.tier_source ?? ""})`,
      sanitizeLine(turn.model ?? "no model"),
      turn.phase ?? "",
      turn.source ?? "",
      formatUsd(turn.cost_usd, turn.estimate),
      turn.end ?? "interrupted",
      cutText(turn.text, 50),
    ]);
    lines.push("", textTable([titles, ...rows], [titles.indexOf("cost")]));
  }
  if (plan !== null) {
    lines.push(
      "",
      `Plan ${plan.id} revision ${plan.revision}, ${plan.state}: ${sanitizeLine(plan.title)}`,
      `  ${plan.hash}`,
    );
    for (const [ticket, state] of Object.entries(plan.tickets)) lines.push(`  ${sanitizeLine(ticket)}: ${state}`);
  }
  if (view.files.length > 0) {
    lines.push("", "Files:");
    for (const file of view.files)
      lines.push(
        `  ${file.action} ${sanitizeLine(file.path)}${file.in_scope ? "" : " (outside the plan)"}${file.rolled_back ? " (put back)" : ""}`,
      );
  }
  if (view.denials.length > 0) {
    lines.push("", "Refused:");
    for (const denial of view.denials)
      lines.push(`  ${sanitizeLine(`${denial.tool}: ${denial.summary}: ${denial.reason}`)}`);
  }
  lines.push("", costText(view.replayed.ledger, view.totals));
  if (view.notices.length > 0) lines.push("", ...view.notices.map((notice) => `Note: ${sanitizeLine(notice)}`));
  return `${lines.join("\n")}\n`;
}

function fence(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
  const marks = "`".repeat(longest + 1);
  return `${marks}\n${sanitizeText(text).replace(/\n$/, "")}\n${marks}`;
}

function eventMarkdown(event: AgentEvent): string[] {
  switch (event.type) {
    case "turn_start":
      return [
        `## Turn ${event.turn} (${event.stage}${event.ticket === null ? "" : `, ticket ${event.ticket}`})`,
        sanitizeText(event.text)
          .split("\n")
          .map((line) => `> ${line}`)
          .join("\n"),
      ];
    case "route_decision":
      return [`*${event.route.model}, tier ${event.route.tier}: ${sanitizeText(event.route.reason)}*`];
    case "message_end":
      return event.message.content.flatMap((block) =>
        block.type === "text" && block.text.trim() !== "" ? [sanitizeText(block.text)] : [],
      );
    case "tool_start":
      return [`**${event.call.name}** ${sanitizeLine(event.summary)}`];
    case "tool_end":
      return [
        fence(
          event.output.content
            .map((block) => (block.type === "text" ? block.text : `[image ${block.mediaType}]`))
            .join("\n"),
        ),
      ];
    case "plan_ready":
      return [planMarkdown(event.plan)];
    case "plan_approved":
      return [`**Plan approved** (${event.approval.via})`];
    case "ticket_end":
      return [`Ticket ${event.ticket}: ${event.state}`];
    case "notice":
      return [`*${sanitizeText(event.text)}*`];
    case "turn_end":
      return event.error === null ? [] : [`**${event.reason}**: ${sanitizeText(event.error.message)}`];
    default:
      return [];
  }
}

/** The whole conversation for people to read, block by block. */
export function* markdownOf({ header, records }: SessionContent): Generator<string> {
  yield `# Session ${header.id}\n\nWorkspace \`${sanitizeLine(header.workspace)}\`, begun ${header.created_at}.`;
  for (const event of transcriptOf(records)) for (const block of eventMarkdown(event)) yield `\n\n${block}`;
  yield "\n";
}

/** `{header, records}` as JSON, record by record. */
export function* jsonOf({ header, records }: SessionContent): Generator<string> {
  const indented = (value: unknown, by: string): string => safeJson(value, 2).replaceAll("\n", `\n${by}`);
  yield `{\n  "header": ${indented(header, "  ")},\n  "records": [`;
  for (const [index, record] of records.entries())
    yield `${index === 0 ? "" : ","}\n    ${indented(printedJson(record), "    ")}`;
  yield `${records.length === 0 ? "" : "\n  "}]\n}\n`;
}
