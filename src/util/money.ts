// Exact money: whole numbers of 1e-24 USD. Figures come in and go out as decimals, never through float arithmetic.

/** USD in units of 1e-24. */
export type Money = bigint;

/**
 * A price per million tokens may carry 18 digits after the point and a token's price is still a whole number of units.
 */
const DIGITS = 24;
const TOKENS_PER_PRICE = 1_000_000n;

export const NO_MONEY: Money = 0n;

/** Reads a number digit by digit as it is written in decimal. @throws RangeError when it is no finite number. */
export function toMoney(usd: number): Money {
  if (!Number.isFinite(usd)) throw new RangeError(`${String(usd)} is not an amount of money`);
  const [mantissa = "0", exponent = "0"] = String(Math.abs(usd)).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const shift = DIGITS - fraction.length + Number(exponent);
  const digits = BigInt(`${whole}${fraction}`);
  const units = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  return usd < 0 ? -units : units;
}

/** The nearest number, for records and output. */
export function fromMoney(money: Money): number {
  const digits = String(money < 0n ? -money : money).padStart(DIGITS + 1, "0");
  const amount = Number(`${digits.slice(0, -DIGITS)}.${digits.slice(-DIGITS)}`);
  return money < 0n ? -amount : amount;
}

/** What `tokens` cost at a price in USD per million. `tokens` is a whole number, 0 or more. */
export function tokensAt(tokens: number, pricePerMillion: number): Money {
  return (BigInt(tokens) * toMoney(pricePerMillion)) / TOKENS_PER_PRICE;
}

/** The sum; null as soon as one amount is unknown. */
export function addMoney(amounts: readonly (Money | null)[]): Money | null {
  let sum = NO_MONEY;
  for (const amount of amounts) {
    if (amount === null) return null;
    sum += amount;
  }
  return sum;
}

/** Exact sum of recorded figures; null as soon as one is unknown. */
export function addUsd(figures: readonly (number | null)[]): number | null {
  const sum = addMoney(figures.map((figure) => (figure === null ? null : toMoney(figure))));
  return sum === null ? null : fromMoney(sum);
}

/**
 * How much cheaper than the baseline, in per cent with two digits; negative when dearer, null when unknown or without a
 * baseline.
 */
export function savingsPercent(cost: Money | null, baseline: Money | null): number | null {
  if (cost === null || baseline === null || baseline === NO_MONEY) return null;
  const hundredths = ((baseline - cost) * 100_000n) / baseline;
  const rounded = (hundredths + (hundredths < 0n ? -5n : 5n)) / 10n;
  return Number(rounded) / 100;
}

/**
 * Money as people see it everywhere: `$0.0123`, `~$1.20`, `-$0.0500`, `unknown`; less than a cent keeps two digits that
 * count.
 */
export function formatUsd(usd: number | null, estimate = false): string {
  if (usd === null) return "unknown";
  const amount = Math.abs(usd);
  const places =
    amount === 0 ? 0 : amount >= 1 ? 2 : amount >= 0.01 ? 4 : Math.min(12, 1 - Math.floor(Math.log10(amount)));
  return `${estimate ? "~" : ""}${usd < 0 ? "-" : ""}$${amount.toFixed(places)}`;
}
