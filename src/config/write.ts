// Changes one key of the user's file and leaves every other byte as it stands. The result is parsed again and compared;
// what does not come out as meant is not written.

import { mkdir, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { canonicalJson } from "../util/canonical-json.ts";
import { writeFileAtomic } from "../util/atomic-write.ts";
import { BmoError, systemErrorCode } from "../util/errors.ts";
import { readRegular, type FileIdentity } from "../util/regular-file.ts";
import { formatKey, parseKey } from "./keys.ts";
import { CONFIG_SIZE_LIMIT, isTable, parseConfigText, type RawTable } from "./read-text.ts";
import { readStatements, type Statement } from "./toml-lines.ts";

export type SettingValue = string | number | boolean | string[] | null;

function tomlText(text: string): string {
  if (/[\uD800-\uDFFF]/u.test(text)) throw new BmoError("usage", "the text holds half a character", null);
  return JSON.stringify(text).replaceAll("\u007f", "\\u007F");
}

function tomlValue(value: unknown): string {
  if (typeof value === "string") return tomlText(value);
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  if (isTable(value))
    return `{ ${Object.entries(value)
      .map(([key, member]) => `${tomlKey([key])} = ${tomlValue(member)}`)
      .join(", ")} }`;
  if (typeof value === "number" && !Number.isFinite(value))
    throw new BmoError("usage", `${String(value)} cannot be kept as a number`, null);
  return String(value);
}

function tomlKey(path: readonly string[]): string {
  return path.map((segment) => (/^[A-Za-z0-9_-]+$/.test(segment) ? segment : tomlText(segment))).join(".");
}

function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.length <= path.length && prefix.every((segment, index) => path[index] === segment);
}

function same(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && startsWith(left, right);
}

/** A copy of the tree with the value set, or taken away; tables that were there stay. */
function withValue(tree: RawTable, path: readonly string[], value: SettingValue): RawTable {
  const [first, ...rest] = path;
  const copy = Object.assign(Object.create(null) as RawTable, tree);
  if (first === undefined) return copy;
  const child = copy[first];
  if (rest.length > 0) {
    if (value === null && !isTable(child)) return copy;
    copy[first] = withValue(isTable(child) ? child : (Object.create(null) as RawTable), rest, value);
  } else if (value === null) delete copy[first];
  else copy[first] = value;
  return copy;
}

function insertLine(text: string, at: number, line: string, lineFeed: string): string {
  const before = text.slice(0, at);
  return `${before}${before === "" || before.endsWith("\n") || before === "\uFEFF" ? "" : lineFeed}${line}${lineFeed}${text.slice(at)}`;
}

/** Before the first table, but not between that table and the comment that stands right above it. */
function topLevelEnd(text: string, statements: readonly Statement[]): number {
  const firstTable = statements.findIndex(({ kind }) => kind !== "value");
  const last = statements.slice(0, firstTable === -1 ? undefined : firstTable).at(-1);
  if (last !== undefined) return last.end;
  const table = statements[firstTable];
  if (table === undefined) return text.length;
  let at = table.start;
  while (at > 0) {
    const previous = text.lastIndexOf("\n", at - 2) + 1;
    if (!text.slice(previous, at).trimStart().startsWith("#")) return at;
    at = previous;
  }
  // A comment that opens the file belongs to the file when a blank line follows it; here it belongs to the table.
  return 0;
}

/** Where a key that is not there yet goes. */
function insert(
  text: string,
  statements: readonly Statement[],
  path: readonly string[],
  value: string,
  lineFeed: string,
): string {
  const parent = path.slice(0, -1);
  const key = path.slice(-1);
  const own = statements.filter((one) => !one.inArray);
  if (parent.length === 0)
    return insertLine(text, topLevelEnd(text, statements), `${tomlKey(key)} = ${value}`, lineFeed);
  const headerIndex = statements.findIndex((one) => one.kind === "table" && !one.inArray && same(one.path, parent));
  const header = statements[headerIndex];
  if (header !== undefined) {
    const next = statements.findIndex((one, index) => index > headerIndex && one.kind !== "value");
    const last = statements.slice(headerIndex, next === -1 ? undefined : next).at(-1) ?? header;
    return insertLine(text, last.end, `${tomlKey(key)} = ${value}`, lineFeed);
  }
  // A table that came to be by dotted keys cannot be opened again: the new key goes beside them, written as they are.
  const sibling = own.filter((one) => one.kind === "value" && startsWith(one.path, parent)).at(-1);
  if (sibling !== undefined) {
    const table = statements.filter((one) => one.kind !== "value" && one.start < sibling.start).at(-1)?.path ?? [];
    if (table.length < parent.length)
      return insertLine(text, sibling.end, `${tomlKey(path.slice(table.length))} = ${value}`, lineFeed);
  }
  const gap = text.trim() === "" || text.endsWith(`${lineFeed}${lineFeed}`) ? "" : lineFeed;
  return insertLine(text, text.length, `${gap}[${tomlKey(parent)}]${lineFeed}${tomlKey(key)} = ${value}`, lineFeed);
}

