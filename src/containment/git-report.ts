// Says in words what git's own work did to branches, tags and the stash. Reads loose references only.

import { readGitText } from "./git-config.ts";
import type { EffectChange } from "./snapshot-shapes.ts";

const REFERENCE = /\/\.git\/(?:.*\/)?(refs\/(?:heads|tags|stash).*)$/;
const SHOWN = 6;
const DIGITS = 10;

function short(text: string): string {
  return /^[0-9a-f]{40,64}$/.test(text.trim()) ? text.trim().slice(0, DIGITS) : text.trim().slice(0, 60);
}

/** One line, or none where no branch, tag or stash changed. */
export async function movedReferences(changes: readonly EffectChange[]): Promise<string[]> {
  const moved: string[] = [];
  for (const { absolute, before, by } of changes) {
    const name = by === "git" ? REFERENCE.exec(absolute)?.[1] : undefined;
    if (name === undefined || (before !== null && !("read" in before))) continue;
    const old = before === null ? null : short((await before.read()).toString("latin1"));
    const now = readGitText(absolute);
    if (old !== null && now !== null) moved.push(`${name} moved from ${old} to ${short(now)}`);
    else moved.push(old === null ? `${name} is new` : `${name} at ${old} is gone or packed`);
  }
  if (moved.length === 0) return [];
  const more = moved.length > SHOWN ? ` and ${moved.length - SHOWN} more` : "";
  return [`git changed the repository (/undo takes it back): ${moved.slice(0, SHOWN).join("; ")}${more}`];
}
