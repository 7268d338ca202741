// Money is exact: decimals in, decimals out, no float sums.

import fc from "fast-check";
import { expect, test } from "vitest";
import { addMoney, addUsd, formatUsd, fromMoney, savingsPercent, toMoney, tokensAt } from "../../src/util/money.ts";

test("decimals are read as they are written", () => {
  expect(toMoney(0.1)).toBe(10n ** 23n);
  expect(toMoney(1e-7)).toBe(10n ** 17n);
  expect(toMoney(1.5e21)).toBe(15n * 10n ** 44n);
  expect(toMoney(-2.25)).toBe(-225n * 10n ** 22n);
  expect(toMoney(0)).toBe(0n);
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => toMoney(wrong)).toThrow(RangeError);
});

test("what goes in comes out, and sums do not depend on order", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-5, max: 1e9, noNaN: true }), (value) => fromMoney(toMoney(value)) === value),
  );
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100_000_000 }), { maxLength: 40 }), (cents) => {
      const figures = cents.map((cent) => cent / 100_000);
      const exact = cents.reduce((sum, cent) => sum + BigInt(cent), 0n);
      return (
        addMoney(figures.map(toMoney)) === exact * 10n ** 19n && addUsd(figures) === addUsd([...figures].reverse())
      );
    }),
  );
  expect(addUsd([0.1, 0.2])).toBe(0.3);
  expect(addUsd([0.1, null])).toBeNull();
  expect(addUsd([])).toBe(0);
});

test("tokens at a price per million", () => {
  expect(fromMoney(tokensAt(1, 0.1))).toBe(1e-7);
  expect(fromMoney(tokensAt(1_234_567, 2.5))).toBe(3.0864175);
  expect(tokensAt(0, 15)).toBe(0n);
});

test("savings", () => {
  expect(savingsPercent(toMoney(0.25), toMoney(1))).toBe(75);
  expect(savingsPercent(toMoney(2), toMoney(1))).toBe(-100);
  expect(savingsPercent(toMoney(1), toMoney(3))).toBe(66.67);
  expect(savingsPercent(toMoney(1.00005), toMoney(1))).toBe(-0.01);
  expect(savingsPercent(null, toMoney(1))).toBeNull();
  expect(savingsPercent(toMoney(1), null)).toBeNull();
  expect(savingsPercent(0n, 0n)).toBeNull();
});

test("amounts as they are shown", () => {
  expect([null, 0, 12.345, 1, 0.1, 0.0123, 0.0099, 0.00000456, -0.5].map((usd) => formatUsd(usd))).toEqual([
    "unknown",
    "$0",
    "$12.35",
    "$1.00",
    "$0.1000",
    "$0.0123",
    "$0.0099",
    "$0.0000046",
    "-$0.5000",
  ]);
  expect(formatUsd(1.2, true)).toBe("~$1.20");
  expect(formatUsd(null, true)).toBe("unknown");
});
