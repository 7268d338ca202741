// Rules that the user answered with "always for this project": one small file per workspace in the data directory,
// never in the repository. Reads and writes; decides nothing.

import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { parseRule } from "./rules.ts";

export interface ProjectRules {
  /** Absolute path of the file, whether or not it exists. */
  path: string;
  /** @throws BmoError configuration when the file is damaged. */
  list(): string[];
  /** False when the rule was there already. @throws BmoError usage for what is no rule. */
  add(rule: string): boolean;
  /** False when there is no such rule. */
  remove(rule: string): boolean;
}

export function createProjectRules(path: string): ProjectRules {
  const damaged = (cause: unknown): BmoError =>
    new BmoError(
      "configuration",
      `${path} is damaged: it holds the permission rules that were allowed for this project, as a JSON list of texts`,
      "Mend it, or remove it: bmo then asks again.",
      { cause },
    );
  const list = (): string[] => {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (thrown) {
      const code = systemErrorCode(thrown);
      // A data directory that cannot be one is named by what writes there first.
      if (code === "ENOENT" || code === "ENOTDIR") return [];
      if (code === undefined) throw thrown;
      throw new BmoError(
        "configuration",
        `${path} cannot be read (${code}): it holds the permission rules that were allowed for this project`,
        "Correct its permissions, or remove it: bmo then asks again.",
        { cause: thrown },
      );
    }
    try {
      const value: unknown = JSON.parse(text);
      if (!Array.isArray(value)) throw damaged(null);
      return value.map((rule) => {
        if (typeof rule !== "string") throw damaged(null);
        return parseRule(rule).text;
      });
    } catch (thrown) {
      throw thrown instanceof BmoError && thrown.code === "configuration" ? thrown : damaged(thrown);
    }
  };
  const write = (rules: readonly string[]): void => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const temporary = `${path}.${randomBytes(6).toString("hex")}`;
    writeFileSync(temporary, `${JSON.stringify(rules, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(temporary, path);
  };
  return {
    path,
    list,
    add(rule) {
      const { text } = parseRule(rule);
      const rules = list();
      if (rules.includes(text)) return false;
      write([...rules, text]);
      return true;
    },
    remove(rule) {
      const rules = list();
      const kept = rules.filter((one) => one !== rule.trim());
      if (kept.length === rules.length) return false;
      write(kept);
      return true;
    },
  };
}
