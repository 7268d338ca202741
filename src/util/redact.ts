// Takes the values of keys in use out of text before it is shown, stored or sent. Knows exact values only; guesses
// nothing.

const SHORTEST = 6;

/**
 * The spellings in which a value turns up: as is, JSON-escaped, URL-encoded, base64 and base64url at each of the three
 * alignments, hex.
 */
function spellings(value: string): string[] {
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
  ]);
  const all = [
    value,
    json,
    json.replaceAll("/", "\\/"),
    ...encoded,
    bytewise,
    bytewise.toUpperCase(),
    unitwise,
    unitwise.toUpperCase().replaceAll("U", "u"),
    ...base64,
    hex,
    hex.toUpperCase(),
  ];
  return [...new Set(all)].filter((spelling) => spelling.length >= SHORTEST);
}

/**
 * Redacts text that arrives in pieces: what might be the beginning of a secret is held back until the next piece or the
 * end.
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

export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  let pattern: RegExp | null = null;
  let longest = 0;
  let beginnings = new Set<string>();

  const compile = (): void => {
    const sorted = [...secrets].sort((left, right) => right.length - left.length);
    longest = sorted[0]?.length ?? 0;
    beginnings = new Set(sorted.map((secret) => secret.charAt(0)));
    pattern =
      sorted.length === 0
        ? null
        : new RegExp(sorted.map((secret) => secret.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
  };
  const redact = (text: string): string => (pattern === null ? text : text.replace(pattern, REDACTED));

  /** Where the longest tail begins that is a proper beginning of some secret. */
  const heldFrom = (text: string): number => {
    for (let start = Math.max(0, text.length - longest + 1); start < text.length; start++) {
      if (!beginnings.has(text.charAt(start))) continue;
      const tail = text.slice(start);
      for (const secret of secrets) if (secret.length > tail.length && secret.startsWith(tail)) return start;
    }
    return text.length;
  };

  return {
    add(value) {
      const trimmed = value.trim();
      if (trimmed.length < SHORTEST) return;
      for (const spelling of spellings(trimmed)) secrets.add(spelling);
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
