// Sums of money figures as records carry them. Exact decimals: each figure is read digit by digit, never added as a float.

/** Digits after the point that are kept: well below a billionth of a cent. */
const SCALE = 18;

function toUnits(value: number): bigint {
  const [mantissa = "0", exponentText] = String(value).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const digits = `${whole}${fraction}`;
  const shift = SCALE - fraction.length + Number(exponentText ?? 0);
  return shift >= 0 ? BigInt(digits) * 10n ** BigInt(shift) : BigInt(digits) / 10n ** BigInt(-shift);
}

function fromUnits(units: bigint): number {
  const negative = units < 0n;
  const digits = String(negative ? -units : units).padStart(SCALE + 1, "0");
  return Number(`${negative ? "-" : ""}${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`);
}

/** Exact sum in USD; null as soon as one figure is unknown. */
export function sumUsd(figures: readonly (number | null)[]): number | null {
  let total = 0n;
  for (const figure of figures) {
    if (figure === null) return null;
    total += toUnits(figure);
  }
  return fromUnits(total);
}
