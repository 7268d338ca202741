// Takes the values of keys in use out of text before it is shown, stored or sent. Knows exact values only; guesses
// nothing.

const SHORTEST = 6;

/** A text in which a value turns up, and what may stand between its pieces. */
interface Spelling {
  /** Characters, or pairs of them for bytes in hex. */
  pieces: string[];
  between: keyof typeof BETWEEN;
}

/**
 * What wraps and dumps put between the pieces: line ends as they are or as JSON writes them, and what
 * `od -c` puts there; between bytes also blanks,
 * colons, `\\x`, and the end of a line of a dump with its column of characters and the next address.
 */
const BETWEEN = {
  characters: String.raw`(?:(?:\r?\n|(?:\\r)?\\n)(?:[0-7]{7}[ ]{3})?|[ ]{3})?`,
  base64: String.raw`(?:(?:\r?\n|(?:\\r)?\\n)[ \t]{0,16})?`,
  bytes: String.raw`(?:[ \t:,_-]{1,3}|[, ]{0,2}0x|\\x|[^\r\n]{0,24}(?:\r?\n|(?:\\r)?\\n)(?:[\da-fA-F]{6,16}:?)?[ \t]{0,8})?`,
} as const;

/**
 * The spellings in which a value turns up: as is, JSON-escaped, URL-encoded, base64 and base64url at each of the three
 * alignments, hex.
 */
function spellings(value: string): Spelling[] {
  const bytes = Buffer.from(value, "utf8");
  const base64 = [0, 1, 2].flatMap((shift) => {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    // The first and last characters of an alignment also carry bits of the neighbours.
    const inner = padded.slice(Math.ceil((shift * 8) / 6), (shift + bytes.length) % 3 === 0 ? undefined : -1);
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
  const json = JSON.stringify(value).slice(1, -1);
  const hex = bytes.toString("hex");
  const bytewise = hex.replace(/../g, "%$&");
  const unitwise = Array.from(
    { length: value.length },
    (_, at) => `\\u${value.charCodeAt(at).toString(16).padStart(4, "0")}`,
  ).join("");
  const encoded = [encodeURIComponent(value), encodeURI(value)].flatMap((text) => [
    text,
    text.replace(/%../g, (code) => code.toLowerCase()),
    // Some encoders know no character that is left as it is but letters and digits.
    text.replace(/[-_.!~*'()]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`),
    text.replace(/[-_.!~*'()]/g, (one) => `%${one.charCodeAt(0).toString(16)}`),
  ]);
  const characters = [
    value,
    json,
    json.replaceAll("/", "\\/"),
    ...encoded,
    bytewise,
    bytewise.toUpperCase(),
    unitwise,
    unitwise.toUpperCase().replaceAll("U", "u"),
  ];
  return [
    ...[...new Set(characters)].map((text): Spelling => ({ pieces: [...text], between: "characters" })),
    ...[...new Set(base64)].map((text): Spelling => ({ pieces: [...text], between: "base64" })),
    ...[...new Set([hex, hex.toUpperCase()])].map((text): Spelling => ({
      pieces: text.match(/../g) ?? [],
      between: "bytes",
    })),
  ].filter(({ pieces }) => pieces.join("").length >= SHORTEST);
}

/**
 * Redacts text that arrives in pieces: what might be the beginning of a secret is held back until the next piece or the
 * end. A secret that is wrapped or dumped is found where a piece holds it whole.
 */
export interface StreamRedactor {
  push(text: string): string;
  /** The rest that was held back. */
  end(): string;
}

export interface Redactor {
  /** Values shorter than six characters are ignored: replacing them would garble ordinary text. */
  add(value: string): void;
  redact(text: string): string;
  stream(): StreamRedactor;
}

export const REDACTED = "[redacted]";

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function patternOf({ pieces, between }: Spelling): string {
  return pieces.map(literally).join(BETWEEN[between]);
}

/** A text without what may stand between the pieces of a secret. */
function joined(text: string): string {
  return text.replace(/\\[nrx]|0x|[\s:,_-]+/g, "");
}

/** What a text holds, once joined, that holds the spelling; a dump has other things between its lines. */
function tracesOf({ pieces, between }: Spelling): string[] {
  if (between !== "bytes") return [joined(pieces.join("")).slice(-8)];
  return pieces.slice(0, -3).map((_piece, at) => pieces.slice(at, at + 4).join(""));
}

export function createRedactor(): Redactor {
  const known = new Map<string, Spelling>();
  let pattern: RegExp | null = null;
  let longest = 0;
  let beginnings = new Set<string>();

  /** Ends of the spellings without what may stand between pieces, and any four bytes in hex. */
  let traces: RegExp | null = null;
  /** Large, so only made for a text that holds a trace. */
  let apart: RegExp | null = null;

  const compile = (): void => {
    const sorted = [...known].sort(([left], [right]) => right.length - left.length);
    longest = sorted[0]?.[0].length ?? 0;
    beginnings = new Set(sorted.map(([text]) => text.charAt(0)));
    pattern = sorted.length === 0 ? null : new RegExp(sorted.map(([text]) => literally(text)).join("|"), "g");
    const ends = sorted.flatMap(([, spelling]) => tracesOf(spelling)).filter((trace) => trace !== "");
    traces = ends.length === 0 ? null : new RegExp([...new Set(ends)].map(literally).join("|"), "i");
    apart = null;
  };
  const redact = (text: string): string => {
    if (pattern === null || traces === null) return text;
    const whole = text.replace(pattern, REDACTED);
    if (!traces.test(joined(whole))) return whole;
    apart ??= new RegExp([...known.values()].map(patternOf).join("|"), "g");
    return whole.replace(apart, REDACTED);
  };

  /** Where the longest tail begins that is a proper beginning of some secret in one piece. */
  const heldFrom = (text: string): number => {
    for (let start = Math.max(0, text.length - longest + 1); start < text.length; start++) {
      if (!beginnings.has(text.charAt(start))) continue;
      const tail = text.slice(start);
      for (const secret of known.keys()) if (secret.length > tail.length && secret.startsWith(tail)) return start;
    }
    return text.length;
  };

  return {
    add(value) {
      const trimmed = value.trim();
      if (trimmed.length < SHORTEST) return;
      for (const spelling of spellings(trimmed)) known.set(spelling.pieces.join(""), spelling);
      compile();
    },
    redact,
    stream() {
      let held = "";
      return {
        push(text) {
          const whole = redact(held + text);
          const cut = heldFrom(whole);
          held = whole.slice(cut);
          return whole.slice(0, cut);
        },
        end() {
          const rest = redact(held);
          held = "";
          return rest;
        },
      };
    },
  };
}
