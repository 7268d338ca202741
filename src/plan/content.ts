// Reads a plan as the model or the user's editor handed it in: names what is wrong, flags what is thin, hashes what is
// right. Knows nothing of approval; compares paths with the workspace but changes nothing.

import { statSync } from "node:fs";
import { isAbsolute, join, normalize } from "node:path";
import type { PlanContent, PlanFile, Ticket } from "../types/plan.ts";
import { PHASES, type Phase } from "../types/provider.ts";
import type { FileAction } from "../types/tool.ts";
import { canonicalJson, sha256 } from "../util/canonical-json.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { nearestNames } from "../util/names.ts";
import { lookAlikes } from "../util/look-alikes.ts";
import { compileGlob, isGlob } from "../util/path-glob.ts";
import { isInside, realPathOf } from "../util/paths.ts";
import { coversWorkspace } from "./workspace-wide.ts";

/** A review is routed as planning. */
const PHASE_NAMES: Readonly<Record<string, Phase>> = {
  ...Object.fromEntries(PHASES.map((phase) => [phase, phase])),
  review: "plan",
};
const ACTIONS: readonly FileAction[] = ["create", "modify", "delete"];
const PLAN_FIELDS = ["title", "summary", "tickets", "network", "open_questions", "decisions"];
const TICKET_FIELDS = [
  "id",
  "title",
  "detail",
  "phase",
  "files",
  "commands",
  "acceptance",
  "verify",
  "depends_on",
  "out_of_scope",
];
const FILE_FIELDS = ["path", "action"];
const TICKET_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
/** More named paths or tickets than one person reads in a diff. */
const MANY_FILES = 30;
const MANY_TICKETS = 12;
const MOST_FILES = 2_000;

export type PlanReading = { ok: true; content: PlanContent; flags: string[] } | { ok: false; problems: string[] };

interface Report {
  problems: string[];
  flags: string[];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function unknownFields(value: Record<string, unknown>, known: string[], where: string, report: Report): void {
  for (const field of Object.keys(value)) {
    if (known.includes(field)) continue;
    const near = nearestNames(field, known, 1)[0];
    report.problems.push(
      `${where}${field}: no such field${near === undefined ? "" : `, nearest: ${near}`}; allowed: ${known.join(", ")}`,
    );
  }
}

function readText(value: unknown, where: string, required: boolean, report: Report): string {
  if (value === undefined || value === null) {
    if (required) report.problems.push(`${where}: missing; a text is needed`);
    return "";
  }
  if (typeof value !== "string") {
    report.problems.push(`${where}: is ${kindOf(value)}; a text is needed`);
    return "";
  }
  const text = value.trim();
  if (required && text === "") report.problems.push(`${where}: empty; a text is needed`);
  if (text.includes("\0")) report.problems.push(`${where}: holds a NUL character`);
  return text;
}

function readTexts(value: unknown, where: string, report: Report): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    report.problems.push(`${where}: is ${kindOf(value)}; a list of texts is needed`);
    return [];
  }
  return value.map((item, index) => readText(item, `${where}[${index}]`, true, report)).filter((text) => text !== "");
}

/** Whether something of another kind stands where the plan wants to go, and whether the place is inside at all. */
function checkPlace(path: string, where: string, workspace: string, report: Report): void {
  const fixed = path.split("/");
  const firstGlob = fixed.findIndex(isGlob);
  const literal = firstGlob === -1 ? path : fixed.slice(0, firstGlob).join("/");
  let real: string;
  try {
    real = realPathOf(join(workspace, literal));
  } catch (thrown) {
    if (!(thrown instanceof BmoError) && systemErrorCode(thrown) === undefined) throw thrown;
    report.problems.push(`${where}: ${path} cannot be resolved`);
    return;
  }
  if (!isInside(workspace, real)) report.problems.push(`${where}: ${path} leads out of the workspace (to ${real})`);
}

