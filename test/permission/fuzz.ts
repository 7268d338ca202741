// Differential fuzz: random lines that the reader announces as plain commands are run by real bash, which reports every
// argument list it tried to run. Commands do not exist, built-ins are switched off: nothing happens but the report.

import { spawnSync } from "node:child_process";
import { readShellLine, refusesCharacters, type ShellLine } from "../../src/permission/shell-words.ts";

const FRAGMENTS = [
  "aa",
  "bb",
  "cc",
  "x",
  "-l",
  "--opt=1",
  "a=b",
  "A=1",
  "=",
  "1",
  "2",
  "[",
  "]",
  ".",
  ":",
  "/",
  "~",
  "@",
  "%",
  "^",
  "+",
  ",",
  "é",
  "日本",
  " ",
  " ",
  " ",
  "  ",
  "\t",
  "\n",
  "\r",
  "\v",
  "\f",
  "\u00a0",
  "'",
  "'",
  "'q q'",
  "''",
  '"',
  '"',
  '"d d"',
  '""',
  '"a\'b"',
  "\\",
  "\\ ",
  "\\\n",
  "\\'",
  '\\"',
  "\\\\",
  "\\$",
  "\\|",
  "\\;",
  "\\&",
  "$",
  "$a",
  "${a}",
  "${a:-b}",
  "$(aa)",
  "`aa`",
  "$((1))",
  "$'q'",
  '$"q"',
  "$1",
  "$@",
  "|",
  "||",
  "&&",
  ";",
  "&",
  "|&",
  ";;",
  "!",
  "! ",
  "(",
  ")",
  "{ ",
  "}",
  "{a,b}",
  "{1..2}",
  "<",
  ">",
  ">>",
  "2>&1",
  "2>/dev/null",
  ">/dev/null",
  "</dev/null",
  "&>/dev/null",
  ">&2",
  "<<E\n",
  "<<<",
  "<(aa)",
  "*",
  "?",
  "[a]",
  "#",
  " #",
  "a#b",
  "if ",
  "then ",
  "fi",
  "time ",
  "coproc ",
  "function ",
  "case ",
  "in ",
  "do ",
  "done",
  "while ",
  "for ",
  "[[ ",
  "]]",
  "((",
  "))",
  "select ",
  "until ",
  "esac",
  "!(a)",
  "aa bb",
  "cc | bb",
  "aa && bb",
];

/** A small generator with a seed, so that every run is repeatable. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Mostly plain pieces, so that a good part is accepted and the odd one matters. */
function randomLine(random: () => number): string {
  const length = 1 + Math.floor(random() * 9);
  const wild = random() < 0.6 ? 0.25 : 0.8;
  let line = "";
  for (let count = 0; count < length; count++) {
    const pool = random() < wild ? FRAGMENTS.length : 24;
    line += FRAGMENTS[Math.floor(random() * pool)] ?? "";
    if (random() < 0.35) line += " ";
  }
  return line;
}

const DRIVER = `
command_not_found_handle() { local all; printf -v all '%s\\037' "$@"; printf '%s\\036' "$all" >&9; return $status; }
for name in $(compgen -b); do case $name in local|printf|eval|read|enable|return|exit|exec|set|case|unset) ;; *) enable -n "$name";; esac; done
PATH=/nonexistent
while IFS= read -r -d '' line; do ( eval -- "$line" ) </dev/null >/dev/null 2>&1; printf '\\035' >&9; done
`;

function runInBash(lines: string[], status: 0 | 1): string[][][] {
  const result = spawnSync("/bin/bash", ["--noprofile", "--norc", "-c", `status=${status}; exec 9>&1; ${DRIVER}`], {
    input: `${lines.join("\0")}\0`,
    env: { LC_ALL: "C.UTF-8" },
    maxBuffer: 1 << 30,
  });
  return result.stdout
    .toString("utf8")
    .split("\x1d")
    .slice(0, -1)
    .map((record) =>
      record
        .split("\x1e")
        .slice(0, -1)
        .map((argv) => argv.split("\x1f").slice(0, -1)),
    );
}

/** What the announced line runs when every command ends with the same status. */
function announcedRuns(line: ShellLine, succeeds: boolean): string[][] {
  const ran: string[][] = [];
  let running = true;
  line.segments.forEach((segment, index) => {
    const operator = line.operators[index - 1];
    if (operator === ";") running = true;
    // A list that was skipped keeps the status of what ran before it, which is always the same one here.
    else if (operator === "&&") running = succeeds;
    else if (operator === "||") running = !succeeds;
    if (running) ran.push(segment.argv);
  });
  return ran;
}

const sorted = (lists: string[][]): string[] => lists.map((argv) => JSON.stringify(argv)).sort();

export interface FuzzResult {
  tried: number;
  accepted: number;
  differences: { line: string; announced: string[]; ran: string[] }[];
}

export async function fuzzShell(count: number, seed: number): Promise<FuzzResult> {
  const random = createRandom(seed);
  const accepted: { text: string; line: ShellLine }[] = [];
  const result: FuzzResult = { tried: count, accepted: 0, differences: [] };
  const flush = (): void => {
    for (const status of [0, 1] as const) {
      const ran = runInBash(
        accepted.map(({ text }) => text),
        status,
      );
      accepted.forEach(({ text, line }, index) => {
        const expected = sorted(announcedRuns(line, status === 0));
        const found = sorted(ran[index] ?? []);
        if (expected.join() !== found.join()) result.differences.push({ line: text, announced: expected, ran: found });
      });
    }
    result.accepted += accepted.length;
    accepted.length = 0;
  };
  for (let tried = 0; tried < count; tried++) {
    const text = randomLine(random);
    if (text.trim() === "" || refusesCharacters(text) !== null) continue;
    const line = await readShellLine(text);
    // A name with a slash is a file: bash reports those to nobody.
    if (line.unclear === null && !line.segments.some(({ argv }) => argv[0]?.includes("/")))
      accepted.push({ text, line });
    if (accepted.length >= 4_000) flush();
  }
  if (accepted.length > 0) flush();
  return result;
}
