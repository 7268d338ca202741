// How many columns a terminal gives a text, for tables outside the REPL. Pure. The full measure, with its segmenter, is
// for what Ink draws: making that segmenter takes longer than everything else that a headless run does before its first
// request.

const PLAIN = /^[\x20-\x7e]*$/;
/** What is drawn as one: a flag, an emoji with its tone and what is joined to it, a keycap; else one character. */
const CLUSTER =
  /\p{RI}{2}|\p{Extended_Pictographic}(?:\uFE0F|\p{EMod})?(?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{EMod})?)*|[0-9#*]\uFE0F?\u20E3|[\s\S]/gu;
const JOINED = /[\p{RI}\p{EMod}\uFE0F\u200D\u20E3]/u;
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\p{Cc}]/u;
/** East Asian Width W and F, by blocks. */
const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97C\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6B\uFF01-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18CFF}\u{1AFF0}-\u{1B2FF}\u{1F200}-\u{1F265}\u{20000}-\u{3FFFD}]/u;

function clusterWidth(cluster: string): number {
  if (cluster.length > 1 && JOINED.test(cluster)) return 2;
  if (WITHOUT_WIDTH.test(cluster)) return 0;
  return WIDE.test(cluster) ? 2 : 1;
}

export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  // Composed first: a syllable of Hangul may be spelt as its letters, as some file systems do.
  return (text.normalize("NFC").match(CLUSTER) ?? []).reduce((sum, cluster) => sum + clusterWidth(cluster), 0);
}

/** `padEnd` by columns. */
export function padColumns(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}
