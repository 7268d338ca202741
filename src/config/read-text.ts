// Turns the text of a configuration file into plain tables: TOML, JSON or YAML, never code. Errors name file, line and
// column.

import { extname } from "node:path";
import { BmoError } from "../util/errors.ts";

/** A table as it was read, before validation. Own keys only; made without a prototype, so that no key can reach one. */
export interface RawTable {
  [key: string]: unknown;
}

/** Bytes; a larger file is refused unread. */
export const CONFIG_SIZE_LIMIT = 1_048_576;

export function isTable(value: unknown): value is RawTable {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function broken(
  file: string,
  format: string,
  message: string,
  line: number | null,
  column: number | null,
  cause: unknown,
): BmoError {
  const where = line === null ? file : `${file}:${line}:${column ?? 1}`;
  return new BmoError(
    "configuration",
    `${where}: broken ${format}: ${message}`,
    "Mend the file; `bmo config validate` checks it.",
    { cause },
  );
}

/** First sentence of a parser's message, without an excerpt: the excerpt could hold a key. */
function firstLine(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/\s+/g, " ").trim();
}

async function parseToml(text: string, file: string): Promise<unknown> {
  const { parse, TomlError } = await import("smol-toml");
  try {
    return parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    throw broken(
      file,
      "TOML",
      firstLine(thrown.message).replace(/^Invalid TOML document: /, ""),
      thrown.line,
      thrown.column,
      thrown,
    );
  }
}

/** Whether parsing stops inside the text; false where more text could still make it whole. */
function isBrokenInside(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    const position = /at position (\d+)/.exec(thrown.message)?.[1];
    return position === undefined ? !thrown.message.includes("end of JSON input") : Number(position) < text.length;
  }
}

/**
 * The first character that cannot stand where it does, or the length. Not every message of the engine names its place.
 */
function jsonErrorPosition(text: string): number {
  let [whole, broken] = [0, text.length + 1];
  while (broken - whole > 1) {
    const middle = Math.floor((whole + broken) / 2);
    if (isBrokenInside(text.slice(0, middle))) broken = middle;
    else whole = middle;
  }
  return whole;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    const position = jsonErrorPosition(text);
    const before = text.slice(0, position).split("\n");
    // The engine's own message quotes the text around the place, which may be a key.
    throw broken(
      file,
      "JSON",
      position >= text.length ? "it ends too early" : "something else was expected here",
      before.length,
      (before.at(-1)?.length ?? 0) + 1,
      thrown,
    );
  }
}

async function parseYaml(text: string, file: string): Promise<unknown> {
  // The package is no ES module: in a bundle only its default is there.
  const { parse, YAMLParseError } = (await import("yaml")).default;
  try {
    return parse(text, { maxAliasCount: 100, prettyErrors: true });
  } catch (thrown) {
    if (!(thrown instanceof YAMLParseError) && !(thrown instanceof ReferenceError)) throw thrown;
    const place = thrown instanceof YAMLParseError ? thrown.linePos?.[0] : undefined;
    throw broken(
      file,
      "YAML",
      firstLine(thrown.message).replace(/ at line .*$/, ""),
      place?.line ?? null,
      place?.col ?? null,
      thrown,
    );
  }
}

/** Copies tables without prototypes; special objects (dates) stay as they are, for validation to refuse. */
function copyTables(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyTables);
  if (!isTable(value)) return value;
  const copy: RawTable = Object.create(null) as RawTable;
  for (const [key, member] of Object.entries(value)) copy[key] = copyTables(member);
  return copy;
}

/** Parses by the file's extension; without one, `{` first means JSON, else TOML. @throws BmoError configuration. */
export async function parseConfigText(text: string, file: string): Promise<RawTable> {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const bad = body.search(/[\uFFFD\0]/);
  if (bad >= 0) {
    const before = body.slice(0, bad).split("\n");
    const where = `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
    if (body.charAt(bad) === "\0")
      throw new BmoError(
        "configuration",
        `${where}: holds a NUL byte`,
        "Take it out, or save the file as UTF-8 if it is UTF-16.",
      );
    throw new BmoError("configuration", `${where}: not UTF-8 text`, "Save the file as UTF-8.");
  }
  if (body.trim() === "") return Object.create(null) as RawTable;
  const extension = extname(file) === "" ? (body.trimStart().startsWith("{") ? ".json" : ".toml") : extname(file);
  let copy: unknown;
  try {
    const value =
      extension === ".json"
        ? parseJson(body, file)
        : extension === ".yaml" || extension === ".yml"
          ? await parseYaml(body, file)
          : await parseToml(body, file);
    if (value === null || value === undefined) return Object.create(null) as RawTable;
    copy = copyTables(value);
  } catch (thrown) {
    // The stack is exhausted: by a parser, or by the walk over what it gave.
    if (!(thrown instanceof RangeError)) throw thrown;
    throw new BmoError("configuration", `${file}: nested too deeply`, "No key of bmo is nested more than six levels.", {
      cause: thrown,
    });
  }
  if (!isTable(copy))
    throw new BmoError(
      "configuration",
      `${file}: holds ${Array.isArray(copy) ? "a list" : `a ${typeof copy}`}, not a table of keys`,
      "See `bmo config show` for the keys.",
    );
  return copy;
}
