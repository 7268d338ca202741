// Nearest-name suggestions for mistyped keys, commands, models and providers.

/** Levenshtein distance with two rows. */
function distance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const cost = left[row - 1] === right[column - 1] ? 0 : 1;
      current.push(
        Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (previous[column - 1] ?? 0) + cost),
      );
    }
    previous = current;
  }
  return previous[right.length] ?? Math.max(left.length, right.length);
}

/** The names closest to `name`, best first; only those near enough to be what was meant. */
export function nearestNames(name: string, known: Iterable<string>, count = 3): string[] {
  const wanted = name.toLowerCase();
  const limit = Math.max(2, Math.floor(wanted.length / 2));
  return [...new Set(known)]
    .map((candidate) => {
      const lower = candidate.toLowerCase();
      const score =
        lower.includes(wanted) || wanted.includes(lower)
          ? Math.min(1, distance(wanted, lower))
          : distance(wanted, lower);
      return { candidate, score };
    })
    .filter(({ score }) => score <= limit)
    .sort((left, right) => left.score - right.score || left.candidate.localeCompare(right.candidate))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
