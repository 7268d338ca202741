// Numbers of tokens as people read them: `940`, `8.2k`, `262k`, `1M`.

/** One decimal where there is one digit before it, none where it would be 0. */
function rounded(value: number): number {
  return value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}

export function formatTokens(count: number): string {
  if (count < 1_000) return String(count);
  const thousands = rounded(count / 1_000);
  return thousands < 1_000 ? `${thousands}k` : `${rounded(count / 1_000_000)}M`;
}
