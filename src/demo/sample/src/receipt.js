// Prints a cart as text.

import { total } from "./cart.js";

function money(cents) {
  return `${(cents / 100).toFixed(2)} EUR`;
}

export function receipt(cart) {
  const lines = cart.map((item) => `${item.quantity} x ${item.name}  ${money(item.price * item.quantity)}`);
  return [...lines, `total  ${money(total(cart))}`].join("\n");
}
