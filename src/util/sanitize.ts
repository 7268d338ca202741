// Makes text from tools, models and files harmless for terminals, logs and prompts. Pure; knows nothing of where the
// text goes.

/**
 * Anything beyond plain characters, tab and newline: controls, escapes, bidi and zero-width marks, tags, lone
 * surrogates.
 */
const SUSPICIOUS =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e01ef}]|\p{Surrogate}/u;

/** Characters that show nothing or reorder what is shown; they are written out as `<U+202E>`. */
const INVISIBLE =
  /[\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e01ef}]/gu;

/** A joiner inside an emoji sequence is no trick: it stays. */
const EMOJI_JOINER = /(?<=[\p{Extended_Pictographic}\u{1f3fb}-\u{1f3ff}\ufe0f])\u200d(?=\p{Extended_Pictographic})/gu;
const KEPT_JOINER = "\ue000";

/**
 * Terminal control sequences, 7-bit and 8-bit forms. None reaches over a line end, so that an unfinished one can hide
 * no more than the rest of its line.
 */
const SEQUENCES =
  /(?:\x1b\[|\x9b)[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]?|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[\x20-\x2f]*[\x30-\x7e]?/g;
const ERASE_LINE = /(?:\x1b\[|\x9b)[012]?K/g;

function mark(character: string): string {
  return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
}

/** What a terminal would show of one line after carriage returns and backspaces. */
function foldOverwrites(line: string): string {
  const shown: string[] = [];
  let column = 0;
  for (const character of line) {
    if (character === "\r") {
      column = 0;
    } else if (character === "\b") {
      column = Math.max(0, column - 1);
    } else if (character === "\x1a") {
      if (shown.length > column) shown.length = column;
    } else {
      shown[column] = character;
      column += 1;
    }
  }
  return shown.join("");
}

/** The returns before a line end belong to it. Counted by hand: a pattern would try each of a million returns again. */
function dropReturns(line: string): string {
  let end = line.length;
  while (end > 0 && line.charCodeAt(end - 1) === 0x0d) end -= 1;
  return line.slice(0, end);
}

function showInvisible(text: string): string {
  return text
    .replaceAll(KEPT_JOINER, mark(KEPT_JOINER))
    .replace(EMOJI_JOINER, KEPT_JOINER)
    .replace(INVISIBLE, mark)
    .replaceAll(KEPT_JOINER, "\u200d");
}

/**
 * For output of commands and prose of models: control sequences and control characters go (tab and newline stay), lines
 * overwritten by carriage returns keep their last state, bidi and zero-width characters become visible. Idempotent.
 */
export function sanitizeText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  const cleaned = text
    .split("\n")
    .map((line, index, lines) => (index + 1 < lines.length ? dropReturns(line) : line))
    .join("\n")
    .replaceAll("\x1a", "")
    .replace(ERASE_LINE, (sequence) => (sequence.endsWith("2K") ? "\r\x1a" : "\x1a"))
    .replace(SEQUENCES, "")
    .split("\n")
    .map((line) => (/[\r\b\x1a]/.test(line) ? foldOverwrites(line) : line))
    .join("\n")
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "")
    .replace(/\p{Surrogate}/gu, "\ufffd");
  return showInvisible(cleaned);
}

/** `sanitizeText` for what must stay on one line: paths, titles, summaries. Newlines show as `\n`, tabs as a blank. */
export function sanitizeLine(text: string): string {
  return sanitizeText(text).replaceAll("\n", "\\n").replaceAll("\t", " ");
}

/**
 * For file contents: nothing is dropped. Controls, bidi and zero-width characters are written out as `<U+001B>`, so
 * that `readMarks` gives the very characters back. The caller splits lines first: `\r` is shown like any control.
 */
export function visibleText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  return showInvisible(text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, mark).replace(/\p{Surrogate}/gu, "\ufffd"));
}

/** Turns the marks of `visibleText` back into the characters they stand for. */
export function readMarks(text: string): string {
  return text.replace(/<U\+([0-9A-F]{4,6})>/g, (whole: string, digits: string) => {
    const character = String.fromCodePoint(Math.min(Number.parseInt(digits, 16), 0x10ffff));
    return SUSPICIOUS.test(character) ? character : whole;
  });
}

/**
 * JSON whose text moves no cursor and hides nothing on a terminal: such characters are escaped, so that every value
 * stays as it is.
 */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent)
    .replace(/[\x7f-\x9f]/g, escapeUnits)
    .replace(INVISIBLE, escapeUnits);
}

function escapeUnits(text: string): string {
  return Array.from(
    { length: text.length },
    (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`,
  ).join("");
}
