// Globs over `/`-separated relative paths: `* ** ? [] {}` and `\`, dot files match. As git's wildmatch reads path
// names, by code points, with braces added. Pure; used for scopes and permission rules. Its time is bounded by the
// glob's length times the path's.

import { BmoError } from "./errors.ts";

export interface GlobOptions {
  /** Letters of either case are the same. */
  ignoreCase?: boolean;
  /** Whether `{a,b}` means either; git itself takes it as it stands. Default true. */
  braces?: boolean;
}

type CharacterTest = (code: number) => boolean;
/** One element of a segment: a character as it stands, a class of characters, or any number of characters. */
type Element = number | CharacterTest | "star";
type Segment = Element[] | "folders" | "one or more folders";

const LONGEST_GLOB = 4_096;
const MOST_ALTERNATIVES = 1_000;
/** Characters of all alternatives together. */
const MOST_EXPANDED = 32_768;

const SLASH = 0x2f;

/** Ranges of ASCII, as git has them whatever the locale. */
const POSIX_CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[\0-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\v\f\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** Index of the brace that closes the one at `open`, or -1; what is escaped or in a class does not count. */
function closingBrace(glob: string, open: number): number {
  let depth = 0;
  for (let index = open; index < glob.length; index++) {
    const character = glob[index];
    if (character === "\\") index++;
    else if (character === "[") index = classEnd(glob, index);
    else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) return index;
  }
  return -1;
}

/** Index of the `]` that ends the class at `open`, or `open` where there is none. */
function classEnd(glob: string, open: number): number {
  const first = glob[open + 1] === "!" || glob[open + 1] === "^" ? open + 2 : open + 1;
  for (let index = first; index < glob.length; index++) {
    if (glob[index] === "\\") index++;
    else if (glob[index] === "[" && glob[index + 1] === ":") {
      const end = glob.indexOf("]", index + 2);
      if (end > index + 2 && glob[end - 1] === ":") index = end;
    } else if (glob[index] === "]" && index > first) return index;
  }
  return open;
}

