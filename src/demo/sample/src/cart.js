// A cart is a list of items: { name, price, quantity }. Prices are in cents.

export function addItem(cart, name, price, quantity = 1) {
  const existing = cart.find((item) => item.name === name && item.price === price);
  if (existing === undefined) return [...cart, { name, price, quantity }];
  return cart.map((item) => (item === existing ? { ...item, quantity: item.quantity + quantity } : item));
}

export function total(cart) {
  return cart.reduce((sum, item) => sum + item.price, 0);
}
