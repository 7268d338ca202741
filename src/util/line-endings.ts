// Text of files whose line ends differ: lines are compared with plain newlines and written back with their own ends.
// Pure.

export type LineEnding = "\n" | "\r\n" | "\r";

/** `text` has newlines only; `endings[i]` is what the i-th newline was in the file. */
export interface NormalText {
  text: string;
  endings: LineEnding[];
}

export function normalizeEndings(raw: string): NormalText {
  const endings: LineEnding[] = [];
  const text = raw.replace(/\r\n|\r|\n/g, (ending) => {
    endings.push(ending as LineEnding);
    return "\n";
  });
  return { text, endings };
}

/**
 * A lone CR that an edit brought directly before an LF becomes CRLF: the two would otherwise be read as the end of a
 * single line.
 */
export function restoreEndings({ text, endings }: NormalText): string {
  if (!endings.some((ending) => ending !== "\n")) return text;
  let index = 0;
  return text.replace(/\n/g, (_newline, at: number) => {
    const ending = endings[index++] ?? "\n";
    const joins = ending === "\r" && text[at + 1] === "\n" && (endings[index] ?? "\n") === "\n";
    return joins ? "\r\n" : ending;
  });
}

function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

function majority(endings: readonly LineEnding[]): LineEnding | undefined {
  const counts = new Map<LineEnding, number>();
  for (const ending of endings) counts.set(ending, (counts.get(ending) ?? 0) + 1);
  return [...counts].sort((left, right) => right[1] - left[1])[0]?.[0];
}

/**
 * Replaces `[start, end)` of the text. Unchanged lines at both borders of the passage keep their ends, new ones take
 * what most lines around them have.
 */
export function replacePassage(normal: NormalText, start: number, end: number, replacement: string): NormalText {
  const before = countNewlines(normal.text.slice(0, start));
  const old = normal.text.slice(start, end);
  const oldEndings = normal.endings.slice(before, before + countNewlines(old));
  const oldLines = old.split("\n");
  const newLines = replacement.split("\n");
  const wanted = newLines.length - 1;
  const limit = Math.min(wanted, oldEndings.length);
  let head = 0;
  while (head < limit && oldLines[head] === newLines[head]) head += 1;
  let tail = 0;
  while (tail < limit - head && oldLines.at(-1 - tail) === newLines.at(-1 - tail)) tail += 1;
  const around = normal.endings.slice(Math.max(0, before - 3), before + oldEndings.length + 3);
  const usual = majority(oldEndings) ?? majority(around) ?? majority(normal.endings) ?? "\n";
  const middle =
    wanted === oldEndings.length
      ? oldEndings.slice(head, wanted - tail)
      : Array<LineEnding>(wanted - head - tail).fill(usual);
  return {
    text: normal.text.slice(0, start) + replacement + normal.text.slice(end),
    endings: [
      ...normal.endings.slice(0, before),
      ...oldEndings.slice(0, head),
      ...middle,
      ...oldEndings.slice(oldEndings.length - tail),
      ...normal.endings.slice(before + oldEndings.length),
    ],
  };
}

/** The ending that most lines have; "\n" for a text of one line. */
export function usualEnding(endings: readonly LineEnding[]): LineEnding {
  return majority(endings) ?? "\n";
}
