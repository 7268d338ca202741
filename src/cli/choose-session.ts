// Which session a run works in: a new one, the last of this workspace, a named one, a copy, or the one that holds the
// plan that `bmo approve` names.

import { findSession, latestSession, listSessions } from "../session/list.ts";
import { foldSession } from "../session/replay.ts";
import { BmoError } from "../util/errors.ts";
import type { App } from "./app.ts";
import type { SessionWish } from "./run-line.ts";
import type { Plan } from "../types/plan.ts";
import type { StoredRecord } from "../types/session.ts";

export type SessionChoice = { kind: "new" } | { kind: "open"; path: string; fork: boolean };

/** @throws BmoError usage when there is none, when it is held, or when a plan is named that does not wait here. */
export async function chooseSession(app: App, wish: Exclude<SessionWish, { kind: "pick" }>): Promise<SessionChoice> {
  switch (wish.kind) {
    case "new":
      return { kind: "new" };
    case "latest":
      return { kind: "open", path: latestPath(app, wish.fork), fork: wish.fork };
    case "named":
      return { kind: "open", path: findSession(app.dataDirectory, wish.id).path, fork: wish.fork };
    case "of_plan":
      return { kind: "open", path: findPlanSession(app, wish.plan), fork: false };
  }
}

function latestPath(app: App, fork: boolean): string {
  const latest = latestSession(app.dataDirectory, app.workspace);
  if (latest === null)
    throw new BmoError("usage", `there is no session to continue in ${app.workspace}`, "Start one without -c.");
  if (latest.heldBy !== null && !fork)
    throw new BmoError(
      "usage",
      `session ${latest.id} is in use by process ${latest.heldBy}`,
      "Use -c --fork-session to continue in a copy.",
    );
  return latest.path;
}

interface WaitingPlan {
  path: string;
  workspace: string;
  plan: Plan;
  /** False once a later revision, plan or request of that session took its place. */
  current: boolean;
}

/** What must be read of a session to know its plans. */
const PLANNING: ReadonlySet<string> = new Set(["workflow", "approval"] satisfies StoredRecord["type"][]);

function plansOf(path: string): WaitingPlan[] {
  const plans: Plan[] = [];
  const { header, state } = foldSession(path, PLANNING, (record) => {
    if (record.type === "workflow" && record.event.type === "plan_stored") plans.push(record.event.plan);
  });
  // A plan that was given up or does not count is for the session to explain.
  const last = state.workflow.plan ?? plans.at(-1);
  return plans.map((plan) => {
    const current = plan.id === last?.id && plan.revision === last.revision;
    return { path, workspace: header.workspace, plan, current };
  });
}

function matches(plan: Plan, wanted: string): boolean {
  const hash = plan.hash.replace(/^sha256:/, "");
  const prefix = wanted.replace(/^sha256:/, "").toLowerCase();
  return plan.id === wanted || (prefix.length >= 4 && /^[0-9a-f]+$/.test(prefix) && hash.startsWith(prefix));
}

/** The session whose plan is meant. Only plans of this workspace can be approved here. */
function findPlanSession(app: App, wanted: string): string {
  const everywhere = listSessions(app.dataDirectory).flatMap((session) => plansOf(session.path));
  const named = everywhere.filter(({ plan }) => matches(plan, wanted));
  const here = named.filter(({ workspace }) => workspace === app.workspace);
  if (named.length === 0)
    throw new BmoError(
      "usage",
      `no plan has the id or hash ${wanted}`,
      "bmo sessions show prints the plan of a session; a hash prefix needs at least 4 digits.",
    );
  if (here.length === 0)
    throw new BmoError(
      "usage",
      `plan ${wanted} belongs to ${named[0]?.workspace ?? "another workspace"}, not to ${app.workspace}`,
      "Go there with -C.",
    );
  const current = here.filter((one) => one.current);
  if (current.length === 0)
    throw new BmoError(
      "usage",
      `plan ${wanted} is stale: a later revision took its place`,
      "Look at the session's last plan and approve that one.",
    );
  const distinct = new Set(current.map(({ plan, path }) => `${path} ${plan.hash}`));
  if (distinct.size > 1)
    throw new BmoError(
      "usage",
      `${wanted} is ambiguous: it fits ${current.map(({ plan }) => `${plan.id} (${plan.hash.slice(0, 19)})`).join(", ")}`,
      new Set(current.map(({ plan }) => plan.hash)).size > 1
        ? "Give more digits of the hash."
        : "The same plan was made more than once: give the id of the one that is meant.",
    );
  const [only] = current;
  if (only === undefined) throw new BmoError("internal", "a plan was found and lost");
  return only.path;
}
