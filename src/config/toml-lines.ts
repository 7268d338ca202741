// Where the statements of a TOML document stand: tables, keys and the spans of their values. Knows just enough of the
// grammar to step over strings, lists and comments; the caller parses the document properly before and after.

export interface Statement {
  kind: "table" | "array" | "value";
  /** Full path: for values, that of the table they stand in plus their own dotted key. */
  path: string[];
  /** Whether it stands in, or opens, a list of tables. */
  inArray: boolean;
  /** Offset of the line's start, and of the end of its last line (after the line feed). */
  start: number;
  end: number;
  /** Span of the value's text; empty for tables. */
  valueStart: number;
  valueEnd: number;
}

/** Offset after the string that begins at `at`. */
function skipString(text: string, at: number): number {
  const quote = text[at] ?? "";
  const long = text.startsWith(quote.repeat(3), at);
  let index = at + (long ? 3 : 1);
  while (index < text.length) {
    if (quote === '"' && text[index] === "\\") index += 2;
    else if (long && text.startsWith(quote.repeat(3), index)) {
      index += 3;
      // Up to two quotes may stand right before the closing three.
      while (text[index] === quote) index += 1;
      return index;
    } else if (!long && text[index] === quote) return index + 1;
    else index += 1;
  }
  return index;
}

function lineEnd(text: string, at: number): number {
  const feed = text.indexOf("\n", at);
  return feed === -1 ? text.length : feed + 1;
}

/** Offset after the value that begins at `at`, without what follows it on the line. */
function skipValue(text: string, at: number): number {
  let depth = 0;
  let index = at;
  let last = at;
  while (index < text.length) {
    const character = text[index] ?? "";
    if (character === '"' || character === "'") index = last = skipString(text, index);
    else if (character === "#") {
      if (depth === 0) return last;
      index = lineEnd(text, index);
    } else if (character === "\n" && depth === 0) return last;
    else {
      if (character === "[" || character === "{") depth += 1;
      if (character === "]" || character === "}") depth -= 1;
      index += 1;
      if (!/\s/.test(character)) last = index;
    }
  }
  return last;
}

/** Reads a dotted key that begins at `at`; `end` is the offset of what follows it. */
function readKey(text: string, at: number): { path: string[]; end: number } {
  const path: string[] = [];
  let index = at;
  for (;;) {
    while (text[index] === " " || text[index] === "\t") index += 1;
    const quote = text[index];
    if (quote === '"' || quote === "'") {
      const end = skipString(text, index);
      const inner = text.slice(index + 1, end - 1);
      path.push(quote === '"' ? unescapeKey(inner) : inner);
      index = end;
    } else {
      const bare = /^[A-Za-z0-9_-]+/.exec(text.slice(index, index + 500))?.[0] ?? "";
      path.push(bare);
      index += bare.length;
    }
    while (text[index] === " " || text[index] === "\t") index += 1;
    if (text[index] !== ".") return { path, end: index };
    index += 1;
  }
}

const ESCAPES: Record<string, string> = {
  b: "\b",
  t: "\t",
  n: "\n",
  f: "\f",
  r: "\r",
  e: "\u001b",
  '"': '"',
  "\\": "\\",
};

function unescapeKey(text: string): string {
  return text.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))/g,
    (_whole, short?: string, long?: string, byte?: string, plain?: string) => {
      const hex = short ?? long ?? byte;
      return hex === undefined ? (ESCAPES[plain ?? ""] ?? plain ?? "") : String.fromCodePoint(parseInt(hex, 16));
    },
  );
}

/** The statements of a document that is known to parse, in their order. */
export function readStatements(text: string): Statement[] {
  const statements: Statement[] = [];
  const arrays: string[][] = [];
  const startsWith = (path: readonly string[], prefix: readonly string[]): boolean =>
    prefix.every((segment, index) => path[index] === segment);
  let table: { path: string[]; inArray: boolean } = { path: [], inArray: false };
  let index = text.startsWith("\uFEFF") ? 1 : 0;
  while (index < text.length) {
    const start = index;
    while (text[index] === " " || text[index] === "\t") index += 1;
    const character = text[index] ?? "\n";
    if (character === "[") {
      const isArray = text[index + 1] === "[";
      const { path } = readKey(text, index + (isArray ? 2 : 1));
      if (isArray) arrays.push(path);
      table = { path, inArray: arrays.some((array) => startsWith(path, array)) };
      index = lineEnd(text, skipValue(text, index));
      statements.push({
        kind: isArray ? "array" : "table",
        ...table,
        start,
        end: index,
        valueStart: index,
        valueEnd: index,
      });
    } else if (character === "#" || character === "\n" || character === "\r") {
      index = lineEnd(text, index);
    } else {
      const key = readKey(text, index);
      let valueStart = key.end + 1;
      while (text[valueStart] === " " || text[valueStart] === "\t") valueStart += 1;
      const valueEnd = skipValue(text, valueStart);
      index = lineEnd(text, valueEnd);
      statements.push({
        kind: "value",
        path: [...table.path, ...key.path],
        inArray: table.inArray,
        start,
        end: index,
        valueStart,
        valueEnd,
      });
    }
  }
  return statements;
}