function readFile(value: unknown, where: string, workspace: string, report: Report): PlanFile | null {
  const entry = typeof value === "string" ? { path: value } : value;
  if (!isRecord(entry)) {
    report.problems.push(`${where}: is ${kindOf(value)}; an object with path and action is needed`);
    return null;
  }
  unknownFields(entry, FILE_FIELDS, `${where}.`, report);
  const raw = readText(entry["path"], `${where}.path`, true, report);
  const action = entry["action"] === undefined ? "modify" : ACTIONS.find((known) => known === entry["action"]);
  if (action === undefined)
    report.problems.push(`${where}.action: ${JSON.stringify(entry["action"])}; allowed: ${ACTIONS.join(", ")}`);
  if (raw === "" || action === undefined) return null;
  if (isAbsolute(raw) || raw.startsWith("~") || /^[A-Za-z]:[\\/]/.test(raw)) {
    report.problems.push(`${where}.path: ${raw} is absolute; paths are relative to the workspace`);
    return null;
  }
  if (raw.split("/").includes("..")) {
    report.problems.push(`${where}.path: ${raw} holds ".."; paths stay inside the workspace`);
    return null;
  }
  try {
    compileGlob(raw);
  } catch (thrown) {
    if (!(thrown instanceof BmoError)) throw thrown;
    report.problems.push(`${where}.path: ${thrown.message}`);
    return null;
  }
  const folder = /\/$/.test(raw);
  const path = normalize(raw).replace(/\/+$/, "").normalize("NFC") || ".";
  checkPlace(path, `${where}.path`, workspace, report);
  return { path: path === "." ? "**" : folder ? `${path}/` : path, action };
}

function phaseNamed(value: unknown): Phase | undefined {
  return typeof value === "string" && Object.hasOwn(PHASE_NAMES, value) ? PHASE_NAMES[value] : undefined;
}

function readTicket(value: unknown, index: number, workspace: string, report: Report): Ticket | null {
  const where = `tickets[${index}]`;
  if (!isRecord(value)) {
    report.problems.push(`${where}: is ${kindOf(value)}; an object is needed`);
    return null;
  }
  unknownFields(value, TICKET_FIELDS, `${where}.`, report);
  const id = readText(value["id"], `${where}.id`, true, report);
  if (id !== "" && !TICKET_ID.test(id))
    report.problems.push(
      `${where}.id: ${JSON.stringify(id)}; letters, digits, ".", "_" and "-" are allowed, at most 32`,
    );
  const phase =
    value["phase"] === undefined || value["phase"] === null || value["phase"] === ""
      ? null
      : phaseNamed(value["phase"]);
  if (phase === undefined)
    report.problems.push(
      `${where}.phase: ${JSON.stringify(value["phase"])}; allowed: ${Object.keys(PHASE_NAMES).join(", ")}`,
    );
  const rawFiles = value["files"] ?? [];
  if (!Array.isArray(rawFiles)) report.problems.push(`${where}.files: is ${kindOf(rawFiles)}; a list is needed`);
  const files = (Array.isArray(rawFiles) ? rawFiles : []).flatMap(
    (file, position) => readFile(file, `${where}.files[${position}]`, workspace, report) ?? [],
  );
  return {
    id,
    title: readText(value["title"], `${where}.title`, true, report),
    detail: readText(value["detail"], `${where}.detail`, false, report),
    phase: phase ?? null,
    files,
    commands: readTexts(value["commands"], `${where}.commands`, report),
    acceptance: readTexts(value["acceptance"], `${where}.acceptance`, report),
    verify: readTexts(value["verify"], `${where}.verify`, report),
    depends_on: readTexts(value["depends_on"], `${where}.depends_on`, report),
    out_of_scope: readTexts(value["out_of_scope"], `${where}.out_of_scope`, report),
  };
}

