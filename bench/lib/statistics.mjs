// Medians and how figures are written.

export function median(values) {
  const sorted = values.filter(Number.isFinite).sort((left, right) => left - right);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const show = (value, digits = 1, unit = "") =>
  value === undefined || !Number.isFinite(value) ? "not measured" : `${value.toFixed(digits)}${unit}`;
