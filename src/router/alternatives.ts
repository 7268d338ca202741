// Large regular expressions in small pieces. An engine's time to compile grows faster than the expression: a list of
// phrases as one expression took a process's first decision tens of milliseconds. Knows no phrases.

/** Splits a regular expression at each `|` outside groups and classes. */
export function splitAlternatives(source: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let inClass = false;
  let start = 0;
  for (let at = 0; at < source.length; at++) {
    const character = source[at];
    if (character === "\\") at++;
    else if (inClass) inClass = character !== "]";
    else if (character === "[") inClass = true;
    else if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "|" && depth === 0) {
      parts.push(source.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(source.slice(start));
  return parts;
}

export interface Phrases {
  /** Whether the text is one of the phrases from its start to its end. */
  test(text: string): boolean;
}

interface Phrase {
  /** Letters that each match starts with; "" where they are not fixed. */
  opening: string;
  source: string;
  pattern: RegExp | null;
}

const OPENING = /^\p{L}{2}(?![?*{])/u;

/** The same answers as `^(?:one|two)$`; an alternative is compiled when a text first opens as it does. */
export function phrases(...sources: string[]): Phrases {
  let list: Phrase[] | null = null;
  const read = (): Phrase[] =>
    sources
      .flatMap(splitAlternatives)
      .map((source) => ({ opening: OPENING.exec(source)?.[0] ?? "", source, pattern: null }));
  return {
    test(text) {
      list ??= read();
      return list.some(
        (phrase) =>
          text.startsWith(phrase.opening) && (phrase.pattern ??= new RegExp(`^(?:${phrase.source})$`, "u")).test(text),
      );
    },
  };
}
