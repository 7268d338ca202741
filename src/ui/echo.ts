// Recognises typing that may be shown ahead of the next drawing. Pure.

import type { UiState } from "./state.ts";

const PLAIN = /^[\x20-\x7e]+$/;

/** The text by which the editor grew at its end; null where anything else changed too or it is not plain ASCII. */
export function typedAtEnd(before: UiState, after: UiState): string | null {
  const { editor: old, ...oldRest } = before;
  const { editor: grown, ...rest } = after;
  const typed = grown.text.slice(old.text.length);
  if (
    !PLAIN.test(typed) ||
    grown.text !== old.text + typed ||
    old.cursor !== old.text.length ||
    grown.cursor !== grown.text.length
  )
    return null;
  // A shell command has another mark before it.
  if (old.text === "" && typed.startsWith("!")) return null;
  const others = Object.keys(rest) as (keyof typeof rest)[];
  return others.every((name) => oldRest[name] === rest[name]) ? typed : null;
}