function edit(text: string, tree: RawTable, expected: RawTable, path: readonly string[], value: SettingValue): string {
  const statements = readStatements(text);
  const lineFeed = text.includes("\r\n") ? "\r\n" : "\n";
  const direct = statements.find((one) => one.kind === "value" && !one.inArray && same(one.path, path));
  if (direct !== undefined) {
    if (value === null) return text.slice(0, direct.start) + text.slice(direct.end);
    return text.slice(0, direct.valueStart) + tomlValue(value) + text.slice(direct.valueEnd);
  }
  const inline = statements.find((one) => one.kind === "value" && !one.inArray && startsWith(path, one.path));
  if (inline !== undefined) {
    const content = inline.path.reduce<unknown>((at, segment) => (isTable(at) ? at[segment] : undefined), expected);
    return text.slice(0, inline.valueStart) + tomlValue(content) + text.slice(inline.valueEnd);
  }
  return value === null || canonicalJson(tree) === canonicalJson(expected)
    ? text
    : insert(text, statements, path, tomlValue(value), lineFeed);
}

/**
 * The document with one key set, or removed (null). Comments, order and blank lines stay.
 * @throws BmoError configuration when the text is broken TOML, or when the key stands where it cannot be edited safely.
 */
export async function editToml(
  text: string,
  path: readonly string[],
  value: SettingValue,
  file: string,
): Promise<string> {
  const tree = await parseConfigText(text, file);
  const expected = withValue(tree, path, value);
  const unsafe = (cause?: unknown): BmoError =>
    new BmoError(
      "configuration",
      `${file}: ${formatKey(path)} cannot be changed safely here`,
      "Edit the file by hand.",
      { cause },
    );
  const edited = edit(text, tree, expected, path, value);
  let result: RawTable;
  try {
    result = await parseConfigText(edited, file);
  } catch (thrown) {
    throw unsafe(thrown);
  }
  if (canonicalJson(result) !== canonicalJson(expected)) throw unsafe();
  return edited;
}

interface Current {
  /** Real path: a linked file (dotfiles kept elsewhere) stays a link. */
  path: string;
  text: string;
  identity: FileIdentity | null;
}

async function readCurrent(path: string): Promise<Current> {
  try {
    const real = await realpath(path);
    const content = await readRegular(real, CONFIG_SIZE_LIMIT);
    if (content === null) throw new BmoError("configuration", `${path}: larger than a configuration file may be`, null);
    return { path: real, text: content.bytes.toString("utf8"), identity: content.identity };
  } catch (thrown) {
    if (systemErrorCode(thrown) !== "ENOENT") throw thrown;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return { path: `${await realpath(dirname(path))}${path.slice(dirname(path).length)}`, text: "", identity: null };
  }
}

/**
 * Sets one key of the user's file; null removes it. A new file is readable by its owner alone.
 * @throws BmoError configuration naming the file: broken, not writable, or changed meanwhile; nothing is written then.
 */
export async function setUserSetting(path: string, dottedKey: string, value: SettingValue): Promise<void> {
  const key = parseKey(dottedKey);
  try {
    const current = await readCurrent(path);
    const edited = await editToml(current.text, key, value, path);
    if (edited === current.text) return;
    await writeFileAtomic({
      path: current.path,
      bytes: Buffer.from(edited, "utf8"),
      expected: current.identity,
      mode: 0o600,
    });
  } catch (thrown) {
    if (thrown instanceof BmoError)
      throw thrown.code === "failed"
        ? new BmoError("configuration", `${path}: ${thrown.message}`, thrown.hint, { cause: thrown })
        : thrown;
    const code = systemErrorCode(thrown);
    if (code === undefined) throw thrown;
    throw new BmoError(
      "configuration",
      `${path}: cannot be written (${code})`,
      "Check the file's and its folder's permissions.",
      { cause: thrown },
    );
  }
}