/** Ids along a cycle of `depends_on`, or null. */
function findCycle(tickets: Ticket[]): string[] | null {
  const byId = new Map(tickets.map((ticket) => [ticket.id, ticket]));
  const done = new Set<string>();
  const visit = (id: string, trail: string[]): string[] | null => {
    if (done.has(id)) return null;
    if (trail.includes(id)) return [...trail.slice(trail.indexOf(id)), id];
    for (const next of byId.get(id)?.depends_on ?? []) {
      const cycle = visit(next, [...trail, id]);
      if (cycle !== null) return cycle;
    }
    done.add(id);
    return null;
  };
  for (const { id } of tickets) {
    const cycle = visit(id, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (thrown) {
    if (systemErrorCode(thrown) !== undefined) return false;
    throw thrown;
  }
}

function checkTogether(tickets: Ticket[], workspace: string, report: Report): void {
  const seen = new Set<string>();
  for (const [index, { id }] of tickets.entries()) {
    if (id !== "" && seen.has(id)) report.problems.push(`tickets[${index}].id: ${id} is used twice`);
    seen.add(id);
  }
  for (const [index, ticket] of tickets.entries()) {
    for (const dependency of ticket.depends_on) {
      if (!seen.has(dependency))
        report.problems.push(
          `tickets[${index}].depends_on: no ticket ${dependency}; there are ${[...seen].join(", ")}`,
        );
    }
  }
  const cycle = findCycle(tickets);
  if (cycle !== null) report.problems.push(`depends_on: ${cycle.join(" → ")} is a cycle`);
  const files = tickets.flatMap((ticket) => ticket.files);
  const names = new Set(files.map(({ path }) => path.replace(/\/$/, "")));
  const parents = new Map<string, string>();
  for (const name of names) {
    const parts = name.split("/");
    for (let length = 1; length < parts.length; length++) parents.set(parts.slice(0, length).join("/"), name);
  }
  for (const { path, action } of files) {
    if (action !== "create" || path.endsWith("/") || isGlob(path)) continue;
    const below = parents.get(path);
    // A directory that exists already may be named as a whole and in part; a file to be created may not be both.
    if (below !== undefined && !isDirectory(join(workspace, path)))
      report.flags.push(`${path} is named as a file to create, and ${below} needs it as a directory`);
  }
  if (files.length > MOST_FILES)
    report.problems.push(`tickets: ${files.length} files are named; at most ${MOST_FILES} are allowed`);
}

function flagTickets(tickets: Ticket[], report: Report): void {
  for (const ticket of tickets) {
    for (const field of ["files", "acceptance", "out_of_scope"] as const) {
      if (ticket[field].length === 0) report.flags.push(`ticket ${ticket.id} has no ${field}`);
    }
    if (ticket.files.length > MANY_FILES)
      report.flags.push(
        `ticket ${ticket.id} names ${ticket.files.length} files; more than ${MANY_FILES} are hard to review`,
      );
    if (coversWorkspace(ticket.files.map(({ path }) => path)))
      report.flags.push(`ticket ${ticket.id} covers the whole workspace`);
    for (const text of [...ticket.files.map(({ path }) => path), ...ticket.commands, ...ticket.verify])
      report.flags.push(...lookAlikes(text).map((what) => `ticket ${ticket.id}: ${what}`));
  }
  if (tickets.length > MANY_TICKETS)
    report.flags.push(`the plan has ${tickets.length} tickets; more than ${MANY_TICKETS} are hard to review`);
}

/**
 * Validates a plan. Problems name the field and what is allowed; flags name tickets that lack something (strict refuses
 * their approval). The content that comes back is complete: every field present, paths NFC without `./`.
 */
export function validatePlan(input: unknown, workspace: string): PlanReading {
  if (!isRecord(input)) return { ok: false, problems: [`the plan is ${kindOf(input)}; an object is needed`] };
  const report: Report = { problems: [], flags: [] };
  unknownFields(input, PLAN_FIELDS, "", report);
  const title = readText(input["title"], "title", true, report);
  const summary = readText(input["summary"], "summary", false, report);
  const rawTickets = input["tickets"];
  if (!Array.isArray(rawTickets))
    report.problems.push(
      `tickets: ${rawTickets === undefined ? "missing" : `is ${kindOf(rawTickets)}`}; a list of tickets is needed`,
    );
  else if (rawTickets.length === 0)
    report.problems.push("tickets: the list is empty; a plan needs at least one ticket");
  const tickets = (Array.isArray(rawTickets) ? rawTickets : []).flatMap(
    (ticket, index) => readTicket(ticket, index, workspace, report) ?? [],
  );
  const network = input["network"] ?? false;
  if (typeof network !== "boolean") report.problems.push(`network: is ${kindOf(network)}; true or false is needed`);
  const questions = readTexts(input["open_questions"], "open_questions", report);
  const decisions = readTexts(input["decisions"], "decisions", report);
  checkTogether(tickets, workspace, report);
  if (report.problems.length > 0) return { ok: false, problems: report.problems };
  flagTickets(tickets, report);
  return {
    ok: true,
    content: { title, summary, tickets, network: network === true, open_questions: questions, decisions },
    flags: report.flags,
  };
}

/** SHA-256 over the canonical JSON of exactly the plan's content. */
export function planHash(content: PlanContent): string {
  return sha256(canonicalJson(content));
}
