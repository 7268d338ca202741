// Cuts a streaming answer into finished Markdown blocks and the unfinished rest. Pure; work per delta does not grow
// with the length of the answer.

export interface StreamState {
  /** What is not finished yet. */
  rest: string;
  /** The next finished part goes on inside a block that was cut because of its length. */
  joined: boolean;
}

export interface FinishedPart {
  text: string;
  joined: boolean;
}

export const EMPTY_STREAM: StreamState = { rest: "", joined: false };

/** A block this long is cut although it is not finished, so that the live part stays small. */
const LONGEST_REST = 4000;
const LONGEST_TABLE = 40_000;
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;

interface Scan {
  /** Offset behind the last finished block; 0 when none is finished. */
  cut: number;
  /** The opening line of a fence that is still open, and where its content begins. */
  fence: { line: string; mark: string; contentStart: number } | null;
}

function scan(text: string): Scan {
  let cut = 0;
  let fence: Scan["fence"] = null;
  let afterBlank = false;
  let offset = 0;
  while (offset < text.length) {
    const newline = text.indexOf("\n", offset);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(offset, end);
    const next = newline < 0 ? text.length : newline + 1;
    if (fence === null) {
      // A block ends where, after a blank line, another one begins in the first column: a list may go on indented.
      if (afterBlank && /^\S/.test(line)) cut = offset;
      const match = newline < 0 ? null : FENCE.exec(line);
      if (match !== null && !(match[1]?.startsWith("`") === true && match[2]?.includes("`") === true))
        fence = { line, mark: match[1] ?? "```", contentStart: next };
    } else if (newline >= 0 && line.trim().startsWith(fence.mark) && /^\s*(`+|~+)\s*$/.test(line)) {
      fence = null;
      if (/^ {0,3}\S/.test(line)) cut = next;
    }
    afterBlank = line.trim() === "";
    offset = next;
  }
  return { cut, fence };
}

/** Cuts an overlong rest at a line end or blank; an open fence is closed and opened again. */
function cutLong(rest: string, fence: Scan["fence"]): { part: string; rest: string } | null {
  const lineEnd = rest.lastIndexOf("\n");
  if (fence !== null) {
    if (lineEnd < fence.contentStart) return null;
    return { part: `${rest.slice(0, lineEnd + 1)}${fence.mark}\n`, rest: `${fence.line}\n${rest.slice(lineEnd + 1)}` };
  }
  if (/^\s*\|/.test(rest) && rest.length <= LONGEST_TABLE) return null;
  const blank = lineEnd > 0 ? lineEnd : rest.lastIndexOf(" ");
  const at = blank > 0 ? blank + 1 : rest.length;
  return { part: rest.slice(0, at), rest: rest.slice(at) };
}

export function appendStream(state: StreamState, delta: string): { state: StreamState; finished: FinishedPart[] } {
  const finished: FinishedPart[] = [];
  let { rest, joined } = state;
  rest += delta;
  // Without a line end in it a delta finishes nothing.
  if (!delta.includes("\n") && rest.length <= LONGEST_REST) return { state: { rest, joined }, finished };
  const { cut, fence } = scan(rest);
  if (cut > 0) {
    if (rest.slice(0, cut).trim() !== "") {
      finished.push({ text: rest.slice(0, cut), joined });
      joined = false;
    }
    rest = rest.slice(cut);
  }
  if (rest.length > LONGEST_REST) {
    const long = cutLong(rest, fence === null ? null : { ...fence, contentStart: fence.contentStart - cut });
    if (long !== null) {
      finished.push({ text: long.part, joined });
      rest = long.rest;
      joined = true;
    }
  }
  return { state: { rest, joined }, finished };
}

/** The answer is over: the rest is a block as it stands. */
export function endStream(state: StreamState): FinishedPart | null {
  return state.rest.trim() === "" ? null : { text: state.rest, joined: state.joined };
}
