// A plan as TOML for the editor, and back. What comes back is checked like a plan from a model.

import { parse, stringify, TomlError } from "smol-toml";
import { BmoError } from "../util/errors.ts";
import type { PlanContent } from "../types/plan.ts";

const HEAD = [
  "# Change what you like, save and leave. The result is a new revision that needs its own approval.",
  "# action = create | modify | delete; verify commands must exit 0; delete open_questions once they are settled.",
  "",
].join("\n");

export function planToToml(content: PlanContent): string {
  const { tickets, ...rest } = content;
  const plain = {
    ...rest,
    tickets: tickets.map(({ phase, ...ticket }) => (phase === null ? ticket : { ...ticket, phase })),
  };
  return `${HEAD}${stringify(plain)}\n`;
}

/** @throws BmoError usage with line and column when it is no TOML. */
export function planFromToml(text: string): unknown {
  try {
    // Null-prototype objects and dates of the parser become plain JSON values.
    return JSON.parse(JSON.stringify(parse(text))) as unknown;
  } catch (thrown) {
    if (thrown instanceof TomlError)
      throw new BmoError(
        "usage",
        `the edited plan is not valid TOML: line ${thrown.line}, column ${thrown.column}: ${thrown.message.split("\n")[0] ?? ""}`,
        "Nothing was changed; /plan edit opens it again.",
      );
    throw thrown;
  }
}
