// Splits a Markdown file into YAML front matter and body. Never evaluates anything; the YAML parser is loaded only when
// there is some.

import type { JsonObject } from "../types/json.ts";
import { isJsonObject } from "./jsonl.ts";

export interface Frontmatter {
  /** null = the file has none. */
  data: JsonObject | null;
  body: string;
  /** What is wrong with the front matter, in one sentence; `data` is then null. */
  problem: string | null;
}

/** Reads `---` lines at the very beginning; a byte-order mark and CRLF are accepted. */
export async function parseFrontmatter(text: string): Promise<Frontmatter> {
  const plain = text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
  if (!/^---[ \t]*\n/.test(plain)) return { data: null, body: plain, problem: null };
  const match = /^---[ \t]*\n([\s\S]*?)(?<=\n)---[ \t]*(?:\n|$)/.exec(plain);
  if (match === null) return { data: null, body: plain, problem: "the front matter is not closed by a line of ---" };
  const body = plain.slice(match[0].length);
  // The bundle offers the module only as its default export.
  const { parse } = (await import("yaml")).default;
  try {
    const value: unknown = parse(match[1] ?? "", { maxAliasCount: 20, prettyErrors: true, schema: "core" });
    if (value === null) return { data: {}, body, problem: null };
    if (!isJsonObject(value))
      return { data: null, body, problem: "the front matter is not a list of `key: value` lines" };
    return { data: value, body, problem: null };
  } catch (thrown) {
    const reason = thrown instanceof Error ? (thrown.message.split("\n")[0] ?? "") : String(thrown);
    return { data: null, body, problem: `the front matter is not valid YAML: ${reason.replace(/:$/, "")}` };
  }
}
