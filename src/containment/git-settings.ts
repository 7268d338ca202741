// The user's own git settings as a command that must only read may see them: what starts nothing, in a file apart. A
// repository's .gitattributes chooses among the filters and diff programs that a user has configured, so those are left
// out.

import { randomBytes } from "node:crypto";
import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { readRegularNow } from "../util/regular-file.ts";
import { isHarmlessGitKey, parseGitConfig } from "./git-config.ts";

const MAX_BYTES = 1 << 20;
/** Of the user's own files alone: which repositories of others are trusted, and what is ignored everywhere. */
const OWN_KEYS = new Set(["safe.directory", "core.excludesfile"]);

function readText(path: string): string {
  try {
    return readRegularNow(realpathSync(path), MAX_BYTES)?.bytes.toString("utf8") ?? "";
  } catch (thrown) {
    if (thrown instanceof BmoError || systemErrorCode(thrown) !== undefined) return "";
    throw thrown;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b" };

/** A value without its quotes, escapes and comment. */
export function gitConfigValue(raw: string): string {
  let value = "";
  let kept = 0;
  let quoted = false;
  for (let index = 0; index < raw.length; index++) {
    const letter = raw[index] ?? "";
    if (letter === '"') quoted = !quoted;
    else if (letter === "\\") {
      index++;
      value += ESCAPES[raw[index] ?? ""] ?? raw[index] ?? "";
    } else if (!quoted && (letter === "#" || letter === ";")) break;
    else value += letter;
    // Blanks at the end count only inside quotes.
    if (quoted || !/\s/.test(letter)) kept = value.length;
  }
  return value.slice(0, kept);
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("\t", "\\t").replaceAll("\b", "\\b")}"`;
}

/**
 * Settings of the machine and the user that start nothing, as text of a configuration file. Files that they include are
 * not read.
 */
export function harmlessGitSettings(home: string | null, configHome: string | undefined): string {
  const own = home === null ? [] : [join(configHome ?? join(home, ".config"), "git/config"), join(home, ".gitconfig")];
  const entries = ["/etc/gitconfig", ...own].flatMap((path) => parseGitConfig(readText(path)));
  const lines = entries
    .filter(({ key }) => OWN_KEYS.has(key) || isHarmlessGitKey(key))
    .map(({ key, value }) => {
      const [section = "", ...rest] = key.split(".");
      const name = rest.pop() ?? "";
      return `[${section}${rest.length === 0 ? "" : ` ${quoted(rest.join("."))}`}]\n\t${name} = ${quoted(gitConfigValue(value))}\n`;
    });
  return lines.join("");
}

/**
 * Variables under which git reads nothing of the user's but harmless settings, written to a new file in `folder`; null:
 * none at all.
 */
export function readingGitEnvironment(
  folder: string | null,
  home: string | null,
  configHome: string | undefined,
): Record<string, string> {
  const file = folder === null ? "/dev/null" : join(folder, `git-${randomBytes(8).toString("hex")}`);
  if (folder !== null) writeFileSync(file, harmlessGitSettings(home, configHome), { mode: 0o600, flag: "wx" });
  return { GIT_CONFIG_GLOBAL: file, GIT_CONFIG_NOSYSTEM: "1", GIT_ATTR_NOSYSTEM: "1" };
}
