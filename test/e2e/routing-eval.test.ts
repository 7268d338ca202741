// `bmo route eval` on the labelled development sets, where they lie beside the checkout: predictions that the sets' own
// scorer takes and agrees with, and readings that survive what does not change a message's meaning. No threshold on
// accuracy is tested here.

import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { createPlace } from "./harness.ts";
import { need } from "../support/need.ts";

const run = promisify(execFile);
const EVAL = fileURLToPath(new URL("../../../shared/eval", import.meta.url));
const HAS_SETS =
  ["phase", "gate", "tier"].every((what) => existsSync(join(EVAL, `${what}.dev.jsonl`))) &&
  existsSync(join(EVAL, "score.mjs"));

interface Case {
  id: string;
  message: string;
}

interface Prediction {
  id: string;
  label: string;
  confidence: number;
  layer: string;
  ms: number;
}

const readLines = <Row>(path: string): Row[] =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);

/** Words that say the same in a request. */
const SYNONYMS: Record<string, string> = {
  fix: "repair",
  add: "introduce",
  bug: "defect",
  explain: "describe",
  broken: "faulty",
  slow: "sluggish",
  rename: "relabel",
  check: "verify",
  write: "compose",
  want: "would like",
  please: "kindly",
  docs: "documentation",
  documentation: "docs",
  tests: "test cases",
  function: "method",
  folder: "directory",
  directory: "folder",
  repo: "repository",
  crash: "crashes",
  error: "failure",
  remove: "delete",
  delete: "remove",
  big: "large",
  large: "big",
  quick: "fast",
  quickly: "fast",
  also: "too",
  make: "do",
  show: "display",
  every: "each",
  start: "begin",
  hello: "hi",
  hi: "hello",
  thanks: "thank you",
  app: "application",
};

/** One word, the first that has a synonym. */
function swapWord(message: string): string {
  for (const word of message.match(/[A-Za-z]+/g) ?? []) {
    const other = SYNONYMS[word.toLowerCase()];
    if (other !== undefined && Object.hasOwn(SYNONYMS, word.toLowerCase()))
      return message.replace(new RegExp(`\\b${word}\\b`), other);
  }
  return message;
}

const VARIANTS: [string, (message: string) => string][] = [
  ["upper case", (message) => message.toUpperCase()],
  ["lower case", (message) => message.toLowerCase()],
  ["a capital first", (message) => message.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase())],
  ["a full stop", (message) => (/[\p{L}\p{N}]$/u.test(message) ? `${message}.` : message)],
  ["an exclamation mark", (message) => (/[\p{L}\p{N}]$/u.test(message) ? `${message}!` : message)],
  ["an ellipsis", (message) => (/[\p{L}\p{N}]$/u.test(message) ? `${message} ...` : message)],
  ["a synonym", swapWord],
];

async function predictions(place: ReturnType<typeof createPlace>, path: string): Promise<Prediction[]> {
  const out = join(place.workspace, "predictions.jsonl");
  const finished = await place.run(["route", "eval", path, "--predictions", out]);
  expect({ code: finished.code, stderr: finished.stderr }).toMatchObject({ code: 0 });
  return readLines<Prediction>(out);
}

const sets = need(HAS_SETS, "the labelled cases do not lie beside the checkout");

describe.skipIf(sets.missing)(sets.title("development sets"), () => {
  test.each(["phase", "gate", "tier"])(
    "%s: the scorer takes the predictions and agrees with our own figures",
    async (what) => {
      const place = createPlace();
      const path = join(EVAL, `${what}.dev.jsonl`);
      const out = join(place.workspace, "predictions.jsonl");
      const finished = await place.run(["route", "eval", path, "--json", "--predictions", out]);
      expect(finished).toMatchObject({ code: 0, stderr: "" });
      const own = JSON.parse(finished.stdout) as { what: string; cases: number; accuracy: number; macro_f1: number };
      const cases = readLines<Case>(path);
      const rows = readLines<Prediction>(out);
      expect(own).toMatchObject({ what, cases: cases.length });
      expect(rows.map((row) => row.id)).toEqual(cases.map((one) => one.id));
      for (const row of rows) {
        expect(row).toEqual({
          id: row.id,
          label: expect.any(String) as unknown,
          confidence: expect.any(Number) as unknown,
          layer: expect.any(String) as unknown,
          ms: expect.any(Number) as unknown,
        });
        expect(row.confidence).toBeGreaterThan(0);
        expect(row.confidence).toBeLessThanOrEqual(1);
      }
      const scored = JSON.parse(
        (await run(process.execPath, [join(EVAL, "score.mjs"), path, out, "--json"])).stdout,
      ) as Record<string, unknown>;
      const numbers = JSON.stringify(scored);
      expect(numbers).toContain(String(own.accuracy).slice(0, 6));
    },
  );

  test.each(["phase", "gate", "tier"])(
    "%s: at least 95 in 100 of the predictions survive re-casing, final punctuation and a synonym",
    async (what) => {
      const place = createPlace();
      const path = join(EVAL, `${what}.dev.jsonl`);
      const before = new Map((await predictions(place, path)).map((row) => [row.id, row.label]));
      const cases = readLines<Case>(path);
      const survived: Record<string, number> = {};
      for (const [name, change] of VARIANTS) {
        const changed = cases.map((one) => ({ ...one, message: change(one.message) }));
        const touched = changed.filter((one, index) => one.message !== cases[index]?.message);
        writeFileSync(
          join(place.workspace, "changed.jsonl"),
          changed.map((one) => `${JSON.stringify(one)}\n`).join(""),
        );
        const after = await predictions(place, "changed.jsonl");
        const kept = after.filter((row) => before.get(row.id) === row.label).length;
        survived[name] = kept / cases.length;
        expect(touched.length).toBeGreaterThan(0);
      }
      expect(Object.entries(survived).filter(([, share]) => share < 0.95)).toEqual([]);
    },
  );
});
