// One figure of growth as bench/RESULTS.md shows it.

export interface Row {
  figure: string;
  must: string;
  aim: string;
  reached: string;
  peers: "";
  met: "aim" | "must" | "no";
}

/** @param unit stands after the numbers, such as `× rg --files` */
export function rowOf(figure: string, value: number, must: number, unit: string, digits = 2): Row {
  return {
    figure,
    must: `≤ ${must} ${unit}`,
    aim: "",
    reached: `${value.toFixed(digits)} ${unit}`,
    peers: "",
    met: value <= must ? "must" : "no",
  };
}