function splitAlternatives(body: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < body.length; index++) {
    const character = body[index];
    if (character === "\\") index++;
    else if (character === "[") index = classEnd(body, index);
    else if (character === "{") depth++;
    else if (character === "}") depth--;
    else if (character === "," && depth === 0) {
      parts.push(body.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(body.slice(start));
  return parts;
}

function tooLarge(glob: string, what: string): BmoError {
  return new BmoError(
    "usage",
    `the glob ${JSON.stringify(glob.length > 60 ? `${glob.slice(0, 60)}…` : glob)} ${what}`,
    "Use several shorter globs.",
  );
}

/** Every spelling that the braces stand for. */
function expandBraces(glob: string): string[] {
  const done: string[] = [];
  let characters = 0;
  // From the left, the first pair of braces at a time: what is before it holds none any more.
  const waiting: { text: string; from: number }[] = [{ text: glob, from: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { text } = next;
    let open = -1;
    let close = -1;
    let alternatives: string[] = [];
    for (let index = next.from; index < text.length && open === -1; index++) {
      if (text[index] === "\\") index++;
      else if (text[index] === "[") index = classEnd(text, index);
      else if (text[index] === "{") {
        close = closingBrace(text, index);
        alternatives = close === -1 ? [] : splitAlternatives(text.slice(index + 1, close));
        if (alternatives.length > 1) open = index;
      }
    }
    characters += text.length;
    if (done.length + waiting.length + alternatives.length > MOST_ALTERNATIVES || characters > MOST_EXPANDED) {
      throw tooLarge(
        glob,
        `expands to too many names; at most ${MOST_ALTERNATIVES} alternatives of ${MOST_EXPANDED} characters together are allowed`,
      );
    }
    if (open === -1) done.push(text);
    else
      waiting.push(
        ...alternatives.map((one) => ({ text: text.slice(0, open) + one + text.slice(close + 1), from: open })),
      );
  }
  return done;
}

function bothCases(code: number): number[] {
  const character = String.fromCodePoint(code);
  const codes = [character.toLowerCase(), character.toUpperCase()].flatMap((one) =>
    [...one].length === 1 ? [one.codePointAt(0) ?? code] : [],
  );
  return [code, ...codes];
}

/** The class at `open`, and the index of its `]`; null for one that never ends or names no known class. */
function readClass(
  codes: readonly number[],
  open: number,
  ignoreCase: boolean,
): { test: CharacterTest; end: number } | null {
  const at = (index: number): string => (index < codes.length ? String.fromCodePoint(codes[index] ?? 0) : "");
  const tests: CharacterTest[] = [];
  let index = open + 1;
  const negated = at(index) === "!" || at(index) === "^";
  if (negated) index++;
  const first = index;
  let previous: number | null = null;
  for (; ; index++) {
    const code = codes[index];
    if (code === undefined) return null;
    const character = at(index);
    if (character === "]" && index > first) break;
    if (character === "\\") {
      index++;
      const escaped = codes[index];
      if (escaped === undefined) return null;
      tests.push((tested) => tested === escaped);
      previous = escaped;
    } else if (character === "-" && previous !== null && index + 1 < codes.length && at(index + 1) !== "]") {
      index++;
      if (at(index) === "\\") index++;
      const low = previous;
      const high = codes[index];
      if (high === undefined) return null;
      tests.push((tested) => tested >= low && tested <= high);
      previous = null;
    } else if (character === "[" && at(index + 1) === ":") {
      const end = codes.indexOf(0x5d, index + 2);
      if (end === -1) return null;
      const isNamed = end > index + 2 && at(end - 1) === ":";
      if (isNamed) {
        const name = codes
          .slice(index + 2, end - 1)
          .map((one) => String.fromCodePoint(one))
          .join("");
        const expression = Object.hasOwn(POSIX_CLASSES, name) ? POSIX_CLASSES[name] : undefined;
        if (expression === undefined) return null;
        tests.push((tested) => expression.test(String.fromCodePoint(tested)));
        previous = null;
        index = end;
      } else {
        tests.push((tested) => tested === code);
        previous = code;
      }
    } else {
      tests.push((tested) => tested === code);
      previous = code;
    }
  }
  const holds = ignoreCase
    ? (code: number): boolean => bothCases(code).some((one) => tests.some((test) => test(one)))
    : (code: number): boolean => tests.some((test) => test(code));
  return { test: (code) => holds(code) !== negated, end: index };
}

/** Segments of a glob without braces; null when it can match no path at all. */
function readSegments(glob: string, ignoreCase: boolean): Segment[] | null {
  const codes = [...glob].map((character) => character.codePointAt(0) ?? 0);
  const segments: Segment[] = [];
  let current: Element[] = [];
  let stars = 0;
  const finish = (isLast: boolean, isEscaped: boolean): void => {
    const isWhole = stars >= 2 && current.length === stars;
    // `**` at the end wants at least one name, and so does git's `**\/`.
    segments.push(
      isWhole
        ? isLast || isEscaped
          ? "one or more folders"
          : "folders"
        : current.filter((element, position) => element !== "star" || current[position - 1] !== "star"),
    );
    current = [];
    stars = 0;
  };
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0;
    switch (String.fromCodePoint(code)) {
      case "/":
        finish(false, false);
        break;
      case "*":
        stars++;
        current.push("star");
        break;
      case "?":
        current.push(() => true);
        break;
      case "[": {
        const read = readClass(codes, index, ignoreCase);
        if (read === null) return null;
        current.push(read.test);
        index = read.end;
        break;
      }
      case "\\": {
        index++;
        const escaped = codes[index];
        if (escaped === undefined) return null;
        if (escaped === SLASH) finish(false, true);
        else current.push(literal(escaped, ignoreCase));
        break;
      }
      default:
        current.push(literal(code, ignoreCase));
    }
  }
  finish(true, false);
  return segments;
}

function literal(code: number, ignoreCase: boolean): Element {
  if (!ignoreCase) return code;
  const codes = bothCases(code);
  return codes.every((one) => one === code)
    ? code
    : (tested) => codes.includes(tested) || bothCases(tested).includes(code);
}

/** Two pointers: after a mismatch the last star takes one character more. Earlier stars never need to. */
function segmentMatches(segment: readonly Element[], name: readonly number[]): boolean {
  let element = 0;
  let position = 0;
  let star = -1;
  let afterStar = 0;
  while (position < name.length) {
    const wanted = segment[element];
    const code = name[position] ?? 0;
    if (wanted === "star") {
      star = element++;
      afterStar = position;
    } else if (wanted !== undefined && (typeof wanted === "number" ? wanted === code : wanted(code))) {
      element++;
      position++;
    } else if (star !== -1) {
      element = star + 1;
      position = ++afterStar;
    } else {
      return false;
    }
  }
  while (segment[element] === "star") element++;
  return element === segment.length;
}

/** The same over segments: `**` takes one folder more after a mismatch. */
function segmentsMatch(segments: readonly Segment[], names: readonly number[][]): boolean {
  let segment = 0;
  let position = 0;
  let folders = -1;
  let afterFolders = 0;
  while (position < names.length || segment < segments.length) {
    const wanted = segments[segment];
    if (wanted === "folders" || wanted === "one or more folders") {
      folders = segment++;
      afterFolders = wanted === "folders" ? position : position + 1;
      position = afterFolders;
      if (position > names.length) return false;
      continue;
    }
    const name = names[position];
    if (wanted !== undefined && name !== undefined && segmentMatches(wanted, name)) {
      segment++;
      position++;
    } else if (folders !== -1 && afterFolders < names.length) {
      segment = folders + 1;
      position = ++afterFolders;
    } else {
      return false;
    }
  }
  return true;
}

function codesOf(path: string): number[][] {
  const names: number[][] = [[]];
  for (const character of path) {
    const code = character.codePointAt(0) ?? 0;
    if (code === SLASH) names.push([]);
    else names.at(-1)?.push(code);
  }
  return names;
}

function compileAll(glob: string, options: GlobOptions): (Segment[] | null)[] {
  if (glob.length > LONGEST_GLOB) throw tooLarge(glob, `is longer than ${LONGEST_GLOB} characters`);
  const spellings = options.braces === false ? [glob] : expandBraces(glob);
  return spellings.map((spelling) => readSegments(spelling, options.ignoreCase === true));
}

/** Whether the text holds any glob syntax. */
export function isGlob(text: string): boolean {
  return /[*?[\]{}\\]/.test(text);
}

/**
 * Why the glob, or one of its alternatives, can never match a path, or null. Such a glob must not become a rule: what
 * denies would deny nothing. @throws BmoError usage for what `compileGlob` refuses.
 */
export function globProblem(glob: string): string | null {
  return compileAll(glob, {}).includes(null)
    ? "holds a class without its end or of no known name, or ends with a backslash (write \\[ or \\\\ for the character itself)"
    : null;
}

/**
 * A test for whole paths. What git finds malformed (a class without its end, a backslash at the end) matches nothing.
 * @throws BmoError usage for a glob that is too long or expands to too many names.
 */
export function compileGlob(glob: string, options: GlobOptions = {}): (path: string) => boolean {
  const alternatives = compileAll(glob, options).filter((segments) => segments !== null);
  return (path) => {
    const names = codesOf(path);
    return alternatives.some((segments) => segmentsMatch(segments, names));
  };
}
