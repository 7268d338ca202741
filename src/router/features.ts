// Turns a message into weighted feature indices for the linear classifiers. Pure, bounded, independent of case and of
// final punctuation. Training and prediction share this file: any change needs the weights trained again
// (scripts/train-router.mts).

import { STEMS, SUBSTRINGS } from "./lexicon.ts";
import { classesAt, firstClasses } from "./stems.ts";

const HEAD_CHARACTERS = 1_400;
const TAIL_CHARACTERS = 600;
const MAX_WORDS = 260;

export interface Features {
  /** Hashes of 32 bits; a model folds them into as many slots as it has. */
  hash: Uint32Array;
  value: Float64Array;
  count: number;
}

const STEM_NAMES = Object.keys(STEMS);
const SUBSTRING_PATTERNS: [string, RegExp][] = Object.entries(SUBSTRINGS).map(([name, parts]) => [
  name,
  new RegExp(parts, "u"),
]);
const NO_BLANKS = /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/u;

/** Politeness and openings that carry no intent; taken off so that the head of the request comes first. */
const OPENING =
  /^(?:(?:hi|hey|hello|hallo|ok(?:ay)?|so|and|now|then|also|well|alright|quick one|please|pls|plz|kindly|just|maybe|bitte|por favor|per favore|s'il (?:te|vous) pla[iî]t|proszę|lütfen|пожалуйста|alsjeblieft|could you|can you|would you|will you|can we|could we|i(?:'d| would) like (?:you )?to|i want (?:you )?to|i need (?:you )?to|we need (?:you )?to|we should|let's|lets|let us|you should|go and|try to|help me(?: to)?|kannst du|könntest du|kann man|peux-tu|pouvez-vous|puedes|podrías|puoi|potresti|você pode|pode|kun je|możesz|можешь|the task:?|task:|feature:|first,?)[\s,.:;!-]+)+/u;

const SHAPES: [string, RegExp][] = [
  [
    "trace",
    /^\s*at .{2,}:\d+|file "[^"]+", line \d+|traceback|exception in thread|caused by:|goroutine \d+|panic:|error\[e\d+\]|\berror ts\d+|\bnpm err|exit (?:code|status)|segmentation fault|core dumped|undefined reference|\b[a-z_.]*(?:error|exception)(?:\s*\[[^\]]+\])?: |^e\s{2,}/mu,
  ],
  [
    "failrun",
    /\d+ fail(?:ed|ing|ures?)|--- fail|\bfail(?:ed)? +[\w./-]+|tests? failed|assertion(?:error)?|expected .{1,60} (?:to|but|got|received)|not ok \d/u,
  ],
  ["passrun", /\d+ pass(?:ed|ing)|coverage: ?\d|\d+% of statements|\bok +[\w./]+ +[\d.]+s/u],
  ["diff", /^(?:diff --git|@@ |[+-]{3} [ab]\/)/mu],
  ["log", /^\W*\d{4}-\d\d-\d\d[t ]\d\d:\d\d|\b(?:warn|info|fatal|error)\b[\]:]|^\$ /mu],
  ["lint", /\b(?:eslint|complexity|max-lines|cognitive|sonar|no-unused|prettier)\b/u],
  ["list", /^\s*(?:[-*•]|\d+[.)]|\([a-z\d]\)) +\S/mu],
  ["fence", /```/u],
  ["code", /[{};]\s*$|=>|\bfunction\b.*\(|\bdef \w+\(|\bconst \w+ =|\bselect .+ from\b/mu],
  [
    "planned",
    /(?:implement|execute|build|follow|carry out|do) (?:the|this|that|following|our|step|phase|what).{0,24}(?:plan|design|proposal|spec|ticket|steps?)|(?:as|like) (?:we )?(?:agreed|discussed|planned|decided)/u,
  ],
  ["exact", /\bto\s+(?:VALUE|QUOTE|CODE|NUMBER)|from\s+(?:VALUE|QUOTE|CODE|NUMBER)/u],
  ["knownchange", /\b(?:instead of|should return|should be|must be|rather than)\b/u],
];

/**
 * Lower-case NFKC text whose literals are replaced by what they are: words inside quotes and code must not count as
 * intent.
 */
function normalise(message: string): { text: string; raw: string } {
  const clipped =
    message.length <= HEAD_CHARACTERS + TAIL_CHARACTERS
      ? message
      : `${message.slice(0, HEAD_CHARACTERS)}\n${message.slice(-TAIL_CHARACTERS)}`;
  const raw = clipped
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\u2018\u2019]/gu, "'")
    .replace(/[\u201c\u201d\u201e«»]/gu, '"')
    .trim()
    .replace(/[\s.!?。！？…,;:]+$/u, "");
  const text = raw
    .replace(/```[\s\S]*?(?:```|$)/gu, " FENCE ")
    .replace(/https?:\/\/\S+/gu, " URL ")
    .replace(/`[^`\n]{1,80}`/gu, " CODE ")
    .replace(/(?<![\p{L}\p{N}])["'][^"'\n]{1,60}["'](?![\p{L}\p{N}])|「[^」]{1,40}」/gu, " QUOTE ")
    .replace(/#[0-9a-f]{3,8}\b/gu, " VALUE ")
    .replace(/(?:[\w@.-]+\/)*[\w-]*(?:\.(?:test|spec)\.\w+|_(?:test|spec)\.\w+)\b|\btest_\w+\.py\b/gu, " TESTFILE ")
    .replace(/(?:[\w@.-]+\/)*[\w.-]+\.(?:md|mdx|rst|adoc)\b/gu, " DOCFILE ")
    .replace(/(?:[\w@.-]+\/)*[\w.-]+\.(?:json|ya?ml|toml|ini|env|cfg|conf|lock)\b/gu, " CONFIGFILE ")
    .replace(
      /(?:[\w@.-]+\/)*[\w-]+\.(?:[cm]?[jt]sx?|py|go|rs|rb|java|kt|php|c|cc|cpp|h|cs|swift|scala|vue|svelte|sql|css|scss|html|sh|ex|exs|dart|lua)\b/gu,
      " CODEFILE ",
    )
    .replace(/(?<![\w:])(?:[\w@.-]+\/){1,}[\w.-]*/gu, " PATH ")
    .replace(/\bv?\d+(?:\.\d+){1,3}\b/gu, " VERSION ")
    .replace(/\b\w+\(\)|\b[a-z]+_[a-z_]+\b/gu, " IDENT ")
    .replace(/\d+/gu, " NUMBER ");
  return { text, raw };
}

export function words(text: string): string[] {
  return (text.match(/[\p{L}\p{M}']+|[?]/gu) ?? []).slice(0, MAX_WORDS);
}

/** Named features with weights; the names exist for tests and training, prediction hashes them at once. */
function visitFeatures(message: string, visit: (name: string, weight: number) => void): void {
  const { text, raw } = normalise(message);
  const headed = text.replace(OPENING, "");
  const tokens = words(headed);
  visit("bias", 1);
  const unigram = 1 / Math.sqrt(Math.max(4, tokens.length));
  for (let at = 0; at < tokens.length; at++) {
    const word = tokens[at] ?? "";
    visit(`w:${word}`, 2 * unigram);
    visit(`b:${tokens[at - 1] ?? "^"} ${word}`, 1.2 * unigram);
    if (at < 3) visit(`h${at === 0 ? 0 : 1}:${word}`, at === 0 ? 0.8 : 0.4);
    if (NO_BLANKS.test(word)) {
      for (let cut = 0; cut + 2 <= word.length && cut < 60; cut++)
        visit(`c:${word.slice(cut, cut + 2)}`, 0.5 * unigram * 2);
    } else if (word.length > 4) {
      visit(`p:${word.slice(0, 4)}`, unigram);
      visit(`p:${word.slice(0, 6)}`, unigram);
    }
  }
  if (tokens.length > 0) visit(`l:${tokens[tokens.length - 1] ?? ""}`, 0.3);
  visitClasses(headed, raw, visit);
  visitShapes(raw, text, tokens.length, visit);
}

function visitClasses(headed: string, raw: string, visit: (name: string, weight: number) => void): void {
  const head = headed.slice(0, 28);
  const clauses = headed
    .split(/[.;:!?\n]+|,| (?:and|then|but|und|dann|et|puis|y|luego|e poi|depois|en|i|и|ve) /u)
    .slice(0, 14);
  const starts = clauses.map((clause) => clause.trim().replace(OPENING, "").slice(0, 22));
  const present: string[] = [];
  const first = firstClasses(headed);
  const inHead = firstClasses(head);
  const atStarts = new Set(starts.flatMap((start) => (start === "" ? [] : [...classesAt(start, 0)])));
  for (const name of STEM_NAMES) {
    const position = first.get(name);
    if (position === undefined) continue;
    present.push(name);
    visit(`k:${name}`, 0.8);
    if (position === 0) visit(`k0:${name}`, 1.2);
    else if (inHead.has(name)) visit(`k1:${name}`, 0.6);
    if (atStarts.has(name)) visit(`kc:${name}`, 0.6);
  }
  if (NO_BLANKS.test(raw)) {
    for (const [name, pattern] of SUBSTRING_PATTERNS) {
      if (!pattern.test(raw)) continue;
      present.push(name);
      visit(`k:${name}`, 0.8);
      visit(`kj:${name}`, 1);
    }
  }
  for (let left = 0; left < present.length; left++) {
    for (let right = left + 1; right < present.length; right++)
      visit(`kk:${present[left] ?? ""}+${present[right] ?? ""}`, 0.35);
  }
  if (present.length === 0) visit("k:none", 0.6);
}

function visitShapes(raw: string, text: string, count: number, visit: (name: string, weight: number) => void): void {
  for (const [name, pattern] of SHAPES) if (pattern.test(name === "exact" ? text : raw)) visit(`s:${name}`, 0.9);
  visit(
    `n:${count <= 2 ? "tiny" : count <= 5 ? "short" : count <= 12 ? "sentence" : count <= 40 ? "long" : "huge"}`,
    0.5,
  );
  for (const kind of [
    "TESTFILE",
    "DOCFILE",
    "CONFIGFILE",
    "CODEFILE",
    "PATH",
    "QUOTE",
    "CODE",
    "VALUE",
    "VERSION",
    "URL",
    "NUMBER",
    "IDENT",
  ]) {
    if (text.includes(kind)) visit(`o:${kind}`, 0.5);
  }
  if (/[^\p{ASCII}]/u.test(raw))
    visit(`script:${NO_BLANKS.test(raw) ? "cjk" : /\p{Script=Cyrillic}/u.test(raw) ? "cyrillic" : "other"}`, 0.4);
}

/** FNV-1a over UTF-16 code units. */
function hashFeature(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  hash ^= hash >>> 15;
  return hash >>> 0;
}

let last: { message: string; features: Features } | null = null;

/**
 * What each word adds to a score, from the features that hold no other word; `weightOf` gives the score's weight of a
 * hash.
 */
export function weighWords(message: string, weightOf: (hash: number) => number): Map<string, number> {
  const sums = new Map<string, number>();
  const tokens = words(normalise(message).text.replace(OPENING, ""));
  const add = (word: string, name: string, weight: number): unknown =>
    sums.set(word, (sums.get(word) ?? 0) + weight * weightOf(hashFeature(name)));
  for (const word of tokens) {
    add(word, `w:${word}`, 2);
    if (word.length > 4 && !NO_BLANKS.test(word)) for (const end of [4, 6]) add(word, `p:${word.slice(0, end)}`, 1);
    if (NO_BLANKS.test(word))
      for (let cut = 0; cut + 2 <= word.length && cut < 60; cut++)
        add(word.slice(cut, cut + 2), `c:${word.slice(cut, cut + 2)}`, 1);
  }
  return sums;
}

/** The message before is remembered: phase and tier ask for the same one. */
export function extractFeatures(message: string): Features {
  if (last?.message === message) return last.features;
  const hash: number[] = [];
  const value: number[] = [];
  visitFeatures(message, (name, weight) => {
    hash.push(hashFeature(name));
    value.push(weight);
  });
  const features = { hash: Uint32Array.from(hash), value: Float64Array.from(value), count: hash.length };
  last = { message, features };
  return features;
}
