// The order in which files are listed. Pure.

const SLASH = 0x2f;

/** Path order: `a/x` before `a.ts`, as a walk that sorts each folder meets them. */
export function comparePaths(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let index = 0; index < shorter; index++) {
    const [one, other] = [left.charCodeAt(index), right.charCodeAt(index)];
    if (one !== other) return one === SLASH ? -1 : other === SLASH ? 1 : one - other;
  }
  return left.length - right.length;
}

/** The first `count` in path order, without sorting all: a tree may hold a hundred thousand. */
export function firstPaths(paths: readonly string[], count: number): string[] {
  let first: string[] = [];
  for (let start = 0; start < paths.length; start += count) {
    const last = first.length < count ? undefined : first.at(-1);
    const next = paths.slice(start, start + count).filter((path) => last === undefined || comparePaths(path, last) < 0);
    if (next.length > 0) first = [...first, ...next].sort(comparePaths).slice(0, count);
  }
  return first;
}
