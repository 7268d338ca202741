// What a revision changes is told: no field that the hash covers can change in silence.

import { describe, expect, test } from "vitest";
import { planChanges } from "../../src/plan/changes.ts";
import { planHash, validatePlan } from "../../src/plan/content.ts";
import { planMarkdown } from "../../src/plan/markdown.ts";
import type { Plan, PlanContent } from "../../src/types/plan.ts";

const ticket = (id: string): object => ({
  id,
  title: `Ticket ${id}`,
  detail: "How.",
  phase: "debug",
  files: [
    { path: "src/a.ts", action: "modify" },
    { path: "src/b.ts", action: "create" },
  ],
  commands: ["bash(npm test *)", "bash(node x.js)"],
  acceptance: ["it works", "it stays"],
  verify: ["npm test", "npm run lint"],
  depends_on: id === "t3" ? ["t1", "t2"] : [],
  out_of_scope: ["the rest", "all else"],
});

function planOf(content: PlanContent): Plan {
  return {
    id: "p1",
    revision: 1,
    hash: planHash(content),
    content,
    state: "awaiting_approval",
    tickets: {},
    flags: [],
  };
}

function contentOf(input: object): PlanContent {
  const reading = validatePlan(input, "/w");
  if (!reading.ok) throw new Error(reading.problems.join("; "));
  return reading.content;
}

const full = contentOf({
  title: "T",
  summary: "S.",
  tickets: [ticket("t1"), ticket("t2"), ticket("t3")],
  network: false,
  open_questions: ["which?", "when?"],
  decisions: ["this", "that"],
});

/** Every value below: where it is, and how it can be replaced. */
function places(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (value === null || typeof value !== "object") return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, member]) =>
      places(member, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

function replaced(value: unknown, last: string | number | undefined): unknown[] {
  if (typeof value === "boolean") return [!value];
  if (last === "phase") return ["refactor", null];
  if (last === "action") return ["delete"];
  if (typeof value === "string") return [`${value} more`];
  if (Array.isArray(value)) return [value.slice(1), [...value].reverse(), [...value, value[0]], []];
  return [];
}

function withChange(path: readonly (string | number)[], to: unknown): PlanContent {
  const copy = structuredClone(full);
  let holder = copy as unknown as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) holder = holder[step] as typeof holder;
  holder[path.at(-1) ?? ""] = to;
  return copy;
}

const revisions = places(full).flatMap((path) => {
  const value = path.reduce<unknown>((holder, step) => (holder as Record<string | number, unknown>)[step], full);
  return path.length === 0
    ? []
    : replaced(value, path.at(-1)).map(
        (to) => [`${path.join(".")} = ${JSON.stringify(to)}`, withChange(path, to)] as const,
      );
});

describe("a revision with another hash", () => {
  test("the sample has every kind of change", () => {
    expect(revisions.length).toBeGreaterThan(100);
  });

  test.each(revisions.filter(([, content]) => planHash(content) !== planHash(full)))("shows %s", (_, content) => {
    expect(planChanges(full, content)).not.toEqual([]);
    expect(planMarkdown(planOf(content))).not.toBe(planMarkdown(planOf(full)));
  });

  test("says what it changes", () => {
    const phase = withChange(["tickets", 0, "phase"], null);
    const order = { ...full, tickets: [...full.tickets].reverse() };
    const verify = withChange(["tickets", 1, "verify"], ["npm run lint", "npm test"]);
    expect(planChanges(full, phase)).toEqual(["~ t1 phase: none"]);
    expect(planChanges(full, order)).toEqual(["~ tickets: in another order: t3, t2, t1"]);
    expect(planChanges(full, verify)).toEqual(["~ t2 verify: the same entries in another order or number"]);
    expect(planChanges(full, structuredClone(full))).toEqual([]);
  });
});
