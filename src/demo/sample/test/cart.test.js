import assert from "node:assert/strict";
import { test } from "node:test";
import { addItem, total } from "../src/cart.js";
import { receipt } from "../src/receipt.js";

test("the same item twice raises its quantity", () => {
  assert.deepEqual(addItem(addItem([], "apple", 30), "apple", 30, 2), [{ name: "apple", price: 30, quantity: 3 }]);
});

test("an empty cart costs nothing", () => {
  assert.equal(total([]), 0);
});

test("the total counts quantities", () => {
  const cart = addItem(addItem([], "apple", 30, 3), "bread", 250);
  assert.equal(total(cart), 340);
});

test("the receipt ends with the total", () => {
  const cart = addItem([], "apple", 30, 3);
  assert.equal(receipt(cart), "3 x apple  0.90 EUR\ntotal  0.90 EUR");
});
