// Breaks one line into rows by what a terminal draws as one: no character that is joined to others is ever cut. Pure.
// The usual package breaks between code points, which tears emoji of several and makes rows wider than asked.

/** Gives the columns of a piece that holds no style. */
export type Measure = (piece: string) => number;
/** Splits a piece that holds no style into what is drawn as one. */
export type Split = (piece: string) => string[];

const STYLE = /(\u001b\[[0-9;]*m)/;
const CLOSES: Record<string, string> = { "1": "22", "2": "22", "3": "23", "4": "24", "9": "29" };

/** The code that ends the style a sequence begins; null for one that ends a style itself. */
function closeOf(code: string): string | null {
  if (CLOSES[code] !== undefined) return CLOSES[code];
  const number = Number(code);
  return (number >= 30 && number <= 37) || (number >= 90 && number <= 97) ? "39" : null;
}

/** Styles end with each row and begin again with the next. */
function carryStyles(rows: readonly string[]): string[] {
  const open: { start: string; close: string }[] = [];
  return rows.map((row) => {
    const before = open.map((style) => style.start).join("");
    for (const [, start = ""] of row.matchAll(new RegExp(STYLE, "g"))) {
      const code = start.slice(2, -1);
      const close = closeOf(code);
      if (close !== null) open.push({ start, close });
      else open.splice(0, open.length, ...open.filter((style) => style.close !== code));
    }
    return (
      before +
      row +
      [...open]
        .reverse()
        .map((style) => `\u001b[${style.close}m`)
        .join("")
    );
  });
}

/** Rows of at most `room` columns, at least one column. A blank at a break is dropped, other blanks stay. */
export function breakLine(line: string, room: number, measure: Measure, split: Split): string[] {
  const rows: string[] = [""];
  let used = 0;
  const add = (piece: string, columns: number): void => {
    rows[rows.length - 1] += piece;
    used += columns;
  };
  const next = (): void => {
    rows.push("");
    used = 0;
  };
  const words = line.split(" ");
  for (const [index, word] of words.entries()) {
    if (index > 0) {
      if (used >= room) next();
      add(" ", 1);
    }
    const pieces = word.split(STYLE);
    const columns = pieces.reduce((sum, piece, at) => sum + (at % 2 === 0 ? measure(piece) : 0), 0);
    const isLong = columns > room;
    // A long word begins here where that saves a row, a short one where it fits.
    const rowsFromHere = 1 + Math.floor((columns - (room - used) - 1) / room);
    if (used > 0 && (isLong ? Math.floor((columns - 1) / room) < rowsFromHere : columns > 0 && used + columns > room))
      next();
    for (const [at, piece] of pieces.entries()) {
      if (at % 2 === 1) add(piece, 0);
      else if (!isLong) add(piece, measure(piece));
      else {
        for (const one of split(piece)) {
          const size = measure(one);
          if (used > 0 && used + size > room) next();
          add(one, size);
        }
      }
    }
  }
  const kept = rows
    .filter((row, index) => index === 0 || row !== " ")
    .map((row, index) => (index === 0 ? row : row.replace(/^ (?=\S)/, "")));
  return kept.some((row) => row.includes("\u001b")) ? carryStyles(kept) : kept;
}
